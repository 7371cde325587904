//! Whether two normal forms have the same value.

use dashu_ratio::RBig;

use super::Trouble;
use super::algebra::product;
use super::poly::{Atom, Poly};
use crate::evaluate::vanishes;
use crate::fuel::Fuel;

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
/// after that is evaluated.
pub fn sameness(left: &Poly, right: &Poly, fuel: &mut Fuel) -> Result<Sameness, Trouble> {
    if left == right {
        return Ok(Sameness::Equal);
    }
    let mut difference = left.clone().minus(right);
    for _ in 0..DENOMINATORS {
        if difference.is_zero() {
            return Ok(Sameness::Equal);
        }
        let Some((atom, exponent)) = deepest_denominator(&difference) else {
            break;
        };
        let factor = Poly::term(RBig::ONE, vec![(atom, Poly::constant(-exponent))]);
        difference = product(&difference, &factor, fuel)?;
    }
    Ok(if is_independent(&difference) {
        Sameness::Different
    } else {
        vanishes(&difference, fuel)
    })
}

/// Returns an atom that stands in a denominator, with the lowest of its exponents.
fn deepest_denominator(difference: &Poly) -> Option<(Atom, RBig)> {
    let mut lowest: Option<(&Atom, RBig)> = None;
    for (atom, exponent) in difference.terms().flat_map(|(atoms, _)| atoms) {
        let constant = exponent.as_constant().filter(|value| *value < RBig::ZERO);
        let is_lower = |value: &RBig| lowest.as_ref().is_none_or(|(known, low)| *known == atom && value < low);
        if let Some(value) = constant.filter(is_lower) {
            lowest = Some((atom, value));
        }
    }
    lowest.map(|(atom, value)| (atom.clone(), value))
}

fn is_independent(difference: &Poly) -> bool {
    let is_tied = |atom: &Atom, exponent: &Poly| match atom {
        Atom::Symbol(_) | Atom::I | Atom::Pi => exponent.as_integer().is_none(),
        Atom::Integer(_) => exponent.as_constant().is_none(),
        Atom::E | Atom::Call(..) | Atom::Sum(_) => true,
    };
    !difference.any_atom(&is_tied)
}
