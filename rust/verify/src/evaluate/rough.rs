//! Complex numbers of 64 bits. Every function is `libm`'s, which is the same on every platform.

use dashu_ratio::RBig;

use super::approximate::{Function, NOTHING, Value};

/// A real and an imaginary part.
#[derive(Debug, Clone, Copy)]
pub struct Rough {
    across: f64,
    up: f64,
}

impl Rough {
    fn new(across: f64, up: f64) -> Option<Self> {
        // A zero has no side: the axis belongs to what lies above it.
        (across.is_finite() && up.is_finite()).then_some(Self {
            across: across + 0.0,
            up: up + 0.0,
        })
    }

    fn exp(self) -> Option<Self> {
        let size = libm::exp(self.across);
        Self::new(size * libm::cos(self.up), size * libm::sin(self.up))
    }

    fn ln(self) -> Option<Self> {
        Self::new(
            libm::log(libm::hypot(self.across, self.up)),
            libm::atan2(self.up, self.across),
        )
    }

    fn cos(self) -> Option<Self> {
        Self::new(
            libm::cos(self.across) * libm::cosh(self.up),
            -libm::sin(self.across) * libm::sinh(self.up),
        )
    }

    fn sin(self) -> Option<Self> {
        Self::new(
            libm::sin(self.across) * libm::cosh(self.up),
            libm::cos(self.across) * libm::sinh(self.up),
        )
    }

    /// Returns an inverse function of a real number, where it is real.
    fn real(self, function: impl Fn(f64) -> f64) -> Option<Self> {
        (self.up == 0.0)
            .then(|| Self::new(function(self.across), 0.0))
            .flatten()
    }
}

impl Value for Rough {
    // The functions are right to a few units in the last of 53 bits.
    const BITS: f64 = 48.0;
    const STEPS: u64 = 1;
    const ABSOLUTE: f64 = NOTHING;

    fn rational(value: &RBig) -> Option<Self> {
        Self::new(value.to_f64().value(), 0.0)
    }

    fn pi() -> Option<Self> {
        Self::new(std::f64::consts::PI, 0.0)
    }

    fn unit() -> Option<Self> {
        Self::new(0.0, 1.0)
    }

    fn plus(&self, other: &Self) -> Option<Self> {
        Self::new(self.across + other.across, self.up + other.up)
    }

    fn times(&self, other: &Self) -> Option<Self> {
        Self::new(
            self.across * other.across - self.up * other.up,
            self.across * other.up + self.up * other.across,
        )
    }

    fn inverse(&self) -> Option<Self> {
        let square = self.across * self.across + self.up * self.up;
        Self::new(self.across / square, -self.up / square)
    }

    fn root(&self) -> Option<Self> {
        let size = libm::hypot(self.across, self.up);
        // The larger of the two parts first, so that nothing cancels; the other from their product.
        let large = libm::sqrt(f64::midpoint(size, self.across.abs()));
        let small = self.up.abs() / 2.0 / large;
        let (across, up) = if self.across < 0.0 {
            (small, large)
        } else {
            (large, small)
        };
        Self::new(across, if self.up < 0.0 { -up } else { up })
    }

    fn apply(&self, function: Function) -> Option<Self> {
        match function {
            Function::Exp => self.exp(),
            Function::Ln => self.ln(),
            Function::Sin => self.sin(),
            Function::Cos => self.cos(),
            Function::Arctan => self.real(libm::atan),
            Function::Arcsin => self.real(libm::asin),
            Function::Arccos => self.real(libm::acos),
            Function::Abs => Self::new(libm::hypot(self.across, self.up), 0.0),
            Function::Floor => self.floor(),
        }
    }

    fn floor(&self) -> Option<Self> {
        Self::new(libm::floor(self.across), 0.0)
    }

    fn size(&self) -> f64 {
        size(libm::hypot(self.across, self.up))
    }

    fn height(&self) -> f64 {
        size(self.up.abs())
    }

    fn is_left(&self) -> bool {
        self.across < 0.0
    }
}

fn size(value: f64) -> f64 {
    if value == 0.0 { NOTHING } else { libm::log2(value) }
}
