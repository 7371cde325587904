//! What is known of functions: exact values of integers and reductions to fewer functions.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::Trouble;
use super::algebra::{product, times};
use super::integer::factors;
use super::poly::{Atom, Poly};
use super::power::power;
use crate::fuel::Fuel;
use crate::limits;

/// Stands for the unknown base of a plain `log`, so that quotients of logarithms come out right.
const LOG_UNIT: &str = "log unit";

/// Returns a function's value in normal form.
pub fn call(name: &str, arguments: &[Poly], fuel: &mut Fuel) -> Result<Poly, Trouble> {
    fuel.spend(8)?;
    let of = |name: &str| Poly::atom(Atom::Call(name.to_owned(), arguments.to_vec()));
    match (name, arguments) {
        ("exp", [x]) => power(&Poly::atom(Atom::E), x, fuel),
        ("ln", [x]) => logarithm(x, fuel),
        ("log" | "lg", [x]) => product(
            &logarithm(x, fuel)?,
            &Poly::atom(Atom::Call(LOG_UNIT.to_owned(), vec![])),
            fuel,
        ),
        ("log", [x, base]) => ratio(&logarithm(x, fuel)?, &logarithm(base, fuel)?, fuel),
        ("tan", [_]) => ratio(&of("sin"), &of("cos"), fuel),
        ("cot", [_]) => ratio(&of("cos"), &of("sin"), fuel),
        ("sec", [_]) => ratio(&Poly::integer(1), &of("cos"), fuel),
        ("csc", [_]) => ratio(&Poly::integer(1), &of("sin"), fuel),
        ("sinh", [x]) => hyperbolic(x, -1, fuel),
        ("cosh", [x]) => hyperbolic(x, 1, fuel),
        ("factorial", [n]) => factorial(n, fuel),
        ("binom", [n, k]) => binomial(n, k, fuel),
        ("floor" | "ceil" | "abs", [x]) => Ok(rounded(name, x).unwrap_or_else(|| of(name))),
        _ => Ok(of(name)),
    }
}

fn ratio(over: &Poly, under: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let inverse = power(under, &Poly::integer(-1), fuel)?;
    product(over, &inverse, fuel)
}

/// Returns the natural logarithm: of a positive rational as a sum over its factors.
fn logarithm(x: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let natural = |argument: Poly| Poly::atom(Atom::Call("ln".to_owned(), vec![argument]));
    if *x == Poly::atom(Atom::E) {
        return Ok(Poly::integer(1));
    }
    let Some(value) = x.as_constant() else {
        return Ok(natural(x.clone()));
    };
    if value <= RBig::ZERO {
        return Err(Trouble::Undefined);
    }
    let mut out = Poly::zero();
    let (over, under) = value.into_parts();
    for (sign, part) in [(1, over.into_parts().1), (-1, under)] {
        for (factor, exponent) in factors(&part, fuel)? {
            let weight = RBig::from(IBig::from(sign * i64::from(exponent)));
            out = out.plus(&natural(Poly::constant(RBig::from(factor))).scaled(&weight));
        }
    }
    Ok(out)
}

fn hyperbolic(x: &Poly, sign: i64, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let euler = Poly::atom(Atom::E);
    let up = power(&euler, x, fuel)?;
    let down = power(&euler, &x.scaled(&-RBig::ONE), fuel)?;
    let half = RBig::from_parts(IBig::ONE, UBig::from(2_u8));
    Ok(up.plus(&down.scaled(&RBig::from(IBig::from(sign)))).scaled(&half))
}

fn factorial(n: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let opaque = || Ok(Poly::atom(Atom::Call("factorial".to_owned(), vec![n.clone()])));
    let Some(value) = n.as_constant() else { return opaque() };
    if *value.denominator() != UBig::ONE || value < RBig::ZERO {
        return Err(Trouble::Undefined);
    }
    let Ok(count) = u64::try_from(value.numerator()) else {
        return opaque();
    };
    if count > limits::FACTORIAL {
        return opaque();
    }
    let mut out = RBig::ONE;
    for factor in 2..=count {
        out = times(&out, &RBig::from(UBig::from(factor)), fuel)?;
    }
    Ok(Poly::constant(out))
}

fn binomial(n: &Poly, k: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let opaque = || Ok(Poly::atom(Atom::Call("binom".to_owned(), vec![n.clone(), k.clone()])));
    let (Some(n), Some(k)) = (n.as_integer(), k.as_integer()) else {
        return opaque();
    };
    let limit = i64::try_from(limits::FACTORIAL).unwrap_or(i64::MAX);
    if n < 0 || k < 0 || n > limit {
        return opaque();
    }
    let mut out = RBig::ONE;
    for step in 0..k.min(n - k).max(0) {
        let factor = RBig::from_parts(IBig::from(n - step), UBig::from((step + 1).unsigned_abs()));
        out = times(&out, &factor, fuel)?;
    }
    Ok(if k > n { Poly::zero() } else { Poly::constant(out) })
}

fn rounded(name: &str, x: &Poly) -> Option<Poly> {
    let value = x.as_constant()?;
    Some(Poly::constant(match name {
        "floor" => RBig::from(value.floor()),
        "ceil" => RBig::from(value.ceil()),
        _ if value < RBig::ZERO => -value,
        _ => value,
    }))
}
