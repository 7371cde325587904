//! Factoring of integers, as far as radicals need it.

use dashu_int::UBig;
use dashu_int::ops::BitTest;
use dashu_int::ops::DivRem;

use super::charge::charge_root;
use crate::fuel::{Exhausted, Fuel};
use crate::limits;

/// Returns factors and exponents of an integer above 0, by trial division.
///
/// What is left over is split if it is a perfect square or cube, and otherwise taken as it is: such a factor need not be
/// prime, so that two equal radicals may differ in form, never the reverse.
pub fn factors(value: &UBig, fuel: &mut Fuel) -> Result<Vec<(UBig, u32)>, Exhausted> {
    let mut found = Vec::new();
    let mut rest = value.clone();
    let mut divisor = 2_u64;
    while divisor <= limits::TRIAL_DIVISOR && rest > UBig::ONE {
        if rest.bit_len() <= 64 && UBig::from(divisor * divisor) > rest {
            break;
        }
        let mut power = 0;
        loop {
            fuel.spend(1 + (rest.bit_len() / 64) as u64)?;
            let (quotient, remainder) = (&rest).div_rem(divisor);
            if remainder != 0 {
                break;
            }
            rest = quotient;
            power += 1;
        }
        if power > 0 {
            found.push((UBig::from(divisor), power));
        }
        divisor += if divisor == 2 { 1 } else { 2 };
    }
    if rest > UBig::ONE {
        found.push(perfect(&rest, fuel)?);
    }
    Ok(found)
}

/// Returns root and exponent if a number is a perfect square or cube, else the number itself.
fn perfect(value: &UBig, fuel: &mut Fuel) -> Result<(UBig, u32), Exhausted> {
    for degree in [2_u32, 3] {
        charge_root(value.bit_len(), degree, fuel)?;
        let root = value.nth_root(degree as usize);
        if root.pow(degree as usize) == *value {
            return Ok((root, degree));
        }
    }
    Ok((value.clone(), 1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(value: u64) -> Vec<(u64, u32)> {
        let found = factors(&UBig::from(value), &mut Fuel::default()).unwrap();
        found
            .into_iter()
            .map(|(factor, power)| (u64::try_from(&factor).unwrap(), power))
            .collect()
    }

    #[test]
    fn small_numbers_are_factored() {
        assert_eq!(of(1), []);
        assert_eq!(of(72), [(2, 3), (3, 2)]);
        assert_eq!(of(97), [(97, 1)]);
        assert_eq!(of(2 * 10_007), [(2, 1), (10_007, 1)]);
    }

    #[test]
    fn squares_of_large_primes_are_seen() {
        assert_eq!(of(10_007 * 10_007 * 3), [(3, 1), (10_007, 2)]);
    }
}
