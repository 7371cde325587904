//! The normal form: sums of products of atoms with exact rational coefficients.
//!
//! `poly` is the data, `algebra` its arithmetic, `integer` the factoring behind radicals, `function` what is known of
//! functions, `value` the way from a syntax tree, `equal` the test whether two are the same, `form` answers that are
//! more than one value. Numbers never become floating point.

mod algebra;
mod equal;
mod form;
mod function;
mod integer;
mod poly;
mod power;
mod value;

pub use algebra::times;
pub use equal::{Sameness, sameness};
pub use form::{Form, Normaliser, Scalar, Shape};
pub use poly::Poly;

use crate::fuel::Exhausted;

/// Why there is no normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A limit or the step budget was reached.
    Limit,
    /// The value does not exist, such as 1/0.
    Undefined,
    /// The form is not one of those known here.
    Unsupported,
}

impl From<Exhausted> for Trouble {
    fn from(Exhausted: Exhausted) -> Self {
        Self::Limit
    }
}
