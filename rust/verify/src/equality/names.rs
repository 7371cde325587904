//! Values of several names: `x = 1, y = 2` and `(x, y) = (1, 2)`, by name or, against bare values, by order.

use super::chain::values;
use super::{Judge, Judged, Outcome};
use crate::normal::{Form, Shape, Trouble};

/// A name and its value.
type Assignment<'f> = (String, &'f Form);

impl Judge<'_> {
    /// Compares where a side gives values to several different names; none if neither does.
    ///
    /// An answer that names its values is held to a gold without names in that order. A gold's names are left out in
    /// evaluation only, where bare values may also stand in any order.
    pub(super) fn assignments(&mut self, pred: &Form, gold: &Form) -> Result<Option<Outcome>, Trouble> {
        if self.is_strict() {
            return Ok(None);
        }
        let outcome = match (assigned(pred), assigned(gold)) {
            (None, None) => return Ok(None),
            (Some(pred), Some(gold)) => self.by_name(&pred, &gold)?,
            (Some(pred), None) => match gold {
                // Another name, or several values of one, is another answer.
                Form::Several(Shape::List, items) if !self.is_lenient() && items.iter().any(is_equation) => {
                    Outcome::Different
                }
                Form::Several(Shape::List | Shape::Bracket('(', ')'), items) => self.by_order(
                    &right_sides(&pred),
                    items,
                    matches!(gold, Form::Several(Shape::List, _)),
                )?,
                _ => Outcome::Different,
            },
            (None, Some(named)) => match (pred, gold) {
                // A tuple of names says which value is whose.
                (_, Form::Equation(..)) => return Ok(None),
                (Form::Several(shape @ (Shape::List | Shape::Bracket('(', ')')), items), _) if self.is_lenient() => {
                    self.by_order(items, &right_sides(&named), *shape == Shape::List)?
                }
                _ => Outcome::Different,
            },
        };
        Ok(Some(outcome))
    }

    /// Compares values by the names that both sides give; in evaluation names that all differ go by order.
    fn by_name(&mut self, pred: &[Assignment<'_>], gold: &[Assignment<'_>]) -> Judged {
        if pred.len() != gold.len() {
            return Ok(Outcome::Different);
        }
        let value_of = |name: &str| pred.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        if gold.iter().all(|(name, _)| value_of(name).is_none()) && self.is_lenient() {
            return self.in_order(&right_sides(pred), &right_sides(gold), "names");
        }
        let mut outcome = Outcome::Equal("names");
        for (name, value) in gold {
            let Some(found) = value_of(name) else {
                return Ok(Outcome::Different);
            };
            match self.compare(found, value)? {
                Outcome::Equal(_) => {}
                Outcome::Different => return Ok(Outcome::Different),
                Outcome::Unknown => outcome = Outcome::Unknown,
            }
        }
        Ok(outcome)
    }

    fn by_order(&mut self, pred: &[Form], gold: &[Form], is_loose: bool) -> Judged {
        let outcome = self.in_order(pred, gold, "names")?;
        if outcome == Outcome::Different && is_loose && self.is_lenient() {
            return self.in_any_order(pred, gold, "names");
        }
        Ok(outcome)
    }
}

fn right_sides(assignments: &[Assignment<'_>]) -> Vec<Form> {
    assignments.iter().map(|(_, value)| (*value).clone()).collect()
}

/// Returns the values of different names; none if there are not several, or if one name has several values.
fn assigned(form: &Form) -> Option<Vec<Assignment<'_>>> {
    let found: Vec<Assignment<'_>> = match form {
        Form::Several(Shape::List, items) => items.iter().map(single).collect::<Option<_>>()?,
        Form::Equation(Some(_), members) => match members.as_slice() {
            [Form::Several(_, names), .., Form::Several(shape, values)]
                if names.len() == values.len() && *shape != Shape::Set =>
            {
                names.iter().map(ToString::to_string).zip(values).collect()
            }
            _ => return None,
        },
        _ => return None,
    };
    let stem = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
    let (first, _) = found.first()?;
    let is_same = |(name, _): &Assignment<'_>| stem(name) == stem(first);
    let repeats = found
        .iter()
        .enumerate()
        .any(|(place, (name, _))| found.iter().take(place).any(|(earlier, _)| earlier == name));
    // `x_1 = 3, x_2 = 5` are two values of one name.
    (found.len() > 1 && !repeats && !found.iter().all(is_same)).then_some(found)
}

fn is_equation(form: &Form) -> bool {
    matches!(form, Form::Equation(..))
}

fn single(form: &Form) -> Option<Assignment<'_>> {
    match form {
        Form::Equation(Some(name), members) => match values(Some(name), members) {
            [value] => Some((name.clone(), value)),
            _ => None,
        },
        _ => None,
    }
}
