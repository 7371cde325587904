//! Lists, sets, tuples, intervals, unions and matrices.

use super::{Judge, Judged, Outcome};
use crate::normal::{Form, Shape, Trouble, product};
use crate::profile::Equality;

type Part<'a> = (Shape, &'a [Form]);

impl Judge<'_> {
    pub(super) fn collections(
        &mut self,
        (shape, pred): (Shape, &Vec<Form>),
        (gold_shape, gold): (Shape, &Vec<Form>),
    ) -> Judged {
        if (shape, gold_shape) == (Shape::Ratio, Shape::Ratio) {
            return self.ratios(pred, gold);
        }
        match self.ordered((shape, pred), (gold_shape, gold)) {
            Some((true, name)) => self.in_order(pred, gold, name),
            Some((false, name)) => self.in_any_order(pred, gold, name),
            None => self.column((shape, pred), (gold_shape, gold)),
        }
    }

    /// Returns whether order counts, and the rule's name; none if the two shapes never equal.
    fn ordered(&self, (shape, pred): Part<'_>, (gold_shape, gold): Part<'_>) -> Option<(bool, &'static str)> {
        use Shape::{Bracket, Difference, List, Matrix, Row, Set, Union};
        match (shape, gold_shape) {
            (List, List) | (Set, Set) => Some((false, "set")),
            (Set, List) | (List, Set) if !self.is_strict() => Some((false, "set")),
            (Union, Union) => Some((false, "union")),
            (Difference, Difference) => Some((true, "set")),
            (Matrix, Matrix) | (Row, Row) => Some((true, "matrix")),
            (Bracket(open, close), Bracket(gold_open, gold_close)) => {
                ((open, close) == (gold_open, gold_close)).then_some((true, "tuple"))
            }
            // A gold list names no order, so that writing its values as a tuple in that order says the same.
            (Bracket('(', ')'), List) if !self.is_strict() && pred.len() == gold.len() => {
                Some((!self.is_lenient(), "tuple"))
            }
            (List, Bracket('(', ')')) if self.is_lenient() && pred.len() == gold.len() => Some((true, "tuple")),
            _ => None,
        }
    }

    /// Compares what holds several values with a single one: a set of one, or a ratio of two as a quotient.
    pub(super) fn with_single(&mut self, pred: &Form, gold: &Form) -> Judged {
        if !self.is_lenient() {
            return Ok(Outcome::Different);
        }
        if super::words::are_synonyms(pred, gold) {
            return Ok(Outcome::Equal("synonym"));
        }
        match (pred, gold) {
            (Form::Several(Shape::Set, items), single) => match items.as_slice() {
                [only] => self.compare(only, single),
                _ => Ok(Outcome::Different),
            },
            (single, Form::Several(Shape::Set, items)) => match items.as_slice() {
                [only] => self.compare(single, only),
                _ => Ok(Outcome::Different),
            },
            (Form::Several(Shape::Ratio, parts), single) | (single, Form::Several(Shape::Ratio, parts)) => {
                match (parts.as_slice(), single) {
                    ([Form::Scalar(over), Form::Scalar(under)], Form::Scalar(quotient)) => {
                        let over_again = product(&under.value, &quotient.value, self.fuel)?;
                        self.values(&over_again, &over.value, "ratio")
                    }
                    _ => Ok(Outcome::Different),
                }
            }
            _ => Ok(Outcome::Different),
        }
    }

    /// Compares ratios, which may differ by a common factor.
    fn ratios(&mut self, pred: &[Form], gold: &[Form]) -> Judged {
        let outcome = self.in_order(pred, gold, "ratio")?;
        let (Some(Form::Scalar(first)), Some(Form::Scalar(gold_first))) = (pred.first(), gold.first()) else {
            return Ok(outcome);
        };
        if outcome.is_equal() || self.is_strict() || pred.len() != gold.len() {
            return Ok(outcome);
        }
        for (part, gold_part) in pred.iter().zip(gold) {
            let (Form::Scalar(part), Form::Scalar(gold_part)) = (part, gold_part) else {
                return Ok(Outcome::Different);
            };
            let left = product(&part.value, &gold_first.value, self.fuel)?;
            let right = product(&gold_part.value, &first.value, self.fuel)?;
            let crossed = self.values(&left, &right, "ratio")?;
            if !crossed.is_equal() || gold_part.value.is_zero() != part.value.is_zero() {
                return Ok(Outcome::Different);
            }
        }
        Ok(Outcome::Equal("ratio"))
    }

    /// Compares a tuple with a matrix of one row or, when lenient, one column.
    fn column(&mut self, (shape, pred): Part<'_>, (gold_shape, gold): Part<'_>) -> Judged {
        let (rows, tuple) = match (shape, gold_shape) {
            (Shape::Matrix, Shape::Bracket('(' | '[', ')' | ']')) => (pred, gold),
            (Shape::Bracket('(' | '[', ')' | ']'), Shape::Matrix) => (gold, pred),
            _ => return Ok(Outcome::Different),
        };
        if self.is_strict() {
            return Ok(Outcome::Different);
        }
        let entries: Vec<Form> = match rows {
            [Form::Several(Shape::Row, entries)] => entries.clone(),
            _ if self.is_lenient() => rows.iter().filter_map(only_entry).collect(),
            _ => return Ok(Outcome::Different),
        };
        if entries.len() < rows.len() && rows.len() > 1 {
            return Ok(Outcome::Different);
        }
        if shape == Shape::Matrix {
            self.in_order(&entries, tuple, "matrix")
        } else {
            self.in_order(tuple, &entries, "matrix")
        }
    }

    pub(super) fn in_order(&mut self, pred: &[Form], gold: &[Form], rule: &'static str) -> Judged {
        if pred.len() != gold.len() {
            return Ok(Outcome::Different);
        }
        let mut is_known = true;
        for (pred, gold) in pred.iter().zip(gold) {
            match self.compare(pred, gold)? {
                Outcome::Different => return Ok(Outcome::Different),
                outcome => is_known &= outcome.is_equal(),
            }
        }
        Ok(if is_known {
            Outcome::Equal(rule)
        } else {
            Outcome::Unknown
        })
    }

    /// Pairs each member with one of the other side that is not taken yet, after equal members are merged.
    pub(super) fn in_any_order(&mut self, pred: &[Form], gold: &[Form], rule: &'static str) -> Judged {
        let (pred, gold) = (self.merged(pred)?, self.merged(gold)?);
        if pred.len() != gold.len() {
            return Ok(Outcome::Different);
        }
        let mut free: Vec<&Form> = gold;
        let mut is_known = true;
        for member in pred {
            let mut found = None;
            for (place, candidate) in free.iter().enumerate() {
                match self.compare(member, candidate)? {
                    Outcome::Equal(_) => {
                        found = Some(place);
                        break;
                    }
                    Outcome::Unknown => is_known = false,
                    Outcome::Different => {}
                }
            }
            let Some(place) = found else {
                return Ok(if is_known { Outcome::Different } else { Outcome::Unknown });
            };
            free.swap_remove(place);
        }
        Ok(Outcome::Equal(rule))
    }

    /// Returns the members without those that exactly equal an earlier one.
    fn merged<'f>(&mut self, items: &'f [Form]) -> Result<Vec<&'f Form>, Trouble> {
        // Two decimals that round to each other are two values.
        let mut exact = Judge {
            equality: if self.is_lenient() { Equality::Rl } else { self.equality },
            fuel: self.fuel,
        };
        let mut kept: Vec<&Form> = Vec::with_capacity(items.len());
        for item in items {
            let mut is_new = true;
            for known in &kept {
                is_new &= !exact.compare(item, known)?.is_equal();
            }
            if is_new {
                kept.push(item);
            }
        }
        Ok(kept)
    }
}

fn only_entry(row: &Form) -> Option<Form> {
    match row {
        Form::Several(Shape::Row, entries) if entries.len() == 1 => entries.first().cloned(),
        _ => None,
    }
}
