//! Complex numbers of 256 bits, composed of real functions.

use dashu_float::round::mode::HalfEven;
use dashu_float::{Context, FpResult};
use dashu_ratio::RBig;

use super::approximate::{Function, NOTHING, Value};
use super::elementary::{self, Real, sine_and_cosine};

/// Bits of every number.
pub const PRECISION: usize = 256;
const CONTEXT: Context<HalfEven> = Context::new(PRECISION);

/// A real and an imaginary part.
#[derive(Debug, Clone)]
pub struct Fine {
    across: Real,
    up: Real,
}

/// Returns a result as a number; none if there is none.
fn number(result: FpResult<Real>) -> Option<Real> {
    result
        .ok()
        .map(dashu_base::Approximation::value)
        .filter(|value| value.repr().is_finite())
}

fn plus(left: &Real, right: &Real) -> Option<Real> {
    number(CONTEXT.add(left.repr(), right.repr()))
}

fn minus(left: &Real, right: &Real) -> Option<Real> {
    number(CONTEXT.sub(left.repr(), right.repr()))
}

fn times(left: &Real, right: &Real) -> Option<Real> {
    number(CONTEXT.mul(left.repr(), right.repr()))
}

fn over(left: &Real, right: &Real) -> Option<Real> {
    number(CONTEXT.div(left.repr(), right.repr()))
}

/// Returns hyperbolic sine and cosine.
fn hyperbolic(value: &Real) -> Option<(Real, Real)> {
    let up = elementary::exp(value)?;
    let down = over(&Real::ONE, &up)?;
    Some((minus(&up, &down)? >> 1_isize, plus(&up, &down)? >> 1_isize))
}

impl Fine {
    fn new(across: Real, up: Real) -> Self {
        // A zero has no side: the axis belongs to what lies above it.
        let unsigned = |part: Real| if is_zero(&part) { Real::ZERO } else { part };
        Self {
            across: unsigned(across),
            up: unsigned(up),
        }
    }

    fn of_real(across: Real) -> Self {
        Self::new(across, Real::ZERO)
    }

    fn is_real(&self) -> bool {
        is_zero(&self.up)
    }

    fn exp(&self) -> Option<Self> {
        let length = elementary::exp(&self.across)?;
        if self.is_real() {
            return Some(Self::of_real(length));
        }
        let (sine, cosine) = sine_and_cosine(&self.up);
        Some(Self::new(times(&length, &cosine)?, times(&length, &sine)?))
    }

    fn ln(&self) -> Option<Self> {
        let size = self.length()?;
        let across = elementary::ln(&size)?;
        if self.is_real() && !self.is_left() {
            return Some(Self::of_real(across));
        }
        let up = elementary::angle(&self.up, &self.across)?;
        Some(Self::new(across, up))
    }

    fn sine(&self) -> Option<Self> {
        let (sine, cosine) = sine_and_cosine(&self.across);
        if self.is_real() {
            return Some(Self::of_real(sine));
        }
        let (across, up) = hyperbolic(&self.up)?;
        Some(Self::new(times(&sine, &up)?, times(&cosine, &across)?))
    }

    fn cosine(&self) -> Option<Self> {
        let (sine, cosine) = sine_and_cosine(&self.across);
        if self.is_real() {
            return Some(Self::of_real(cosine));
        }
        let (across, up) = hyperbolic(&self.up)?;
        Some(Self::new(
            times(&cosine, &up)?,
            minus(&Real::ZERO, &times(&sine, &across)?)?,
        ))
    }

    /// Returns the root of 1 - x^2 of a real number, where it is real.
    fn side(&self) -> Option<Real> {
        let rest = minus(&Real::ONE, &times(&self.across, &self.across)?)?;
        (self.is_real() && !is_negative(&rest))
            .then(|| number(CONTEXT.sqrt(rest.repr())))
            .flatten()
    }

    fn length(&self) -> Option<Real> {
        if self.is_real() {
            return Some(if self.is_left() {
                -self.across.clone()
            } else {
                self.across.clone()
            });
        }
        let square = plus(&times(&self.across, &self.across)?, &times(&self.up, &self.up)?)?;
        number(CONTEXT.sqrt(square.repr()))
    }
}

impl Value for Fine {
    // Two roundings stand behind each part of a product or function.
    const BITS: f64 = 252.0;
    const STEPS: u64 = 32;
    const ABSOLUTE: f64 = -300.0;

    fn rational(value: &RBig) -> Option<Self> {
        Some(Self::of_real(value.to_float::<HalfEven, 2>(PRECISION).value()))
    }

    fn pi() -> Option<Self> {
        Some(Self::of_real(elementary::pi()))
    }

    fn unit() -> Option<Self> {
        Some(Self::new(Real::ZERO, Real::ONE))
    }

    fn plus(&self, other: &Self) -> Option<Self> {
        Some(Self::new(
            plus(&self.across, &other.across)?,
            plus(&self.up, &other.up)?,
        ))
    }

    fn times(&self, other: &Self) -> Option<Self> {
        if self.is_real() && other.is_real() {
            return times(&self.across, &other.across).map(Self::of_real);
        }
        let across = minus(&times(&self.across, &other.across)?, &times(&self.up, &other.up)?)?;
        let up = plus(&times(&self.across, &other.up)?, &times(&self.up, &other.across)?)?;
        Some(Self::new(across, up))
    }

    fn inverse(&self) -> Option<Self> {
        if self.is_real() {
            return over(&Real::ONE, &self.across).map(Self::of_real);
        }
        let square = plus(&times(&self.across, &self.across)?, &times(&self.up, &self.up)?)?;
        let up = minus(&Real::ZERO, &over(&self.up, &square)?)?;
        Some(Self::new(over(&self.across, &square)?, up))
    }

    fn root(&self) -> Option<Self> {
        let root = |value: &Real| number(CONTEXT.sqrt(value.repr()));
        if self.is_real() {
            return Some(if self.is_left() {
                Self::new(Real::ZERO, root(&minus(&Real::ZERO, &self.across)?)?)
            } else {
                Self::of_real(root(&self.across)?)
            });
        }
        // The larger of the two parts first, so that nothing cancels; the other from their product.
        let length = self.length()?;
        let outer = if self.is_left() {
            minus(&length, &self.across)?
        } else {
            plus(&length, &self.across)?
        };
        let large = root(&(outer >> 1_isize))?;
        let small = over(&self.up, &(large.clone() << 1_isize))?;
        Some(if !self.is_left() {
            Self::new(large, small)
        } else if is_negative(&self.up) {
            Self::new(minus(&Real::ZERO, &small)?, minus(&Real::ZERO, &large)?)
        } else {
            Self::new(small, large)
        })
    }

    fn apply(&self, function: Function) -> Option<Self> {
        match function {
            Function::Exp => self.exp(),
            Function::Ln => self.ln(),
            Function::Sin => self.sine(),
            Function::Cos => self.cosine(),
            Function::Arctan if !self.is_real() => None,
            Function::Arctan => elementary::angle(&self.across, &Real::ONE).map(Self::of_real),
            Function::Arcsin => elementary::angle(&self.across, &self.side()?).map(Self::of_real),
            Function::Arccos => elementary::angle(&self.side()?, &self.across).map(Self::of_real),
            Function::Abs => self.length().map(Self::of_real),
            Function::Floor => self.floor(),
        }
    }

    fn floor(&self) -> Option<Self> {
        Some(Self::of_real(self.across.floor()))
    }

    fn size(&self) -> f64 {
        let (across, up) = (size(&self.across), size(&self.up));
        // The larger part is short of the whole by at most half a bit.
        if across == NOTHING || up == NOTHING {
            across.max(up)
        } else {
            across.max(up) + 0.5
        }
    }

    fn height(&self) -> f64 {
        size(&self.up)
    }

    fn is_left(&self) -> bool {
        is_negative(&self.across)
    }
}

fn is_zero(part: &Real) -> bool {
    part.repr().is_pos_zero() || part.repr().is_neg_zero()
}

fn is_negative(part: &Real) -> bool {
    *part < Real::ZERO
}

/// Returns the binary logarithm of a part, rounded up to a bit.
#[expect(clippy::cast_precision_loss, reason = "exponents and digits are far below 2^53")]
fn size(part: &Real) -> f64 {
    if is_zero(part) {
        NOTHING
    } else {
        part.repr().exponent() as f64 + part.repr().digits() as f64
    }
}
