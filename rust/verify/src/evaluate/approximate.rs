//! Numbers with a bound on their error.

use dashu_ratio::RBig;

use crate::fuel::Fuel;

/// Errors and sizes are powers of two; this is the size of zero.
pub const NOTHING: f64 = f64::NEG_INFINITY;
/// Largest size of a function's argument.
const ARGUMENT: f64 = 64.0;
/// Largest size of what goes into an exponential function.
const EXPONENT: f64 = 24.0;
/// Largest size of a number whose integer part is taken.
const FLOOR: f64 = 40.0;
/// A value closer than this to a point where a function breaks off is left open.
const CLEARANCE: f64 = -40.0;

/// Complex numbers of one precision. A result of none says that there is none, or that it is out of reach.
pub trait Value: Clone {
    /// Bits of an exact operation's result that are right.
    const BITS: f64;
    /// Steps that one product costs; the costs of functions are multiples of it.
    const STEPS: u64;

    /// Error of a function's result however small it is, as a power of two.
    const ABSOLUTE: f64;

    /// Returns the nearest number.
    fn rational(value: &RBig) -> Option<Self>;
    /// Returns pi.
    fn pi() -> Option<Self>;
    /// Returns the imaginary unit.
    fn unit() -> Option<Self>;
    /// Returns the sum.
    fn plus(&self, other: &Self) -> Option<Self>;
    /// Returns the product.
    fn times(&self, other: &Self) -> Option<Self>;
    /// Returns the inverse.
    fn inverse(&self) -> Option<Self>;
    /// Returns the principal square root.
    fn root(&self) -> Option<Self>;
    /// Returns the value of a function; only of real numbers for inverse functions.
    fn apply(&self, function: Function) -> Option<Self>;
    /// Returns the integer part of the real part.
    fn floor(&self) -> Option<Self>;
    /// Returns the binary logarithm of the absolute value, to a bit.
    fn size(&self) -> f64;
    /// Returns the binary logarithm of the absolute value of the imaginary part, to a bit.
    fn height(&self) -> f64;
    /// Returns whether the real part is below zero.
    fn is_left(&self) -> bool;
}

/// The functions that both precisions know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The exponential function.
    Exp,
    /// The principal natural logarithm.
    Ln,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Arc tangent.
    Arctan,
    /// Arc sine.
    Arcsin,
    /// Arc cosine.
    Arccos,
    /// Absolute value.
    Abs,
    /// Integer part from below, of real numbers.
    Floor,
}

impl Function {
    /// Returns how many products one evaluation costs.
    const fn cost(self) -> u64 {
        match self {
            Self::Abs | Self::Floor => 4,
            Self::Exp | Self::Ln => 40,
            Self::Sin | Self::Cos => 72,
            Self::Arctan | Self::Arcsin | Self::Arccos => 96,
        }
    }
}

/// A value and the binary logarithm of a bound on its error.
#[derive(Clone)]
pub struct Approximate<V> {
    value: V,
    /// The bound, as a power of two.
    pub error: f64,
}

impl<V: Value> Approximate<V> {
    fn new(value: V, error: f64) -> Option<Self> {
        let size = value.size();
        let error = joined(error, size - V::BITS);
        (size < f64::INFINITY && error < f64::INFINITY).then_some(Self { value, error })
    }

    /// Returns a rational number.
    pub fn rational(value: &RBig) -> Option<Self> {
        Self::new(V::rational(value)?, NOTHING)
    }

    /// Returns pi.
    pub fn pi() -> Option<Self> {
        Self::new(V::pi()?, NOTHING)
    }

    /// Returns the imaginary unit.
    pub fn unit() -> Option<Self> {
        Self::new(V::unit()?, NOTHING)
    }

    /// Returns the size of the value, as a power of two.
    pub fn size(&self) -> f64 {
        self.value.size()
    }

    /// Returns the sign of a real number that is not zero, within the error; true if it is negative.
    pub fn is_negative(&self, margin: f64) -> Option<bool> {
        let is_clear = self.error.max(self.value.height()) < self.size() - margin;
        is_clear.then(|| self.value.is_left())
    }

    /// Returns the sum.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        Self::new(self.value.plus(&other.value)?, joined(self.error, other.error))
    }

    /// Returns the product.
    pub fn times(&self, other: &Self, fuel: &mut Fuel) -> Option<Self> {
        fuel.spend(V::STEPS).ok()?;
        let error = joined(
            joined(self.size() + other.error, other.size() + self.error),
            self.error + other.error,
        );
        Self::new(self.value.times(&other.value)?, error)
    }

    /// Returns the inverse of a value that is not zero.
    pub fn inverse(&self, fuel: &mut Fuel) -> Option<Self> {
        fuel.spend(2 * V::STEPS).ok()?;
        if self.error > self.size() - 2.0 {
            return None;
        }
        Self::new(self.value.inverse()?, self.error - 2.0 * self.size() + 1.0)
    }

    /// Returns a whole power by repeated squaring.
    pub fn whole_power(&self, exponent: u64, fuel: &mut Fuel) -> Option<Self> {
        let mut out: Option<Self> = None;
        let mut square = self.clone();
        let mut left = exponent;
        while left > 0 {
            if left % 2 == 1 {
                out = Some(match out {
                    Some(known) => known.times(&square, fuel)?,
                    None => square.clone(),
                });
            }
            left /= 2;
            if left > 0 {
                square = square.times(&square, fuel)?;
            }
        }
        out.or_else(|| Self::rational(&RBig::ONE))
    }

    /// Returns the principal square root.
    pub fn root(&self, fuel: &mut Fuel) -> Option<Self> {
        fuel.spend(8 * V::STEPS).ok()?;
        if self.is_on_cut() || self.error > self.size() - 2.0 {
            return None;
        }
        Self::new(self.value.root()?, self.error - self.size() / 2.0 + 1.0)
    }

    /// Returns the value of a function.
    pub fn apply(&self, function: Function, fuel: &mut Fuel) -> Option<Self> {
        let is_inverse = matches!(function, Function::Arctan | Function::Arcsin | Function::Arccos);
        if is_inverse && (self.value.height() > NOTHING || (function != Function::Arctan && self.size() > -0.5)) {
            return super::inverse::inverse(self, function, fuel);
        }
        fuel.spend(V::STEPS * function.cost()).ok()?;
        if function == Function::Floor {
            return self.floor();
        }
        let stretch = self.stretch(function, fuel)?;
        if self.error + stretch > -1.0 && self.error > NOTHING {
            return None;
        }
        let value = self.value.apply(function)?;
        let stretch = if function == Function::Exp {
            value.size()
        } else {
            stretch
        };
        Self::new(value, joined(self.error + stretch + 1.0, V::ABSOLUTE))
    }

    /// Returns the integer part of a real number, if the error leaves no doubt about it.
    fn floor(&self) -> Option<Self> {
        let is_real = self.value.height() == NOTHING && self.size() <= FLOOR;
        let whole = Self::new(self.value.floor().filter(|_| is_real)?, NOTHING)?;
        let minus_one = Self::rational(&-RBig::ONE)?;
        let above = Self::new(self.value.plus(&whole.value.times(&minus_one.value)?)?, self.error)?;
        let below = Self::new(above.value.plus(&minus_one.value)?, self.error)?;
        let is_clear = above.size().min(below.size()) > self.error.max(FLOOR - V::BITS) + 2.0;
        // An integer that is exactly represented has no error to be confused by.
        (is_clear || (above.size() == NOTHING && self.error == NOTHING)).then_some(whole)
    }

    /// Returns how far a function can stretch a small error here, as a power of two.
    fn stretch(&self, function: Function, fuel: &mut Fuel) -> Option<f64> {
        let size = self.size();
        let is_within = match function {
            Function::Exp => size <= EXPONENT,
            _ => size <= ARGUMENT,
        };
        if !is_within {
            return None;
        }
        Some(match function {
            Function::Exp | Function::Abs | Function::Floor => 0.0,
            Function::Ln if self.is_on_cut() || self.error > size - 2.0 => return None,
            Function::Ln => -size + 1.0,
            // The derivatives are bounded by the exponential of the imaginary part.
            Function::Sin | Function::Cos if self.value.height() > EXPONENT => return None,
            Function::Sin | Function::Cos => 1.5 * libm::exp2(self.value.height()),
            Function::Arctan => self.clearance(1, fuel)?,
            Function::Arcsin | Function::Arccos => self.clearance(-1, fuel)?,
        })
    }

    /// Returns the size of the inverse of 1 + z^2 or 1 - z^2, which bounds the derivative of an inverse function.
    fn clearance(&self, sign: i8, fuel: &mut Fuel) -> Option<f64> {
        let one = Self::rational(&RBig::ONE)?;
        let signed = Self::rational(&RBig::from(dashu_int::IBig::from(sign)))?;
        let square = self.times(self, fuel)?.times(&signed, fuel)?;
        let room = one.plus(&square)?.size();
        if room == NOTHING && self.error == NOTHING {
            return Some(0.0);
        }
        (room > CLEARANCE).then(|| (-room).max(0.0) + 1.0)
    }

    /// Returns whether the error leaves open on which side of the negative axis the value lies.
    fn is_on_cut(&self) -> bool {
        let height = self.value.height();
        self.value.is_left() && height > NOTHING && height <= self.error + 1.0
    }
}

/// Returns the size of the sum of two numbers of these sizes.
fn joined(left: f64, right: f64) -> f64 {
    let (small, large) = if left < right { (left, right) } else { (right, left) };
    if small == NOTHING {
        return large;
    }
    large + libm::log2(1.0 + libm::exp2(small - large))
}
