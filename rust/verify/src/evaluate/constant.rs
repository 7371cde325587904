//! Questions about one real constant: its sign, and whether it is close to zero.

use std::cmp::Ordering;

use dashu_ratio::RBig;

use super::fine::Fine;
use super::points::Point;
use super::walk;
use crate::fuel::Fuel;
use crate::normal::Poly;

/// Bits by which the error of a value has to be below what it is compared with.
const MARGIN: f64 = 16.0;

/// Returns how a constant compares with zero; none if it has names or is too close to tell.
pub fn sign(constant: &Poly, fuel: &mut Fuel) -> Option<Ordering> {
    if let Some(value) = constant.as_constant() {
        return Some(value.cmp(&RBig::ZERO));
    }
    let (value, _) = walk::sum::<Fine>(constant, &Point::new(), fuel)?;
    let is_negative = value.is_negative(MARGIN)?;
    Some(if is_negative { Ordering::Less } else { Ordering::Greater })
}

/// Returns whether the absolute value of a constant is at most a positive bound.
pub fn is_within(constant: &Poly, bound: &RBig, fuel: &mut Fuel) -> bool {
    let bound = Poly::constant(bound.clone());
    let is_positive =
        |value: Poly, fuel: &mut Fuel| matches!(sign(&value, fuel), Some(Ordering::Equal | Ordering::Greater));
    is_positive(bound.clone().minus(constant), fuel) && is_positive(bound.plus(constant), fuel)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::lexer::lex;
    use crate::normal::value_of;
    use crate::parser::parse;

    fn poly(text: &str) -> Poly {
        let fuel = &mut Fuel::default();
        value_of(&parse(lex(text, fuel).unwrap()).unwrap().ast, fuel).unwrap()
    }

    #[test]
    fn the_sign_of_a_real_constant_is_known() {
        let signs = [
            ("\\pi-3", Some(Ordering::Greater)),
            ("\\sqrt2-\\frac32", Some(Ordering::Less)),
            ("3-3", Some(Ordering::Equal)),
            ("x-3", None),
            ("1+i", None),
            ("\\sqrt{3+2\\sqrt2}-1-\\sqrt2", None),
        ];
        for (text, expected) in signs {
            assert_eq!(sign(&poly(text), &mut Fuel::default()), expected, "{text}");
        }
    }

    #[test]
    fn a_constant_is_close_to_zero_or_not() {
        let bound = RBig::from_parts(1.into(), 20_000_u32.into());
        assert!(is_within(&poly("\\pi-3.1416"), &bound, &mut Fuel::default()));
        assert!(!is_within(&poly("\\pi-3.1417"), &bound, &mut Fuel::default()));
        assert!(!is_within(&poly("x"), &bound, &mut Fuel::default()));
    }
}
