//! Equations: left sides that are names, chains of equal members, equations as such.

use super::{Judge, Judged, Outcome};
use crate::normal::{Form, Poly, Scalar};

impl Judge<'_> {
    /// Compares where at least one side is an equation.
    pub(super) fn equations(&mut self, pred: &Form, gold: &Form) -> Judged {
        match (pred, gold) {
            (Form::Equation(name, members), Form::Equation(gold_name, gold_members)) => {
                let is_same = name == gold_name;
                if is_same && name.is_some() {
                    return self.against_last(members, gold_members);
                }
                // A gold that is solved for a name is not met by an equation that is yet to be solved.
                let is_solved = gold_name.is_some() && gold_members.iter().all(is_number);
                if is_solved && name.is_none() && !self.is_lenient() {
                    return Ok(Outcome::Different);
                }
                let outcome = self.differences(pred, gold)?;
                let is_renamed = name.is_some() && gold_name.is_some() && self.is_lenient();
                if outcome.is_equal() || !is_renamed {
                    Ok(outcome)
                } else {
                    self.against_last(members, gold_members)
                }
            }
            _ if self.is_strict() => Ok(Outcome::Different),
            (Form::Equation(name, members), gold) => self.chain(name.is_some(), members, gold),
            (pred, Form::Equation(Some(_), gold_members)) => {
                self.against_last(std::slice::from_ref(pred), gold_members)
            }
            _ => Ok(Outcome::Different),
        }
    }

    fn against_last(&mut self, members: &[Form], gold_members: &[Form]) -> Judged {
        let Some(gold) = gold_members.last() else {
            return Ok(Outcome::Different);
        };
        self.chain(true, members, gold)
    }

    /// Compares `a = b = c` with a gold that is no equation: every member must equal it, when lenient the last.
    fn chain(&mut self, has_name: bool, members: &[Form], gold: &Form) -> Judged {
        if self.is_lenient() && (has_name || members.len() > 2 || members.iter().all(is_number)) {
            let Some(last) = members.last() else {
                return Ok(Outcome::Different);
            };
            return self.compare(last, gold);
        }
        let mut decided = Outcome::Different;
        for member in members {
            decided = self.compare(member, gold)?;
            if !decided.is_equal() {
                return Ok(decided);
            }
        }
        Ok(decided)
    }

    /// Compares two equations by their differences, which may differ by a constant factor.
    fn differences(&mut self, pred: &Form, gold: &Form) -> Judged {
        match (difference(pred), difference(gold)) {
            (Some(pred), Some(gold)) => self.proportional(&pred, &gold, false),
            _ => Ok(Outcome::Different),
        }
    }
}

fn is_number(form: &Form) -> bool {
    matches!(form, Form::Scalar(scalar) if scalar.value.as_constant().is_some())
}

/// Returns left less right of an equation between two plain values.
fn difference(form: &Form) -> Option<Poly> {
    let Form::Equation(name, members) = form else {
        return None;
    };
    let plain = |form: &Form| match form {
        Form::Scalar(Scalar {
            value,
            unit: None,
            is_percent: false,
            ..
        }) => Some(value.clone()),
        _ => None,
    };
    match (name, members.as_slice()) {
        (Some(name), [right]) => Some(Poly::named(name).minus(&plain(right)?)),
        (None, [left, right]) => Some(plain(left)?.minus(&plain(right)?)),
        _ => None,
    }
}
