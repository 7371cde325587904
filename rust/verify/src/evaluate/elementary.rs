//! Elementary functions of real numbers in fixed point, to 300 bits behind the point.
//!
//! Twenty times as fast as correctly rounded ones, which evaluation has no use for: it bounds errors itself. Each
//! function reduces its argument, sums a short series, and undoes the reduction; the inverse functions start from
//! `libm`'s 50 bits and add a correction that is a short series as well.

use dashu_float::round::mode::HalfEven;
use dashu_float::{ConstCache, FBig};
use dashu_int::ops::BitTest;
use dashu_int::{IBig, UBig};

pub type Real = FBig<HalfEven, 2>;

/// Bits behind the point while a function is computed; more than in its result, as arguments may have 64 before it.
const POINT: usize = 384;
/// Times that the argument of a series is halved before.
const HALVINGS: usize = 10;
/// Terms of the series of an inverse function, whose argument is below 2^-45.
const CORRECTIONS: i64 = 8;

thread_local! {
    // Half of pi and the logarithm of 2, computed once a thread; they depend on nothing.
    static CONSTANTS: (IBig, IBig) = {
        let (mut cache, precision) = (ConstCache::new(), POINT + 32);
        let half_pi: Real = cache.pi::<2, HalfEven>(precision).value() >> 1_isize;
        let two: Real = cache.ln2::<2, HalfEven>(precision);
        (fixed(&half_pi), fixed(&two))
    };
}

/// Returns pi.
pub fn pi() -> Real {
    real(&CONSTANTS.with(|(half_pi, _)| half_pi << 1_usize), 0)
}

/// Returns the exponential function; the argument is below 2^24.
pub fn exp(x: &Real) -> Option<Real> {
    let x = fixed(x);
    let (turns, rest) = CONSTANTS.with(|(_, ln2)| reduced(&x, ln2));
    let mut value = series(&(rest >> HALVINGS), 1).1;
    for _ in 0..HALVINGS {
        value = times(&value, &value);
    }
    Some(real(&value, isize::try_from(&turns).ok()?))
}

/// Returns sine and cosine; the argument is below 2^64.
pub fn sine_and_cosine(x: &Real) -> (Real, Real) {
    let (sine, cosine) = circular(&fixed(x));
    (real(&sine, 0), real(&cosine, 0))
}

/// Returns the natural logarithm of a number above 0.
pub fn ln(x: &Real) -> Option<Real> {
    let digits = isize::try_from(x.repr().digits()).ok()?;
    let exponent = x.repr().exponent() + digits;
    let mantissa = fixed(&(x.clone() >> exponent));
    let start = of_float(libm::log(to_float(&mantissa)))?;
    let inverse = fixed(&exp(&real(&-start.clone(), 0))?);
    let ratio = times(&mantissa, &inverse) - one();
    let mut power = ratio.clone();
    let mut sum = start + CONSTANTS.with(|(_, ln2)| ln2 * IBig::from(exponent));
    for index in 1..=CORRECTIONS {
        let term = &power / IBig::from(index);
        sum = if index % 2 == 1 { sum + term } else { sum - term };
        power = times(&power, &ratio);
    }
    Some(real(&sum, 0))
}

/// Returns the angle of a point that is not the origin.
pub fn angle(up: &Real, across: &Real) -> Option<Real> {
    let extent = |part: &Real| match isize::try_from(part.repr().digits()) {
        Ok(digits) if digits > 0 => Some(part.repr().exponent() + digits),
        _ => None,
    };
    let shift = extent(up).max(extent(across))?;
    let (up, across) = (fixed(&(up.clone() >> shift)), fixed(&(across.clone() >> shift)));
    let start = of_float(libm::atan2(to_float(&up), to_float(&across)))?;
    let (sine, cosine) = circular(&start);
    let over = times(&up, &cosine) - times(&across, &sine);
    let under = times(&across, &cosine) + times(&up, &sine);
    if under == IBig::ZERO {
        return None;
    }
    let tangent = (over << POINT) / under;
    let square = times(&tangent, &tangent);
    let (mut power, mut sum) = (tangent, start);
    for index in 0..CORRECTIONS {
        let term = &power / IBig::from(2 * index + 1);
        sum = if index % 2 == 0 { sum + term } else { sum - term };
        power = times(&power, &square);
    }
    Some(real(&sum, 0))
}

/// Returns sine and cosine in fixed point.
fn circular(x: &IBig) -> (IBig, IBig) {
    let (turns, rest) = CONSTANTS.with(|(half_pi, _)| reduced(x, half_pi));
    let (mut sine, mut cosine) = series(&(rest >> HALVINGS), -1);
    for _ in 0..HALVINGS {
        // One less than the cosine of the double angle would be more precise, and is not needed.
        let double = times(&sine, &cosine) << 1_usize;
        cosine = one() - (times(&sine, &sine) << 1_usize);
        sine = double;
    }
    match quarter(&turns) {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        2 => (-sine, -cosine),
        _ => (-cosine, sine),
    }
}

/// Returns a whole number modulo 4.
fn quarter(turns: &IBig) -> u8 {
    let bits = u8::from(turns.bit(0)) + 2 * u8::from(turns.bit(1));
    bits & 3
}

/// Returns the series of sine and cosine, or with a positive sign the exponential function as the second.
fn series(x: &IBig, sign: i64) -> (IBig, IBig) {
    let (mut odd, mut even) = (IBig::ZERO, IBig::ZERO);
    let mut term = one();
    let mut index = 0_u32;
    while term != IBig::ZERO {
        let is_negative = sign < 0 && index % 4 >= 2;
        let signed = if is_negative { -term.clone() } else { term.clone() };
        if sign < 0 && index % 2 == 1 {
            odd += signed;
        } else {
            even += signed;
        }
        index += 1;
        term = times(&term, x) / IBig::from(index);
    }
    (odd, even)
}

/// Returns the nearest whole multiple of a unit, and what is left.
fn reduced(x: &IBig, unit: &IBig) -> (IBig, IBig) {
    let doubled: IBig = (x << 1_usize) + unit;
    let turns = floor_quotient(&doubled, &(unit << 1_usize));
    let rest = x - &turns * unit;
    (turns, rest)
}

fn floor_quotient(over: &IBig, under: &IBig) -> IBig {
    let quotient = over / under;
    if *over < IBig::ZERO && &quotient * under != *over {
        quotient - IBig::ONE
    } else {
        quotient
    }
}

fn one() -> IBig {
    IBig::ONE << POINT
}

fn times(left: &IBig, right: &IBig) -> IBig {
    let (sign, magnitude) = (left * right).into_parts();
    // Towards zero, so that a series ends from below as from above.
    IBig::from_parts(sign, magnitude >> POINT)
}

/// Returns a number in fixed point; bits beyond are cut off.
fn fixed(value: &Real) -> IBig {
    let (sign, magnitude) = value.repr().significand().clone().into_parts();
    let shift = value.repr().exponent() + POINT.cast_signed();
    let magnitude: UBig = if shift >= 0 {
        magnitude << shift.unsigned_abs()
    } else if shift.unsigned_abs() > magnitude.bit_len() {
        UBig::ZERO
    } else {
        magnitude >> shift.unsigned_abs()
    };
    IBig::from_parts(sign, magnitude)
}

/// Returns a number in fixed point times a power of two.
fn real(value: &IBig, exponent: isize) -> Real {
    let real = Real::from_parts(value.clone(), exponent - POINT.cast_signed());
    real.with_precision(super::fine::PRECISION).value()
}

fn to_float(value: &IBig) -> f64 {
    real(value, 0).to_f64().value()
}

fn of_float(value: f64) -> Option<IBig> {
    Real::try_from(value).ok().map(|value| fixed(&value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use dashu_float::Context;
    use dashu_ratio::RBig;

    fn arguments() -> Vec<Real> {
        let parts: [(i64, u64); 12] = [
            (1, 1),
            (70_000, 65_521),
            (-150_001, 65_521),
            (1, 1 << 40),
            (-3, 1),
            (22, 7),
            (1_000_003, 7),
            (-99, 100),
            (5, 2),
            (1, 3),
            (i64::MAX, 3),
            (11, 7),
        ];
        parts
            .into_iter()
            .map(|(over, under)| RBig::from_parts(over.into(), under.into()).to_float(256).value())
            .collect()
    }

    /// Panics unless two numbers agree to 250 bits of the larger of 1 and their size.
    fn assert_close(found: &Real, expected: &Real, what: &str) {
        let difference = found - expected;
        let scale = (expected.repr().exponent() + expected.repr().digits().cast_signed()).max(0);
        let size = difference.repr().exponent() + difference.repr().digits().cast_signed();
        let is_zero = difference == Real::ZERO;
        assert!(is_zero || size < scale - 250, "{what}: {found} and {expected}");
    }

    #[test]
    fn functions_agree_with_correctly_rounded_ones() {
        let (context, cache) = (Context::<HalfEven>::new(256), &mut ConstCache::new());
        for x in arguments() {
            let (sine, cosine) = sine_and_cosine(&x);
            assert_close(&sine, &context.sin(x.repr(), Some(cache)).unwrap().value(), "sin");
            assert_close(&cosine, &context.cos(x.repr(), Some(cache)).unwrap().value(), "cos");
            if x < Real::from(1 << 20) {
                assert_close(
                    &exp(&x).unwrap(),
                    &context.exp(x.repr(), Some(cache)).unwrap().value(),
                    "exp",
                );
            }
            if x > Real::ZERO {
                assert_close(
                    &ln(&x).unwrap(),
                    &context.ln(x.repr(), Some(cache)).unwrap().value(),
                    "ln",
                );
            }
            for y in arguments() {
                let expected = context.atan2(y.repr(), x.repr(), Some(cache)).unwrap().value();
                assert_close(&angle(&y, &x).unwrap(), &expected, "atan2");
            }
        }
    }

    #[test]
    fn the_axes_have_exact_angles() {
        let (zero, one) = (Real::ZERO, Real::ONE);
        assert_eq!(angle(&zero, &one).unwrap(), zero);
        assert_close(&angle(&zero, &-one.clone()).unwrap(), &pi(), "the negative axis");
        assert_close(&angle(&one, &zero).unwrap(), &(pi() >> 1_isize), "upwards");
        assert!(angle(&zero, &zero).is_none());
    }
}
