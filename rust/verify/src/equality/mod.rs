//! Equality of two answers by the rules of a profile.
//!
//! `scalar` compares values with their units, percent signs and rounding, `collection` what is made of several,
//! `chain` equations and left sides, `words` text and choice letters; `work` finds arithmetic that was left undone.

mod chain;
mod collection;
mod scalar;
mod words;
mod work;

pub use words::choice_letter;
pub use work::undone;

use crate::fuel::Fuel;
use crate::normal::{Form, Sameness, Shape, Trouble};
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
        match (pred, gold) {
            (Form::Scalar(pred), Form::Scalar(gold)) => self.scalars(pred, gold),
            (Form::Equation(..), _) | (_, Form::Equation(..)) => self.equations(pred, gold),
            (Form::Range(name, pred), Form::Range(gold_name, gold)) => {
                if name == gold_name || self.is_lenient() {
                    self.compare(pred, gold)
                } else {
                    Ok(Outcome::Different)
                }
            }
            (Form::Range(_, pred), gold) if !self.is_strict() => self.compare(pred, gold),
            (pred, Form::Range(_, gold)) if !self.is_strict() => self.compare(pred, gold),
            (Form::Inequality(pred, is_closed), Form::Inequality(gold, is_gold_closed))
                if is_closed == is_gold_closed =>
            {
                self.proportional(pred, gold, true)
            }
            (Form::NotEqual(pred), Form::NotEqual(gold)) => self.proportional(pred, gold, false),
            (Form::Several(shape, pred), Form::Several(gold_shape, gold)) => {
                self.collections((*shape, pred), (*gold_shape, gold))
            }
            (Form::Several(Shape::Set, pred), gold) | (gold, Form::Several(Shape::Set, pred)) if self.is_lenient() => {
                match pred.as_slice() {
                    [only] => self.compare(only, gold),
                    _ => Ok(Outcome::Different),
                }
            }
            (Form::Text(pred), Form::Text(gold)) => Ok(self.texts(pred, gold)),
            (pred, gold) => Ok(self.remaining(pred, gold)),
        }
    }

    /// Compares what has no parts.
    fn remaining(&self, pred: &Form, gold: &Form) -> Outcome {
        let is_reals = |form: &Form| match form {
            Form::NamedSet(letter) => letter == "R",
            Form::Several(Shape::Bracket('(', ')'), ends) => {
                matches!(ends.as_slice(), [Form::Infinity(true), Form::Infinity(false)])
            }
            _ => false,
        };
        let is_same_digits = |digits: &str, other: &Form| match other {
            Form::Scalar(scalar) => scalar.unit.is_none() && scalar.value.to_string() == digits,
            _ => false,
        };
        match (pred, gold) {
            _ if pred == gold => Outcome::Equal("identical"),
            _ if !self.is_strict() && is_reals(pred) && is_reals(gold) => Outcome::Equal("set"),
            (Form::Based(digits, _), other) | (other, Form::Based(digits, _)) => {
                let is_equal = self.is_lenient() && is_same_digits(digits, other);
                if is_equal {
                    Outcome::Equal("base")
                } else {
                    Outcome::Different
                }
            }
            _ => Outcome::Different,
        }
    }

    fn is_lenient(&self) -> bool {
        self.equality == Equality::Eval
    }

    fn is_strict(&self) -> bool {
        self.equality == Equality::Strict
    }
}
