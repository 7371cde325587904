//! Logarithms.

use dashu_int::IBig;
use dashu_ratio::RBig;

use super::Trouble;
use super::algebra::{multiple, product, sum};
use super::integer::factors;
use super::poly::{Atom, Poly};
use crate::fuel::Fuel;

/// Stands for the factor between a plain `\log` and the natural logarithm, as long as the base is open.
pub const LOG_UNIT: &str = "log unit";

/// Returns the natural logarithm: of a positive constant as a sum over its factors.
pub fn logarithm(x: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let Some((atoms, value)) = x.single() else {
        return if x.is_zero() {
            Err(Trouble::Undefined)
        } else {
            Ok(natural(x.clone()))
        };
    };
    if atoms.is_empty() && *value < RBig::ZERO {
        return Err(Trouble::Undefined);
    }
    let is_positive = *value > RBig::ZERO && atoms.iter().all(|(atom, exponent)| is_positive(atom, exponent));
    if !is_positive {
        return Ok(natural(x.clone()));
    }
    let mut parts = Vec::new();
    for (atom, exponent) in atoms {
        let weight = match atom {
            Atom::E => Poly::integer(1),
            Atom::Integer(value) => of_positive(&RBig::from(value.clone()), fuel)?,
            other => natural(Poly::atom(other.clone())),
        };
        parts.push(product(&weight, exponent, fuel));
    }
    parts.push(of_positive(value, fuel));
    sum(parts, fuel)
}

/// Returns whether a power is above zero whatever the values of names are.
fn is_positive(atom: &Atom, exponent: &Poly) -> bool {
    matches!(atom, Atom::Integer(_) | Atom::Pi | Atom::E) && exponent.number().is_some()
}

fn natural(argument: Poly) -> Poly {
    Poly::call("ln", vec![argument])
}

fn of_positive(value: &RBig, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let mut parts = Vec::new();
    let (over, under) = value.clone().into_parts();
    for (sign, part) in [(1, over.into_parts().1), (-1, under)] {
        for (factor, exponent) in factors(&part, fuel)? {
            let times = RBig::from(IBig::from(sign * i64::from(exponent)));
            let factor = natural(Poly::constant(RBig::from(factor)));
            parts.push(multiple(&factor, &times, fuel));
        }
    }
    sum(parts, fuel)
}
