//! What exact arithmetic costs. Every charge is made before the work, from the sizes of what goes in.
//!
//! Measured in steps of about 25 ns: a product of integers of m and n words takes mn/24, a greatest common divisor
//! mn/4. Fractions need two divisors for a product and one for a sum.

use dashu_int::ops::BitTest;
use dashu_ratio::RBig;

use crate::fuel::{Exhausted, Fuel};

/// Steps that any operation on rationals costs.
const OPERATION: u64 = 8;

/// Returns the bits of numerator and denominator, the larger of the two.
pub fn bits(value: &RBig) -> usize {
    value.numerator().bit_len().max(value.denominator().bit_len())
}

/// Words of numerator and denominator; a denominator of 1 has none.
struct Words {
    over: u64,
    under: u64,
}

fn words(value: &RBig) -> Words {
    let count = |bits: usize| (bits / 64) as u64;
    Words {
        over: count(value.numerator().bit_len()),
        under: count(value.denominator().bit_len()),
    }
}

/// Charges for a product.
pub fn charge_product(left: &RBig, right: &RBig, fuel: &mut Fuel) -> Result<(), Exhausted> {
    let (left, right) = (words(left), words(right));
    let divisors = left.over * right.under + right.over * left.under;
    let products = left.over * right.over + left.under * right.under;
    let linear = left.over + left.under + right.over + right.under;
    fuel.spend(OPERATION + 2 * linear + divisors / 3 + products / 16)
}

/// Charges for a sum.
pub fn charge_sum(left: &RBig, right: &RBig, fuel: &mut Fuel) -> Result<(), Exhausted> {
    let (left, right) = (words(left), words(right));
    let across = left.under * right.under;
    let products = left.over * right.under + right.over * left.under + across;
    let linear = left.over + left.under + right.over + right.under;
    fuel.spend(OPERATION + 2 * linear + across / 3 + products / 8)
}

/// Charges for a power or a factorial of so many bits.
pub fn charge_power(bits: usize, fuel: &mut Fuel) -> Result<(), Exhausted> {
    let words = (bits / 64) as u64;
    fuel.spend(OPERATION + words + words * words / 64)
}

/// Charges for a greatest common divisor of integers of so many bits at most.
pub fn charge_divisor(bits: usize, fuel: &mut Fuel) -> Result<(), Exhausted> {
    let words = (bits / 64) as u64;
    fuel.spend(OPERATION + 2 * words + words * words / 4)
}

/// Charges for the root of an integer with so many bits: a square root takes less than higher ones.
pub fn charge_root(bits: usize, degree: u32, fuel: &mut Fuel) -> Result<(), Exhausted> {
    let words = (bits / 64) as u64;
    let share = if degree == 2 { 64 } else { 6 };
    fuel.spend(OPERATION + 4 * words + words * words / share)
}
