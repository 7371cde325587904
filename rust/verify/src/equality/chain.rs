//! Equations: left sides that are names, chains of equal members, equations as such.

use super::solve::{linear, without_common_factor};
use super::{Judge, Judged, Outcome};
use crate::normal::{Form, Poly, Scalar, product};

impl Judge<'_> {
    /// Compares where at least one side is an equation.
    pub(super) fn equations(&mut self, pred: &Form, gold: &Form) -> Judged {
        match (pred, gold) {
            (Form::Equation(name, members), Form::Equation(gold_name, gold_members)) => {
                self.two_equations((name.as_deref(), members), (gold_name.as_deref(), gold_members))
            }
            _ if self.is_strict() => Ok(Outcome::Different),
            (Form::Equation(name, members), gold) => self.chain(values(name.as_deref(), members), name.is_some(), gold),
            (pred, Form::Equation(name @ Some(_), members)) => {
                let outcome = self.against_last(std::slice::from_ref(pred), values(name.as_deref(), members))?;
                self.or_solved(outcome, pred, gold)
            }
            (pred, gold) => self.or_solved(Outcome::Different, pred, gold),
        }
    }

    fn two_equations(
        &mut self,
        (name, members): (Option<&str>, &[Form]),
        (gold_name, gold_members): (Option<&str>, &[Form]),
    ) -> Judged {
        if self.is_strict() {
            return self.in_order(members, gold_members, "relation");
        }
        let (right, gold_right) = (values(name, members), values(gold_name, gold_members));
        if name.is_some() && name == gold_name {
            return self.against_last(right, gold_right);
        }
        // A gold that is solved for a name is not met by an equation that is yet to be solved.
        let is_solved = gold_name.is_some() && gold_right.iter().all(is_number);
        if is_solved && name.is_none() && !self.is_lenient() {
            return Ok(Outcome::Different);
        }
        if members.len() > 2 && members.len() == gold_members.len() && name.is_none() && gold_name.is_none() {
            return self.in_any_order(members, gold_members, "relation");
        }
        let outcome = match (difference(members), difference(gold_members)) {
            (Some(pred), Some(gold)) => self.proportional(&pred, &gold, false)?,
            _ => Outcome::Different,
        };
        if outcome.is_equal() || !self.is_lenient() {
            return Ok(outcome);
        }
        match (name, gold_name) {
            (Some(_), Some(_)) => self.against_last(right, gold_right),
            // Side by side, a decimal may round to the other's.
            (None, None) if members.len() == gold_members.len() => self.in_order(members, gold_members, "relation"),
            _ => Ok(outcome),
        }
    }

    fn against_last(&mut self, members: &[Form], gold_members: &[Form]) -> Judged {
        let Some(gold) = gold_members.last() else {
            return Ok(Outcome::Different);
        };
        self.chain(members, true, gold)
    }

    /// Compares `a = b = c` with a gold that is no equation: every member must equal it, when lenient the last.
    fn chain(&mut self, members: &[Form], has_name: bool, gold: &Form) -> Judged {
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

    /// Compares an expression with a gold equation that it solves for a name it leaves out: `6/x` for `xy = 6`.
    fn or_solved(&mut self, outcome: Outcome, pred: &Form, gold: &Form) -> Judged {
        let (Form::Scalar(pred), Form::Equation(_, members)) = (pred, gold) else {
            return Ok(outcome);
        };
        let Some(gold) = difference(members).filter(|_| self.is_lenient() && !outcome.is_equal()) else {
            return Ok(outcome);
        };
        let names = pred.value.names();
        let mut missing = gold.names().into_iter().filter(|name| !names.contains(name));
        let (Some(name), None) = (missing.next(), missing.next()) else {
            return Ok(outcome);
        };
        let Some((slope, rest)) = linear(&gold, &name).filter(|_| !names.is_empty()) else {
            return Ok(outcome);
        };
        let solved = product(&slope, &pred.value, self.fuel)?;
        self.values(&solved, &rest.scaled(&-dashu_ratio::RBig::ONE), "relation")
    }

    /// Returns whether two differences are the same up to a constant factor, which is above 0 if the sign matters.
    ///
    /// In evaluation equations may be multiplied by names as well, as in `xy = 6` and `y = 6/x`.
    pub(super) fn proportional(&mut self, pred: &Poly, gold: &Poly, is_signed: bool) -> Judged {
        let (Some(left), Some(right)) = (pred.leading(), gold.leading()) else {
            return Ok(Outcome::Different);
        };
        let factor = right / left;
        let is_refused =
            (is_signed && factor < dashu_ratio::RBig::ZERO) || (self.is_strict() && factor != dashu_ratio::RBig::ONE);
        let outcome = if is_refused {
            Outcome::Different
        } else {
            self.values(&pred.scaled(&factor), gold, "relation")?
        };
        if outcome.is_equal() || is_signed || !self.is_lenient() {
            return Ok(outcome);
        }
        let pred = without_common_factor(pred, self.fuel)?;
        let gold = without_common_factor(gold, self.fuel)?;
        match (pred.leading(), gold.leading()) {
            (Some(left), Some(right)) => self.values(&pred.scaled(&(right / left)), &gold, "relation"),
            _ => Ok(Outcome::Different),
        }
    }
}

/// Returns the members without the left side that is a mere name.
pub(super) fn values<'f>(name: Option<&str>, members: &'f [Form]) -> &'f [Form] {
    members.get(usize::from(name.is_some())..).unwrap_or_default()
}

fn is_number(form: &Form) -> bool {
    matches!(form, Form::Scalar(scalar) if scalar.value.as_constant().is_some())
}

/// Returns left less right of an equation between two plain values.
fn difference(members: &[Form]) -> Option<Poly> {
    let plain = |form: &Form| match form {
        Form::Scalar(Scalar {
            value,
            unit: None,
            is_percent: false,
            ..
        }) => Some(value.clone()),
        _ => None,
    };
    match members {
        [left, right] => Some(plain(left)?.minus(&plain(right)?)),
        _ => None,
    }
}
