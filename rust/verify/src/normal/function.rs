//! What is known of functions: exact values, and reductions to fewer functions.
//!
//! What remains are sines, cosines, natural logarithms, arc sines, arc tangents, factorials, absolute
//! values, integer parts, and functions that are not known here.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::Trouble;
use super::algebra::{multiple, product, sum};
use super::factorial::{binomial, double_factorial, factorial};
use super::logarithm::{LOG_UNIT, logarithm};
use super::poly::{Atom, Poly};
use super::power::{power, root};
use super::trigonometry::{cosine, exact_angle, sine};
use crate::fuel::Fuel;

/// Steps that any function costs.
const FUNCTION_STEPS: u64 = 24;

/// Returns a function's value in normal form.
pub fn call(name: &str, arguments: &[Poly], fuel: &mut Fuel) -> Result<Poly, Trouble> {
    // Arguments are copied; what repeats them grows by their weight, so that no nesting doubles for free.
    fuel.spend(
        arguments
            .iter()
            .fold(FUNCTION_STEPS, |sum: u64, x| sum.saturating_add(x.weight())),
    )?;
    match (name, arguments) {
        ("exp", [x]) => power(&Poly::atom(Atom::E), x, fuel),
        ("ln", [x]) => logarithm(x, fuel),
        ("log", [x]) => product(&logarithm(x, fuel)?, &Poly::call(LOG_UNIT, vec![]), fuel),
        ("lg", [x]) => ratio(&logarithm(x, fuel)?, &logarithm(&Poly::integer(10), fuel)?, fuel),
        ("log", [x, base]) => ratio(&logarithm(x, fuel)?, &logarithm(base, fuel)?, fuel),
        ("factorial", [n]) => factorial(n, fuel),
        ("double factorial", [n]) => Ok(double_factorial(n, fuel)?),
        ("binom", [n, k]) => binomial(n, k, fuel),
        ("floor", [x]) => Ok(floor(x)),
        ("ceil", [x]) => Ok(floor(&x.negated()).negated()),
        ("abs", [x]) => absolute(x, fuel),
        ("max" | "min", several) => Ok(extreme(name, several)),
        (_, [x]) => match trigonometric(name, x, fuel)? {
            Some(value) => Ok(value),
            None => inverse(name, x, fuel),
        },
        _ => Ok(Poly::call(name, arguments.to_vec())),
    }
}

/// Returns a quotient.
pub fn ratio(over: &Poly, under: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let inverse = power(under, &Poly::integer(-1), fuel)?;
    product(over, &inverse, fuel)
}

/// Returns circular and hyperbolic functions over sines and cosines, and over exponential functions.
fn trigonometric(name: &str, x: &Poly, fuel: &mut Fuel) -> Result<Option<Poly>, Trouble> {
    let one = Poly::integer(1);
    let parts = |fuel: &mut Fuel| Ok::<_, Trouble>((sine(x, fuel)?, cosine(x, fuel)?));
    let curved = |fuel: &mut Fuel| Ok::<_, Trouble>((hyperbolic(x, -1, fuel)?, hyperbolic(x, 1, fuel)?));
    Ok(Some(match name {
        "sin" => sine(x, fuel)?,
        "cos" => cosine(x, fuel)?,
        "tan" => parts(fuel).and_then(|(sine, cosine)| ratio(&sine, &cosine, fuel))?,
        "cot" => parts(fuel).and_then(|(sine, cosine)| ratio(&cosine, &sine, fuel))?,
        "sec" => ratio(&one, &cosine(x, fuel)?, fuel)?,
        "csc" => ratio(&one, &sine(x, fuel)?, fuel)?,
        "sinh" => hyperbolic(x, -1, fuel)?,
        "cosh" => hyperbolic(x, 1, fuel)?,
        "tanh" => curved(fuel).and_then(|(sine, cosine)| ratio(&sine, &cosine, fuel))?,
        "coth" => curved(fuel).and_then(|(sine, cosine)| ratio(&cosine, &sine, fuel))?,
        "sech" => ratio(&one, &hyperbolic(x, 1, fuel)?, fuel)?,
        "csch" => ratio(&one, &hyperbolic(x, -1, fuel)?, fuel)?,
        _ => return Ok(None),
    }))
}

/// Returns half the sum or difference of the exponential functions of x and of -x.
fn hyperbolic(x: &Poly, sign: i64, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let euler = Poly::atom(Atom::E);
    let up = power(&euler, x, fuel)?;
    let down = power(&euler, &x.negated(), fuel)?;
    let half = RBig::from_parts(IBig::ONE, UBig::from(2_u8));
    let signed = multiple(&down, &RBig::from(IBig::from(sign)), fuel);
    multiple(&sum([Ok(up), signed], fuel)?, &half, fuel)
}

/// Returns inverse functions: arc sines, arc tangents and logarithms; others stay as they are.
fn inverse(name: &str, x: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let flipped = |fuel: &mut Fuel| power(x, &Poly::integer(-1), fuel);
    let half = RBig::from_parts(IBig::ONE, UBig::from(2_u8));
    let complement = |angle: &Poly| Poly::atom(Atom::Pi).scaled(&half).minus(angle);
    Ok(match name {
        // Odd functions give the sign to the value.
        "arcsin" | "arctan" if x.is_negative() => inverse(name, &x.negated(), fuel)?.negated(),
        "arcsin" | "arctan" => match exact_angle(name, x, fuel)? {
            Some(angle) => angle,
            None => Poly::call(name, vec![x.clone()]),
        },
        "arccos" => complement(&inverse("arcsin", x, fuel)?),
        "arccot" => complement(&inverse("arctan", x, fuel)?),
        "arcsec" => complement(&inverse("arcsin", &flipped(fuel)?, fuel)?),
        "arccsc" => inverse("arcsin", &flipped(fuel)?, fuel)?,
        "arsinh" | "arcsinh" => area(x, 1, fuel)?,
        "arcosh" | "arccosh" => area(x, -1, fuel)?,
        "artanh" | "arctanh" => {
            let one = Poly::integer(1);
            let quotient = ratio(&one.clone().plus(x), &one.minus(x), fuel)?;
            multiple(&logarithm(&quotient, fuel)?, &half, fuel)?
        }
        _ => Poly::call(name, vec![x.clone()]),
    })
}

/// Returns the logarithm of x and the root of its square and 1 or -1.
fn area(x: &Poly, sign: i64, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let square = power(x, &Poly::integer(2), fuel)?;
    let radical = root(&Poly::integer(2), &square.plus(&Poly::integer(sign)), fuel)?;
    logarithm(&radical.plus(x), fuel)
}

/// Returns the integer part from below: the constant's own, and that of the rest.
fn floor(x: &Poly) -> Poly {
    let whole = Poly::constant(RBig::from(x.constant_term().floor()));
    if x.number().is_some() {
        return whole;
    }
    let rest = x.clone().minus(&whole);
    whole.plus(&Poly::call("floor", vec![rest]))
}

/// Returns the absolute value: of a number itself, and else with the sign that makes the leading coefficient positive.
fn absolute(x: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let positive = if x.is_negative() { x.negated() } else { x.clone() };
    match positive.single() {
        Some(([], _)) | None if positive.number().is_some() => Ok(positive),
        Some((atoms, value)) => {
            let inner = Poly::term(RBig::ONE, atoms.to_vec());
            multiple(&Poly::call("abs", vec![inner]), value, fuel)
        }
        None => Ok(Poly::call("abs", vec![positive])),
    }
}

/// Returns the largest or smallest of several numbers.
fn extreme(name: &str, several: &[Poly]) -> Poly {
    let numbers: Option<Vec<&RBig>> = several.iter().map(Poly::number).collect();
    let found = numbers.and_then(|numbers| match name {
        "max" => numbers.into_iter().max(),
        _ => numbers.into_iter().min(),
    });
    found.map_or_else(
        || Poly::call(name, several.to_vec()),
        |value| Poly::constant(value.clone()),
    )
}
