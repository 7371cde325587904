//! Products of normal forms, charged before they are computed.

use dashu_int::UBig;
use dashu_int::ops::BitTest;
use dashu_ratio::RBig;

use super::Trouble;
use super::poly::{Atom, Monomial, Poly};
use crate::fuel::Fuel;
use crate::limits;

/// Steps that the bookkeeping of one product of terms costs.
const TERM_STEPS: u64 = 64;

/// Returns the bits of numerator and denominator.
pub fn bits(value: &RBig) -> usize {
    value.numerator().bit_len().max(value.denominator().bit_len())
}

/// Returns the product.
pub fn product(left: &Poly, right: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let mut out = Poly::zero();
    for (left_atoms, left_value) in left.terms() {
        for (right_atoms, right_value) in right.terms() {
            fuel.spend(TERM_STEPS)?;
            let value = times(left_value, right_value, fuel)?;
            if right_atoms.is_empty() && left_atoms.is_empty() {
                out.add_term(Monomial::new(), value);
            } else {
                let merged = merged(left_atoms, right_atoms);
                out = out.plus(&settled(value, merged, fuel)?);
            }
            if out.len() > limits::TERMS {
                return Err(Trouble::Limit);
            }
        }
    }
    Ok(out)
}

/// Returns a product of rationals within the limit on integers.
pub fn times(left: &RBig, right: &RBig, fuel: &mut Fuel) -> Result<RBig, Trouble> {
    let (left_bits, right_bits) = (bits(left), bits(right));
    if left_bits + right_bits > 2 * limits::INTEGER_BITS {
        return Err(Trouble::Limit);
    }
    fuel.spend_product(left_bits, right_bits)?;
    Ok(left * right)
}

/// Returns the atoms of both with their exponents added.
fn merged(left: &Monomial, right: &Monomial) -> Monomial {
    let mut out: Monomial = left.clone();
    for (atom, exponent) in right {
        match out.binary_search_by(|(known, _)| known.cmp(atom)) {
            Ok(place) => {
                if let Some((_, sum)) = out.get_mut(place) {
                    *sum = std::mem::take(sum).plus(exponent);
                }
            }
            Err(place) => out.insert(place, (atom.clone(), exponent.clone())),
        }
    }
    out
}

/// Returns a term with everything carried out that its exponents allow.
///
/// Whole powers of integers go to the coefficient, powers of `i` are reduced, sums under a whole power are multiplied
/// out, and the square of a sine is one less the square of the cosine.
pub fn settled(mut value: RBig, atoms: Monomial, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let mut kept = Monomial::new();
    let mut pending: Vec<(Poly, i64)> = Vec::new();
    for (atom, mut exponent) in atoms {
        let whole = whole_part(&exponent);
        match (&atom, whole) {
            (Atom::Integer(base), Some(whole)) if whole != 0 => {
                if let Some(power) = integer_power(base, whole, fuel)? {
                    value = times(&value, &power, fuel)?;
                    exponent = exponent.minus(&Poly::integer(whole));
                }
            }
            (Atom::I, Some(_)) if exponent.as_integer().is_some() => {
                let turns = exponent.as_integer().unwrap_or(0).rem_euclid(4);
                value = if turns >= 2 { -value } else { value };
                exponent = Poly::integer(turns % 2);
            }
            (Atom::Sum(inner), Some(whole)) if (1..=limits::EXPANSION).contains(&whole) => {
                pending.push((inner.clone(), whole));
                exponent = exponent.minus(&Poly::integer(whole));
            }
            (Atom::Call(name, arguments), Some(whole)) if name == "sin" && (2..=limits::EXPANSION).contains(&whole) => {
                pending.push((one_less_square("cos", arguments), whole / 2));
                exponent = exponent.minus(&Poly::integer(whole - whole % 2));
            }
            _ => {}
        }
        if !exponent.is_zero() {
            kept.push((atom, exponent));
        }
    }
    let mut out = Poly::term(value, kept);
    for (inner, power) in pending {
        for _ in 0..power {
            out = product(&out, &inner, fuel)?;
        }
    }
    Ok(out)
}

fn one_less_square(name: &str, arguments: &[Poly]) -> Poly {
    let cosine = Atom::Call(name.to_owned(), arguments.to_vec());
    Poly::integer(1).minus(&Poly::term(RBig::ONE, vec![(cosine, Poly::integer(2))]))
}

/// Returns the floor of the constant term of an exponent, if it fits.
fn whole_part(exponent: &Poly) -> Option<i64> {
    i64::try_from(&exponent.constant_term().floor()).ok()
}

/// Returns a whole power of an integer, or none if it is too large to be computed.
pub fn integer_power(base: &UBig, exponent: i64, fuel: &mut Fuel) -> Result<Option<RBig>, Trouble> {
    let Some(power) = rational_power(&RBig::from(base.clone()), exponent, fuel)? else {
        return Ok(None);
    };
    Ok(Some(power))
}

/// Returns a whole power of a rational that is not zero, or none if it is too large to be computed.
pub fn rational_power(base: &RBig, exponent: i64, fuel: &mut Fuel) -> Result<Option<RBig>, Trouble> {
    let size = (bits(base) as u64).saturating_mul(exponent.unsigned_abs());
    let Ok(power) = isize::try_from(exponent) else {
        return Ok(None);
    };
    if size > limits::INTEGER_BITS as u64 {
        let is_unit = *base == RBig::ONE || *base == -RBig::ONE;
        return Ok(is_unit.then(|| if exponent % 2 == 0 { RBig::ONE } else { base.clone() }));
    }
    let result_bits = usize::try_from(size).unwrap_or(usize::MAX);
    fuel.spend_product(result_bits, result_bits)?;
    Ok(Some(base.pow(power)))
}
