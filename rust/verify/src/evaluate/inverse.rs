//! Inverse trigonometric functions of complex numbers, and of real ones where the result is not real.
//!
//! They are composed of logarithms and roots, each of which bounds its own error.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::approximate::{Approximate, Function, Value};
use crate::fuel::Fuel;

/// Returns the principal value of an inverse function.
pub fn inverse<V: Value>(z: &Approximate<V>, function: Function, fuel: &mut Fuel) -> Option<Approximate<V>> {
    match function {
        Function::Arctan => arctan(z, fuel),
        Function::Arcsin => arcsin(z, fuel),
        _ => {
            let quarter = Approximate::pi()?.times(&rational(1, 2)?, fuel)?;
            quarter.plus(&arcsin(z, fuel)?.times(&rational(-1, 1)?, fuel)?)
        }
    }
}

/// Returns half of i times the difference of the logarithms of 1 - iz and 1 + iz.
fn arctan<V: Value>(z: &Approximate<V>, fuel: &mut Fuel) -> Option<Approximate<V>> {
    let turned = Approximate::unit()?.times(z, fuel)?;
    let one = rational(1, 1)?;
    let below = one
        .plus(&turned.times(&rational(-1, 1)?, fuel)?)?
        .apply(Function::Ln, fuel)?;
    let above = one.plus(&turned)?.apply(Function::Ln, fuel)?;
    let difference = below.plus(&above.times(&rational(-1, 1)?, fuel)?)?;
    Approximate::unit()?
        .times(&rational(1, 2)?, fuel)?
        .times(&difference, fuel)
}

/// Returns -i times the logarithm of iz and the root of 1 - z^2.
fn arcsin<V: Value>(z: &Approximate<V>, fuel: &mut Fuel) -> Option<Approximate<V>> {
    let turned = Approximate::unit()?.times(z, fuel)?;
    let square = z.times(z, fuel)?.times(&rational(-1, 1)?, fuel)?;
    let radical = rational(1, 1)?.plus(&square)?;
    // At the ends of the interval the root is 0 and its error unbounded; there the angle is real and known.
    let sum = turned.plus(&radical.root(fuel)?)?;
    let logarithm = sum.apply(Function::Ln, fuel)?;
    Approximate::unit()?
        .times(&rational(-1, 1)?, fuel)?
        .times(&logarithm, fuel)
}

fn rational<V: Value>(over: i64, under: u64) -> Option<Approximate<V>> {
    Approximate::rational(&RBig::from_parts(IBig::from(over), UBig::from(under)))
}
