//! Equality of two answers by the rules of a profile.
//!
//! `scalar` compares values with their units and percent signs, `rounding` decimals, `collection` what is made of
//! several, `clock` times of day, `chain` equations and left sides, `names` values of several names, `inequality`, `region` and `interval` sets of real
//! numbers, `words` text and choice letters; `solve` is the algebra behind them, `rename` finds names that could as
//! well be others, and `work` arithmetic that was left undone.

mod chain;
mod clock;
mod collection;
mod inequality;
mod interval;
mod names;
mod region;
mod rename;
mod rounding;
mod scalar;
mod solve;
mod words;
mod work;

pub use rename::renamed;
pub use words::choice_letter;
pub use work::undone;

use crate::fuel::Fuel;
use crate::normal::{Form, Sameness, Trouble};
use crate::profile::Equality;

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Equal, by the rule of this name.
    Equal(&'static str),
    /// Not equal.
    Different,
    /// Neither was shown.
    Unknown,
}

impl Outcome {
    fn of(sameness: Sameness, rule: &'static str) -> Self {
        match sameness {
            Sameness::Equal => Self::Equal(rule),
            Sameness::Different => Self::Different,
            Sameness::Unknown => Self::Unknown,
        }
    }

    /// Returns whether the two are equal.
    pub const fn is_equal(self) -> bool {
        matches!(self, Self::Equal(_))
    }
}

/// Steps that one comparison of two parts costs beside its arithmetic.
const COMPARISON_STEPS: u64 = 32;

type Judged = Result<Outcome, Trouble>;

/// Compares forms by the rules of one profile.
pub struct Judge<'a> {
    /// The profile's rules.
    pub equality: Equality,
    /// Charged for the work.
    pub fuel: &'a mut Fuel,
}

impl Judge<'_> {
    /// Returns whether an answer equals the gold answer.
    pub fn compare(&mut self, pred: &Form, gold: &Form) -> Judged {
        self.fuel.spend(COMPARISON_STEPS)?;
        if let (Form::Scalar(pred), Form::Scalar(gold)) = (pred, gold) {
            return self.scalars(pred, gold);
        }
        if let Some(outcome) = self.regions(pred, gold)? {
            return Ok(outcome);
        }
        if let Some(outcome) = self.times_of_day(pred, gold) {
            return outcome;
        }
        if let Some(outcome) = self.assignments(pred, gold)? {
            return Ok(outcome);
        }
        match (pred, gold) {
            (Form::Equation(..), _) | (_, Form::Equation(..)) => self.equations(pred, gold),
            (Form::Range(..) | Form::Inequality(..) | Form::Ordering(..) | Form::NotEqual(_), _)
            | (_, Form::Range(..) | Form::Inequality(..) | Form::Ordering(..) | Form::NotEqual(_)) => {
                self.inequalities(pred, gold)
            }
            (Form::Several(shape, pred), Form::Several(gold_shape, gold)) => {
                self.collections((*shape, pred), (*gold_shape, gold))
            }
            (Form::Several(..), _) | (_, Form::Several(..)) => self.with_single(pred, gold),
            (Form::Text(pred), Form::Text(gold)) => Ok(self.texts(pred, gold)),
            (Form::Based(digits, _), other) | (other, Form::Based(digits, _)) => {
                Ok(self.based(digits, pred, gold, other))
            }
            _ if pred == gold => Ok(Outcome::Equal("identical")),
            _ if self.is_lenient() && words::are_synonyms(pred, gold) => Ok(Outcome::Equal("synonym")),
            _ => Ok(Outcome::Different),
        }
    }

    /// Compares digits in a base with another number; in evaluation the base may be left out.
    fn based(&self, digits: &str, pred: &Form, gold: &Form, other: &Form) -> Outcome {
        let is_same_digits = match other {
            Form::Scalar(scalar) => scalar.unit.is_none() && scalar.value.to_string() == digits,
            _ => false,
        };
        if pred == gold || (self.is_lenient() && is_same_digits) {
            Outcome::Equal("base")
        } else {
            Outcome::Different
        }
    }

    fn is_lenient(&self) -> bool {
        self.equality == Equality::Eval
    }

    fn is_strict(&self) -> bool {
        self.equality == Equality::Strict
    }
}
