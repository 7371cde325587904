//! Factorials and binomials: of numbers their value, of names one factorial for all that differ by an integer.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::Trouble;
use super::algebra::{product, times};
use super::charge::charge_power;
use super::function::ratio;
use super::poly::Poly;
use super::power::power;
use crate::fuel::Fuel;
use crate::limits;

/// Most factors by which the factorials of two names are related.
const SHIFT: i64 = 32;

/// Returns `n!`.
///
/// Of a name it is the factorial of the argument without its integer part, times or over what lies between: `(n-2)!`
/// is `n!` over `n(n-1)`.
pub fn factorial(n: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let opaque = |n: &Poly| Poly::call("factorial", vec![n.clone()]);
    if n.number().is_some() {
        let Some(count) = whole(n)? else { return Ok(opaque(n)) };
        return Ok(Poly::constant(RBig::from(falling(count, count, 1, fuel)?)));
    }
    let floor = n.constant_term().floor();
    let Ok(shift) = i64::try_from(&floor) else {
        return Ok(opaque(n));
    };
    if shift.abs() > SHIFT {
        return Ok(opaque(n));
    }
    let base = n.clone().minus(&Poly::integer(shift));
    let mut between = Poly::integer(1);
    for step in shift.min(0)..shift.max(0) {
        between = product(&between, &base.clone().plus(&Poly::integer(step + 1)), fuel)?;
    }
    if shift < 0 {
        ratio(&opaque(&base), &between, fuel)
    } else {
        product(&opaque(&base), &between, fuel)
    }
}

/// Returns `n!!`, the product of every second number down from n.
pub fn double_factorial(n: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    match n.number().map(|_| whole(n)).transpose()?.flatten() {
        Some(count) => Ok(Poly::constant(RBig::from(falling(count, count.div_ceil(2), 2, fuel)?))),
        None => Ok(Poly::call("double factorial", vec![n.clone()])),
    }
}

/// Returns the binomial coefficient: with names for both, by its factorials.
pub fn binomial(n: &Poly, k: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    if let (Some(_), Some(_)) = (n.number(), k.number()) {
        let (Ok(Some(n)), Ok(Some(k))) = (whole(n), whole(k)) else {
            return Ok(Poly::call("binom", vec![n.clone(), k.clone()]));
        };
        if k > n {
            return Ok(Poly::zero());
        }
        let few = k.min(n - k);
        let (over, under) = (falling(n, few, 1, fuel)?, falling(few, few, 1, fuel)?);
        return Ok(Poly::constant(RBig::from(over / under)));
    }
    if let Some(few) = k.as_integer().filter(|few| (0..=SHIFT).contains(few)) {
        let mut over = Poly::integer(1);
        for step in 0..few {
            over = product(&over, &n.clone().minus(&Poly::integer(step)), fuel)?;
        }
        return ratio(&over, &factorial(k, fuel)?, fuel);
    }
    let rest = factorial(&n.clone().minus(k), fuel)?;
    let under = product(&factorial(k, fuel)?, &rest, fuel)?;
    product(&factorial(n, fuel)?, &power(&under, &Poly::integer(-1), fuel)?, fuel)
}

/// Returns a number whose factorial is computed; none if it is too large for that.
fn whole(n: &Poly) -> Result<Option<u64>, Trouble> {
    let value = n.as_constant().ok_or(Trouble::Unsupported)?;
    if *value.denominator() != UBig::ONE || value < RBig::ZERO {
        return Err(Trouble::Undefined);
    }
    let count = u64::try_from(value.numerator()).ok();
    Ok(count.filter(|count| *count <= limits::FACTORIAL))
}

/// Returns the product of so many numbers down from one, at equal steps.
fn falling(first: u64, count: u64, step: u64, fuel: &mut Fuel) -> Result<UBig, Trouble> {
    let bits = u64::from(first.max(1).ilog2() + 1) * count;
    let bits = usize::try_from(bits).map_err(|_| Trouble::Limit)?;
    charge_power(bits, fuel)?;
    fuel.spend(4 * count)?;
    let mut out = UBig::ONE;
    // Several small factors are joined before they meet the long product.
    let mut joined = 1_u64;
    for factor in (0..count).map(|index| first - index * step) {
        joined = if let Some(larger) = joined.checked_mul(factor) {
            larger
        } else {
            out *= joined;
            factor
        };
    }
    Ok(out * joined)
}

/// Returns the factorial of an integer for evaluation at a point.
pub fn factorial_of(value: &RBig, fuel: &mut Fuel) -> Option<RBig> {
    let count = whole(&Poly::constant(value.clone())).ok()??;
    let out = falling(count, count, 1, fuel).ok()?;
    times(&RBig::from(IBig::from(out)), &RBig::ONE, fuel).ok()
}
