//! Whether two normal forms have the same value.

use dashu_ratio::RBig;

use super::Trouble;
use super::algebra::product;
use super::poly::{Atom, Poly};
use super::rebuild::{Base, has_open_base, rebuilt};
use crate::evaluate::vanishes;
use crate::fuel::Fuel;

/// Steps that any comparison costs beside its arithmetic.
const COMPARISON_STEPS: u64 = 16;
/// Most denominators that are cleared one after another.
const DENOMINATORS: usize = 16;

/// What is known about two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// Equal by the rules of algebra.
    Equal,
    /// Different.
    Different,
    /// Neither was shown.
    Unknown,
}

/// Returns whether two normal forms have the same value.
///
/// The difference is cleared of its denominators. If nothing is left the two are equal. Otherwise they differ if only
/// independent atoms are left: names, and roots of different integers, which no rational relation ties. What is left
/// after that is evaluated. A plain `\log` is natural or to base ten, and the same on both sides: the two are equal if
/// they are equal under one of the two readings.
pub fn sameness(left: &Poly, right: &Poly, fuel: &mut Fuel) -> Result<Sameness, Trouble> {
    if let (Some(left), Some(right)) = (left.number(), right.number()) {
        return Ok(decided(left == right));
    }
    fuel.spend(COMPARISON_STEPS + left.weight().saturating_add(right.weight()))?;
    if left == right {
        return Ok(Sameness::Equal);
    }
    let difference = left.clone().minus(right);
    let open = cleared(&difference, fuel)?;
    if open.is_zero() || !has_open_base(&difference) {
        return Ok(shown(&open, fuel));
    }
    let mut found = Sameness::Different;
    for base in [Base::Natural, Base::Ten] {
        let read = cleared(&rebuilt(&difference, base, fuel)?, fuel)?;
        match shown(&read, fuel) {
            Sameness::Equal => return Ok(Sameness::Equal),
            Sameness::Different => {}
            Sameness::Unknown => found = Sameness::Unknown,
        }
    }
    Ok(found)
}

const fn decided(is_equal: bool) -> Sameness {
    if is_equal { Sameness::Equal } else { Sameness::Different }
}

/// Returns what algebra, and else evaluation, says of a difference without denominators.
fn shown(difference: &Poly, fuel: &mut Fuel) -> Sameness {
    if difference.is_zero() {
        Sameness::Equal
    } else if is_independent(difference) {
        Sameness::Different
    } else {
        vanishes(difference, fuel)
    }
}

/// Returns a difference times its denominators.
fn cleared(difference: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let mut difference = difference.clone();
    for _ in 0..DENOMINATORS {
        fuel.spend(difference.weight())?;
        let Some((atom, exponent)) = deepest_denominator(&difference) else {
            break;
        };
        let factor = Poly::term(RBig::ONE, vec![(atom, Poly::constant(-exponent))]);
        difference = product(&difference, &factor, fuel)?;
    }
    Ok(difference)
}

/// Returns an atom that stands in a denominator, with the lowest of its exponents.
fn deepest_denominator(difference: &Poly) -> Option<(Atom, RBig)> {
    let mut lowest: Option<(&Atom, &RBig)> = None;
    for (atom, exponent) in difference.terms().flat_map(|(atoms, _)| atoms) {
        let constant = exponent.number().filter(|value| **value < RBig::ZERO);
        let is_lower = |value: &&RBig| lowest.is_none_or(|(known, low)| known == atom && *value < low);
        if let Some(value) = constant.filter(is_lower) {
            lowest = Some((atom, value));
        }
    }
    lowest.map(|(atom, value)| (atom.clone(), value.clone()))
}

fn is_independent(difference: &Poly) -> bool {
    let is_tied = |atom: &Atom, exponent: &Poly| match atom {
        Atom::Symbol(_) | Atom::I | Atom::Pi => exponent.as_integer().is_none(),
        Atom::Integer(_) => exponent.number().is_none(),
        Atom::E | Atom::Call(..) | Atom::Sum(_) => true,
    };
    !difference.any_atom(&is_tied)
}
