//! A normal form at one point.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::approximate::{Approximate, Function, NOTHING, Value};
use super::points::Point;
use crate::fuel::Fuel;
use crate::normal::{Atom, Poly, factorial_of};

/// Steps that one term costs beside its arithmetic.
const TERM_STEPS: u64 = 8;
/// Largest power of a name in the argument of a factorial.
const EXACT_POWER: i64 = 4;
/// Largest whole exponent that is multiplied out; beyond it the logarithm is shorter.
const SQUARING: u64 = 1 << 20;

/// Returns the value of a sum and the size of its largest term; none where it is undefined or out of reach.
pub fn sum<V: Value>(poly: &Poly, point: &Point, fuel: &mut Fuel) -> Option<(Approximate<V>, f64)> {
    let mut largest = NOTHING;
    let mut total = Approximate::rational(&RBig::ZERO)?;
    for (monomial, coefficient) in poly.terms() {
        fuel.spend(TERM_STEPS).ok()?;
        let mut term = Approximate::rational(coefficient)?;
        for (atom, exponent) in monomial {
            term = term.times(&factor(atom, exponent, point, fuel)?, fuel)?;
        }
        largest = largest.max(term.size());
        total = total.plus(&term)?;
    }
    Some((total, largest))
}

fn value<V: Value>(poly: &Poly, point: &Point, fuel: &mut Fuel) -> Option<Approximate<V>> {
    sum(poly, point, fuel).map(|(value, _)| value)
}

/// Returns an atom under its exponent.
fn factor<V: Value>(atom: &Atom, exponent: &Poly, point: &Point, fuel: &mut Fuel) -> Option<Approximate<V>> {
    if *atom == Atom::E {
        return value(exponent, point, fuel)?.apply(Function::Exp, fuel);
    }
    let base = plain(atom, point, fuel)?;
    let Some(constant) = exponent.as_constant() else {
        return general(&base, &value(exponent, point, fuel)?, fuel);
    };
    let (over, under) = (constant.numerator(), constant.denominator());
    let Ok(whole) = i64::try_from(over) else {
        return general(&base, &Approximate::rational(&constant)?, fuel);
    };
    let rooted = if *under == UBig::ONE {
        base
    } else if *under == UBig::from(2_u8) {
        base.root(fuel)?
    } else {
        return general(&base, &Approximate::rational(&constant)?, fuel);
    };
    if whole.unsigned_abs() > SQUARING {
        return general(&rooted, &Approximate::rational(&RBig::from(IBig::from(whole)))?, fuel);
    }
    let raised = rooted.whole_power(whole.unsigned_abs(), fuel)?;
    if whole < 0 { raised.inverse(fuel) } else { Some(raised) }
}

/// Returns the principal power.
fn general<V: Value>(base: &Approximate<V>, exponent: &Approximate<V>, fuel: &mut Fuel) -> Option<Approximate<V>> {
    base.apply(Function::Ln, fuel)?
        .times(exponent, fuel)?
        .apply(Function::Exp, fuel)
}

fn plain<V: Value>(atom: &Atom, point: &Point, fuel: &mut Fuel) -> Option<Approximate<V>> {
    match atom {
        Atom::Integer(value) => Approximate::rational(&RBig::from(value.clone())),
        Atom::Pi => Approximate::pi(),
        Atom::E => Approximate::rational(&RBig::ONE)?.apply(Function::Exp, fuel),
        Atom::I => Approximate::unit(),
        Atom::Sum(inner) => value(inner, point, fuel),
        Atom::Symbol(name) => named(name, point, fuel),
        Atom::Call(name, arguments) => match arguments.as_slice() {
            [] => named(name, point, fuel),
            [count] if &**name == "factorial" => {
                Approximate::rational(&factorial_of(&exact(count, point, fuel)?, fuel)?)
            }
            [argument] => value(argument, point, fuel)?.apply(function(name)?, fuel),
            _ => None,
        },
    }
}

/// Returns the value of a sum over names that stand for real numbers, without any rounding.
fn exact(poly: &Poly, point: &Point, fuel: &mut Fuel) -> Option<RBig> {
    let mut total = RBig::ZERO;
    for (monomial, coefficient) in poly.terms() {
        let mut term = coefficient.clone();
        for (atom, exponent) in monomial {
            let Atom::Symbol(name) = atom else { return None };
            let (across, up) = point.get(&**name)?;
            let power = exponent
                .as_integer()
                .filter(|power| (1..=EXACT_POWER).contains(power))?;
            fuel.spend(TERM_STEPS * power.unsigned_abs()).ok()?;
            if !up.is_zero() {
                return None;
            }
            term *= across.pow(isize::try_from(power).ok()?);
        }
        total += term;
    }
    Some(total)
}

fn named<V: Value>(name: &str, point: &Point, fuel: &mut Fuel) -> Option<Approximate<V>> {
    let (across, up) = point.get(name)?;
    let height = Approximate::rational(up)?.times(&Approximate::unit()?, fuel)?;
    Approximate::rational(across)?.plus(&height)
}

fn function(name: &str) -> Option<Function> {
    Some(match name {
        "ln" => Function::Ln,
        "sin" => Function::Sin,
        "cos" => Function::Cos,
        "arctan" => Function::Arctan,
        "arcsin" => Function::Arcsin,
        "arccos" => Function::Arccos,
        "abs" => Function::Abs,
        "floor" => Function::Floor,
        _ => return None,
    })
}
