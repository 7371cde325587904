//! Powers and roots of normal forms.

use dashu_int::ops::{BitTest, Gcd};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::Trouble;
use super::algebra::{multiple, product, rational_power, settled};
use super::charge::{bits, charge_divisor};
use super::integer::factors;
use super::poly::{Atom, Monomial, Poly};
use crate::fuel::Fuel;
use crate::limits;

/// Steps that any power costs.
const POWER_STEPS: u64 = 4;

/// Returns a power.
pub fn power(base: &Poly, exponent: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    fuel.spend(POWER_STEPS + exponent.weight())?;
    if let Some(whole) = exponent.as_integer() {
        return whole_power(base, whole, fuel);
    }
    fuel.spend(base.weight())?;
    if base.is_zero() {
        let is_positive = exponent.as_constant().is_some_and(|value| value > RBig::ZERO);
        return if is_positive {
            Ok(Poly::zero())
        } else {
            Err(Trouble::Undefined)
        };
    }
    match base.single() {
        Some((atoms, value)) => term_power(atoms, value, exponent, fuel),
        None => sum_power(base, exponent, fuel),
    }
}

/// Returns a root: of a negative number the real one if the degree is odd.
pub fn root(degree: &Poly, radicand: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let Some(degree) = degree.as_integer().filter(|degree| *degree > 0) else {
        return Err(Trouble::Unsupported);
    };
    let exponent = Poly::constant(RBig::from_parts(IBig::ONE, UBig::from(degree.unsigned_abs())));
    let is_negative = radicand.as_constant().is_some_and(|value| value < RBig::ZERO);
    if is_negative && degree % 2 == 1 {
        return Ok(power(&radicand.negated(), &exponent, fuel)?.negated());
    }
    power(radicand, &exponent, fuel)
}

fn whole_power(base: &Poly, exponent: i64, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    if base.is_zero() {
        return if exponent > 0 {
            Ok(Poly::zero())
        } else {
            Err(Trouble::Undefined)
        };
    }
    if exponent == 0 {
        return Ok(Poly::integer(1));
    }
    if exponent == 1 {
        fuel.spend(base.weight())?;
        return Ok(base.clone());
    }
    match base.single() {
        Some((atoms, value)) => {
            let scaled = Poly::integer(exponent);
            let mut raised = Monomial::new();
            for (atom, inner) in atoms {
                raised.push((atom.clone(), product(inner, &scaled, fuel)?));
            }
            let coefficient = match rational_power(value, exponent, fuel)? {
                Some(coefficient) => Poly::constant(coefficient),
                None => large_power(value, exponent, fuel)?,
            };
            if raised.is_empty() {
                return Ok(coefficient);
            }
            product(&coefficient, &settled(RBig::ONE, raised, fuel)?, fuel)
        }
        None if (1..=limits::EXPANSION).contains(&exponent) => expanded(base, exponent, fuel),
        None => sum_power(base, &Poly::integer(exponent), fuel),
    }
}

/// Returns a power that is too large to be computed, as powers of the factors of its base.
fn large_power(value: &RBig, exponent: i64, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let is_turned = *value < RBig::ZERO && exponent % 2 != 0;
    let size = if *value < RBig::ZERO {
        -value.clone()
    } else {
        value.clone()
    };
    let power = positive_power(&size, &Poly::integer(exponent), fuel)?;
    Ok(if is_turned { power.negated() } else { power })
}

/// Multiplies out, by repeated squaring.
fn expanded(base: &Poly, exponent: i64, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let mut out = Poly::integer(1);
    let mut square = base.clone();
    let mut left = exponent;
    while left > 0 {
        if left % 2 == 1 {
            out = product(&out, &square, fuel)?;
        }
        left /= 2;
        if left > 0 {
            square = product(&square, &square, fuel)?;
        }
    }
    Ok(out)
}

/// Returns a power of one term: positive constants come out, the rest stays together.
///
/// The square root of a product is the product of the square roots only for positive factors.
fn term_power(atoms: &[(Atom, Poly)], value: &RBig, exponent: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let is_square_root = exponent
        .as_constant()
        .is_some_and(|value| *value.denominator() == UBig::from(2_u8));
    let is_negative = *value < RBig::ZERO;
    let magnitude = if is_negative { -value.clone() } else { value.clone() };
    let mut out = positive_power(&magnitude, exponent, fuel)?;
    let mut rest = Monomial::new();
    for (atom, inner) in atoms {
        let is_constant = matches!(atom, Atom::Integer(_) | Atom::Pi | Atom::E) && inner.as_constant().is_some();
        if is_constant {
            let raised = product(inner, exponent, fuel)?;
            out = product(&out, &settled(RBig::ONE, vec![(atom.clone(), raised)], fuel)?, fuel)?;
        } else {
            rest.push((atom.clone(), inner.clone()));
        }
    }
    if rest.is_empty() && is_negative && is_square_root {
        // The root of -x is i times the root of x.
        let turned = whole_power(&Poly::atom(Atom::I), numerator(exponent)?, fuel)?;
        return product(&out, &turned, fuel);
    }
    if rest.is_empty() && !is_negative {
        return Ok(out);
    }
    let sign = if is_negative { -RBig::ONE } else { RBig::ONE };
    let inner = match (rest.as_slice(), is_negative) {
        ([(atom, one)], false) if *one == Poly::integer(1) => (atom.clone(), exponent.clone()),
        _ => (Atom::sum(Poly::term(sign, rest)), exponent.clone()),
    };
    product(&out, &settled(RBig::ONE, vec![inner], fuel)?, fuel)
}

fn numerator(exponent: &Poly) -> Result<i64, Trouble> {
    let value = exponent.as_constant().ok_or(Trouble::Unsupported)?;
    i64::try_from(value.numerator()).map_err(|_| Trouble::Limit)
}

/// Returns a power of a positive rational: its factors under multiples of the exponent.
fn positive_power(value: &RBig, exponent: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    if let Some(whole) = exponent.as_integer()
        && let Some(power) = rational_power(value, whole, fuel)?
    {
        return Ok(Poly::constant(power));
    }
    let mut atoms = Monomial::new();
    let over = factors(&magnitude(value.numerator()), fuel)?;
    let under = factors(value.denominator(), fuel)?;
    for (sign, found) in [(1, over), (-1, under)] {
        for (factor, times) in found {
            let raised = multiple(exponent, &RBig::from(IBig::from(sign * i64::from(times))), fuel)?;
            atoms.push((Atom::Integer(factor), raised));
        }
    }
    atoms.sort();
    settled(RBig::ONE, atoms, fuel)
}

/// Returns a power of a sum as an atom, its rational content taken out.
fn sum_power(base: &Poly, exponent: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let content = content(base, fuel)?;
    let is_whole = exponent.as_integer().is_some();
    // Only a whole power may take a sign out.
    let is_turned = is_whole && base.is_negative();
    let signed = if is_turned { -content.clone() } else { content.clone() };
    let inner = multiple(base, &(RBig::ONE / &signed), fuel)?;
    let outer = match exponent.as_integer() {
        Some(whole) => match rational_power(&signed, whole, fuel)? {
            Some(power) => Poly::constant(power),
            None => return Err(Trouble::Limit),
        },
        None => positive_power(&content, exponent, fuel)?,
    };
    product(
        &outer,
        &settled(RBig::ONE, vec![(Atom::sum(inner), exponent.clone())], fuel)?,
        fuel,
    )
}

/// Returns the positive rational that divides every coefficient and leaves integers without common factor.
fn content(base: &Poly, fuel: &mut Fuel) -> Result<RBig, Trouble> {
    let mut over = UBig::ZERO;
    let mut under = UBig::ONE;
    for (_, value) in base.terms() {
        charge_divisor(bits(value).max(over.bit_len()).max(under.bit_len()), fuel)?;
        let numerator = magnitude(value.numerator());
        over = if over == UBig::ZERO {
            numerator
        } else {
            over.gcd(numerator)
        };
        let shared = (&under).gcd(value.denominator());
        under = under / shared * value.denominator();
    }
    Ok(RBig::from_parts(IBig::from(over), under))
}

fn magnitude(value: &IBig) -> UBig {
    value.clone().into_parts().1
}
