//! Sums and products of normal forms, charged before they are computed.

use dashu_int::UBig;
use dashu_ratio::RBig;

use super::Trouble;
use super::charge::{bits, charge_power, charge_product, charge_sum};
use super::poly::{Atom, Monomial, Poly, weight_of};
use crate::fuel::{Exhausted, Fuel};
use crate::limits;

/// Steps that the bookkeeping of one term costs.
const TERM_STEPS: u64 = 12;

/// Terms that are still to be put in order.
#[derive(Default)]
struct Terms {
    constant: RBig,
    terms: Vec<(Monomial, RBig)>,
}

impl Terms {
    fn push(&mut self, monomial: Monomial, value: RBig, fuel: &mut Fuel) -> Result<(), Exhausted> {
        if monomial.is_empty() {
            charge_sum(&self.constant, &value, fuel)?;
            self.constant += value;
        } else {
            self.terms.push((monomial, value));
        }
        Ok(())
    }

    fn extend(&mut self, poly: Poly, fuel: &mut Fuel) -> Result<(), Exhausted> {
        let (constant, terms) = poly.into_parts();
        fuel.spend(TERM_STEPS * terms.len() as u64)?;
        self.terms.extend(terms);
        self.push(Monomial::new(), constant, fuel)
    }

    /// Returns the sum: terms of the same atoms are added.
    fn sum(mut self, fuel: &mut Fuel) -> Result<Poly, Trouble> {
        if self.terms.len() > 1 {
            let levels = u64::from(self.terms.len().ilog2()) + 1;
            let weight = self
                .terms
                .iter()
                .map(|(atoms, _)| 2 + weight_of(atoms) / 2)
                .sum::<u64>();
            fuel.spend(weight.saturating_mul(levels))?;
            self.terms.sort_by(|(left, _), (right, _)| left.cmp(right));
        }
        let mut ordered: Vec<(Monomial, RBig)> = Vec::with_capacity(self.terms.len());
        for (monomial, value) in self.terms {
            match ordered.last_mut() {
                Some((known, sum)) if *known == monomial => {
                    charge_sum(sum, &value, fuel)?;
                    *sum += value;
                }
                _ => {
                    if ordered.last().is_some_and(|(_, sum)| sum.is_zero()) {
                        ordered.pop();
                    }
                    ordered.push((monomial, value));
                }
            }
        }
        if ordered.last().is_some_and(|(_, sum)| sum.is_zero()) {
            ordered.pop();
        }
        if ordered.len() > limits::TERMS {
            return Err(Trouble::Limit);
        }
        Ok(Poly::of_ordered(self.constant, ordered))
    }
}

/// Returns the sum of several values.
pub fn sum(values: impl IntoIterator<Item = Result<Poly, Trouble>>, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let mut terms = Terms::default();
    for value in values {
        terms.extend(value?, fuel)?;
    }
    terms.sum(fuel)
}

/// Returns the product.
pub fn product(left: &Poly, right: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    if let (Some(left), Some(right)) = (left.number(), right.number()) {
        return times(left, right, fuel).map(Poly::constant);
    }
    let mut out = Terms::default();
    for (left_atoms, left_value) in left.terms() {
        for (right_atoms, right_value) in right.terms() {
            fuel.spend(TERM_STEPS + weight_of(left_atoms) + weight_of(right_atoms))?;
            let value = times(left_value, right_value, fuel)?;
            if left_atoms.is_empty() || right_atoms.is_empty() {
                let atoms = if left_atoms.is_empty() { right_atoms } else { left_atoms };
                out.push(atoms.to_vec(), value, fuel)?;
            } else {
                settle(value, merged(left_atoms, right_atoms), &mut out, fuel)?;
            }
        }
    }
    out.sum(fuel)
}

/// Returns a product of rationals within the limit on integers.
pub fn times(left: &RBig, right: &RBig, fuel: &mut Fuel) -> Result<RBig, Trouble> {
    if bits(left) + bits(right) > 2 * limits::INTEGER_BITS {
        return Err(Trouble::Limit);
    }
    charge_product(left, right, fuel)?;
    Ok(left * right)
}

/// Returns a rational multiple, charged.
pub fn multiple(poly: &Poly, factor: &RBig, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    fuel.spend(poly.weight())?;
    for (_, value) in poly.terms() {
        charge_product(value, factor, fuel)?;
    }
    Ok(poly.scaled(factor))
}

/// Returns the atoms of both with their exponents added.
fn merged(left: &[(Atom, Poly)], right: &[(Atom, Poly)]) -> Monomial {
    let mut out = Monomial::with_capacity(left.len() + right.len());
    let mut rest = right.iter().peekable();
    for (atom, exponent) in left {
        while let Some(lower) = rest.next_if(|(found, _)| found < atom) {
            out.push(lower.clone());
        }
        match rest.next_if(|(found, _)| found == atom) {
            Some((_, other)) => out.push((atom.clone(), exponent.clone().plus(other))),
            None => out.push((atom.clone(), exponent.clone())),
        }
    }
    out.extend(rest.cloned());
    out
}

/// Returns a term with everything carried out that its exponents allow.
pub fn settled(value: RBig, atoms: Monomial, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let mut out = Terms::default();
    settle(value, atoms, &mut out, fuel)?;
    out.sum(fuel)
}

/// Adds a term with everything carried out that its exponents allow.
///
/// Whole powers of integers go to the coefficient, powers of `i` are reduced, sums under a whole power are multiplied
/// out, and the square of a sine is one less the square of the cosine.
fn settle(mut value: RBig, mut atoms: Monomial, out: &mut Terms, fuel: &mut Fuel) -> Result<(), Trouble> {
    let mut pending: Vec<(Poly, i64)> = Vec::new();
    for (atom, exponent) in &mut atoms {
        let Some(whole) = whole_part(exponent) else { continue };
        match atom {
            Atom::Integer(base) if whole != 0 => {
                if let Some(power) = rational_power(&RBig::from(base.clone()), whole, fuel)? {
                    value = times(&value, &power, fuel)?;
                    lower(exponent, whole);
                }
            }
            Atom::I if exponent.as_integer().is_some() => {
                let turns = whole.rem_euclid(4);
                value = if turns >= 2 { -value } else { value };
                *exponent = Poly::integer(turns % 2);
            }
            Atom::Sum(inner) if (1..=limits::EXPANSION).contains(&whole) => {
                pending.push(((**inner).clone(), whole));
                lower(exponent, whole);
            }
            Atom::Call(name, arguments) if &**name == "sin" && (2..=limits::EXPANSION).contains(&whole) => {
                pending.push((one_less_square(arguments), whole / 2));
                lower(exponent, whole - whole % 2);
            }
            _ => {}
        }
    }
    atoms.retain(|(_, exponent)| !exponent.is_zero());
    if pending.is_empty() {
        return Ok(out.push(atoms, value, fuel)?);
    }
    let mut expanded = Poly::term(value, atoms);
    for (inner, power) in pending {
        for _ in 0..power {
            expanded = product(&expanded, &inner, fuel)?;
        }
    }
    Ok(out.extend(expanded, fuel)?)
}

fn lower(exponent: &mut Poly, whole: i64) {
    *exponent = std::mem::take(exponent).minus(&Poly::integer(whole));
}

fn one_less_square(arguments: &[Poly]) -> Poly {
    let cosine = Atom::call("cos", arguments.to_vec());
    Poly::integer(1).minus(&Poly::term(RBig::ONE, vec![(cosine, Poly::integer(2))]))
}

/// Returns the floor of the constant term of an exponent, if it fits.
fn whole_part(exponent: &Poly) -> Option<i64> {
    let constant = exponent.constant_term();
    if *constant.denominator() == UBig::ONE {
        return i64::try_from(constant.numerator()).ok();
    }
    i64::try_from(&constant.floor()).ok()
}

/// Returns a whole power of a rational that is not zero, or none if it is too large to be computed.
pub fn rational_power(base: &RBig, exponent: i64, fuel: &mut Fuel) -> Result<Option<RBig>, Trouble> {
    match exponent {
        0 => return Ok(Some(RBig::ONE)),
        1 => return Ok(Some(base.clone())),
        _ => {}
    }
    let size = (bits(base) as u64).saturating_mul(exponent.unsigned_abs());
    let Ok(power) = isize::try_from(exponent) else {
        return Ok(None);
    };
    if size > limits::INTEGER_BITS as u64 {
        let is_unit = *base == RBig::ONE || *base == -RBig::ONE;
        return Ok(is_unit.then(|| if exponent % 2 == 0 { RBig::ONE } else { base.clone() }));
    }
    charge_power(usize::try_from(size).unwrap_or(usize::MAX), fuel)?;
    Ok(Some(base.pow(power)))
}
