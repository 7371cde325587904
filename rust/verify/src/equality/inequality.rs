//! Inequalities, as they stand and as intervals.

use super::solve::solved;
use super::{Judge, Judged, Outcome};
use crate::normal::Form;

impl Judge<'_> {
    /// Compares where at least one side is an inequality or a name restricted to a set.
    pub(super) fn inequalities(&mut self, pred: &Form, gold: &Form) -> Judged {
        match (pred, gold) {
            (Form::Range(name, pred), Form::Range(gold_name, gold)) => {
                if name == gold_name || self.is_lenient() {
                    self.compare(pred, gold)
                } else {
                    Ok(Outcome::Different)
                }
            }
            (Form::Inequality(pred, is_closed), Form::Inequality(gold, is_gold_closed)) => {
                if is_closed == is_gold_closed {
                    self.proportional(pred, gold, true)
                } else {
                    Ok(Outcome::Different)
                }
            }
            (Form::NotEqual(pred), Form::NotEqual(gold)) => self.proportional(pred, gold, false),
            (Form::Ordering(pred, closed), Form::Ordering(gold, gold_closed)) if closed == gold_closed => {
                self.in_order(pred, gold, "relation")
            }
            _ if self.is_strict() => Ok(Outcome::Different),
            // What is yet to be solved earns nothing where the gold is solved, however easily it is done.
            (Form::Inequality(difference, is_closed), gold) if self.is_lenient() => {
                match solved(difference, *is_closed) {
                    Some(pred) => self.compare(&pred, gold),
                    None => Ok(Outcome::Different),
                }
            }
            (pred, Form::Inequality(difference, is_closed)) => match solved(difference, *is_closed) {
                Some(gold) => self.compare(pred, &gold),
                None => Ok(Outcome::Different),
            },
            (Form::Range(_, pred), gold) => self.compare(pred, gold),
            (pred, Form::Range(_, gold)) => self.compare(pred, gold),
            _ => Ok(Outcome::Different),
        }
    }
}
