//! Sets of real numbers as unions of intervals and points, however they are written.

use std::cmp::Ordering;

use super::interval::{PIECES, Piece, intervals};
use super::solve::solved;
use super::{Judge, Outcome};
use crate::normal::{Form, Shape, Trouble};

impl Judge<'_> {
    /// Compares two sets of real numbers, at least one of which is made of several intervals; none if they are not.
    ///
    /// Intervals that touch are joined, and points fill or leave gaps, so that `a \le -2 or a = 1` is
    /// `(-\infty,-2] \cup \{1\}`, and `\mathbb{R} \setminus \{1\}` is `(-\infty,1) \cup (1,\infty)`.
    pub(super) fn regions(&mut self, pred: &Form, gold: &Form) -> Result<Option<Outcome>, Trouble> {
        if self.is_strict() || !(is_made_of_several(pred) || is_made_of_several(gold)) || pred == gold {
            return Ok(None);
        }
        let (mut name, mut gold_name) = (None, None);
        let (Some(pred), Some(gold)) = (self.pieces(pred, &mut name)?, self.pieces(gold, &mut gold_name)?) else {
            return Ok(None);
        };
        if name.is_some() && gold_name.is_some() && name != gold_name && !self.is_lenient() {
            return Ok(Some(Outcome::Different));
        }
        let (pred, gold) = (self.joined(pred)?, self.joined(gold)?);
        self.in_any_order(&intervals(pred), &intervals(gold), "union").map(Some)
    }

    /// Returns the intervals and points of a set; the name, if there is one, is the same throughout.
    fn pieces(&mut self, form: &Form, name: &mut Option<String>) -> Result<Option<Vec<Piece>>, Trouble> {
        self.fuel.spend(super::COMPARISON_STEPS)?;
        Ok(match form {
            Form::Range(own, set) if is_named(name, own) => self.pieces(set, name)?,
            Form::Equation(Some(own), members) => match members.as_slice() {
                [_, value] if is_named(name, own) => point(value),
                _ => None,
            },
            Form::Inequality(difference, is_closed) if self.is_lenient() => match solved(difference, *is_closed) {
                Some(range) => self.pieces(&range, name)?,
                None => None,
            },
            Form::Several(Shape::Bracket(open @ ('(' | '['), close @ (')' | ']')), ends) => match ends.as_slice() {
                [low, high] => Some(vec![Piece::between(low, *open == '[', high, *close == ']')]),
                _ => None,
            },
            Form::Several(Shape::Set, items) => items
                .iter()
                .map(point)
                .collect::<Option<Vec<_>>>()
                .map(|found| found.concat()),
            Form::Several(Shape::Union, items) => self.each_piece(items, name)?,
            Form::Several(Shape::List, items) if items.iter().all(is_condition) => self.conditions(items, name)?,
            Form::Several(Shape::Difference, parts) => match parts.as_slice() {
                [set, hole] => match (self.pieces(set, name)?, self.pieces(hole, name)?) {
                    (Some(set), Some(holes)) => self.without(set, &holes)?,
                    _ => None,
                },
                _ => None,
            },
            Form::NamedSet(letter) if letter == "R" => Some(reals()),
            _ => None,
        })
    }

    /// Returns what a list of conditions describes: one of them holds, and every `\ne` among them.
    fn conditions(&mut self, items: &[Form], name: &mut Option<String>) -> Result<Option<Vec<Piece>>, Trouble> {
        let (holes, rest): (Vec<&Form>, Vec<&Form>) = items.iter().partition(|item| excluded(item).is_some());
        let rest: Vec<Form> = rest.into_iter().cloned().collect();
        let set = if rest.is_empty() {
            Some(reals())
        } else {
            self.each_piece(&rest, name)?
        };
        let is_one_name = holes
            .iter()
            .all(|hole| matches!(hole, Form::Range(own, _) if is_named(name, own)));
        let points: Option<Vec<Vec<Piece>>> = holes.iter().map(|hole| excluded(hole).and_then(point)).collect();
        match (set, points) {
            (Some(set), Some(points)) if is_one_name && self.is_spread(&set)? => self.without(set, &points.concat()),
            _ => Ok(None),
        }
    }

    /// Returns whether no two pieces overlap; of conditions that do, it is not known whether one or both have to hold.
    fn is_spread(&mut self, set: &[Piece]) -> Result<bool, Trouble> {
        for (place, piece) in set.iter().enumerate() {
            for other in set.iter().skip(place + 1) {
                let is_below = self.order(&piece.high.at, &other.low.at)?;
                let is_above = self.order(&other.high.at, &piece.low.at)?;
                let is_clear = |order: Option<Ordering>| matches!(order, Some(Ordering::Less | Ordering::Equal));
                if !is_clear(is_below) && !is_clear(is_above) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn each_piece(&mut self, items: &[Form], name: &mut Option<String>) -> Result<Option<Vec<Piece>>, Trouble> {
        let mut found = Vec::new();
        for item in items {
            let Some(pieces) = self.pieces(item, name)? else {
                return Ok(None);
            };
            found.extend(pieces);
        }
        Ok((found.len() <= PIECES).then_some(found))
    }
}

fn reals() -> Vec<Piece> {
    vec![Piece::between(
        &Form::Infinity(true),
        false,
        &Form::Infinity(false),
        false,
    )]
}

/// Returns the value that `x \ne a` leaves out.
fn excluded(form: &Form) -> Option<&Form> {
    let Form::Range(_, set) = form else {
        return None;
    };
    match set.as_ref() {
        Form::Several(Shape::Union, sides) => match sides.as_slice() {
            [Form::Several(_, below), Form::Several(_, above)] => match (below.as_slice(), above.as_slice()) {
                ([Form::Infinity(true), low], [high, Form::Infinity(false)]) if low == high => Some(low),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn point(value: &Form) -> Option<Vec<Piece>> {
    matches!(value, Form::Scalar(_)).then(|| vec![Piece::between(value, true, value, true)])
}

fn is_named(name: &mut Option<String>, own: &str) -> bool {
    name.get_or_insert_with(|| own.to_owned()) == own
}

fn is_condition(form: &Form) -> bool {
    matches!(
        form,
        Form::Range(..) | Form::Equation(Some(_), _) | Form::Inequality(..)
    )
}

/// Returns whether a set is written as several, or as all real numbers.
fn is_made_of_several(form: &Form) -> bool {
    match form {
        Form::Several(Shape::Union | Shape::Difference, _) | Form::NamedSet(_) => true,
        Form::Several(Shape::List, items) => {
            items.iter().all(is_condition) && items.iter().any(|item| !matches!(item, Form::Equation(..)))
        }
        Form::Range(_, set) => is_made_of_several(set),
        _ => false,
    }
}
