//! Equations, inequalities and memberships.

use super::Trouble;
use super::form::{Form, Normaliser, Shape};
use super::name::name_of;
use super::poly::Poly;
use super::value::value;
use crate::ast::{Ast, Relation};

impl Normaliser<'_> {
    /// Returns the form of members with relations between them.
    pub(super) fn chain(&mut self, members: &[Ast], relations: &[Relation], is_upper: bool) -> Result<Form, Trouble> {
        let is_equality = |relation: &Relation| matches!(relation, Relation::Equal | Relation::Approximate);
        if relations.iter().all(is_equality) {
            return self.equation(members, relations, is_upper);
        }
        match (members, relations) {
            ([left, set], [Relation::In]) => {
                let name = name_of(left).ok_or(Trouble::Unsupported)?;
                Ok(Form::Range(name, Box::new(self.item(set, is_upper)?)))
            }
            ([left, right], [Relation::NotEqual]) => self.unequal(left, right, is_upper),
            _ => self.ascending(members, relations, is_upper),
        }
    }

    /// Returns `a = b = c`: approximations are dropped where something exact stands before them.
    fn equation(&mut self, members: &[Ast], relations: &[Relation], is_upper: bool) -> Result<Form, Trouble> {
        let name = members.first().and_then(name_of);
        let mut kept = Vec::new();
        for (index, member) in members.iter().enumerate() {
            let is_rough = index > 0 && relations.get(index - 1) == Some(&Relation::Approximate);
            let is_first_value = kept.len() == usize::from(name.is_some());
            if self.keeps_rough || !is_rough || is_first_value {
                kept.push(match &name {
                    Some(name) if index == 0 => self.left_side(member, name, is_upper)?,
                    _ => self.item(member, is_upper)?,
                });
            }
        }
        match kept.pop() {
            Some(only) if kept.is_empty() => Ok(only),
            last => {
                kept.extend(last);
                Ok(Form::Equation(name, kept))
            }
        }
    }

    /// Returns the form of a left side that is a name; `x(t)` is one, and no product.
    fn left_side(&mut self, side: &Ast, name: &str, is_upper: bool) -> Result<Form, Trouble> {
        match side {
            Ast::Symbol(_) | Ast::Apply(..) => Ok(Form::plain(Poly::named(name))),
            _ => self.item(side, is_upper),
        }
    }

    fn difference(&mut self, left: &Ast, right: &Ast, is_upper: bool) -> Result<Poly, Trouble> {
        Ok(value(left, is_upper, self.fuel)?.minus(&value(right, is_upper, self.fuel)?))
    }

    /// Returns `x \ne a` as the two open intervals beside it, else the difference of the two sides.
    fn unequal(&mut self, left: &Ast, right: &Ast, is_upper: bool) -> Result<Form, Trouble> {
        let (name, value) = match (name_of(left), name_of(right)) {
            (Some(name), None) => (name, self.item(right, is_upper)?),
            (None, Some(name)) => (name, self.item(left, is_upper)?),
            _ => return Ok(Form::NotEqual(self.difference(left, right, is_upper)?)),
        };
        let below = interval(Form::Infinity(true), value.clone(), [false; 2]);
        let above = interval(value, Form::Infinity(false), [false; 2]);
        Ok(Form::Range(
            name,
            Box::new(Form::Several(Shape::Union, vec![below, above])),
        ))
    }

    /// Returns members that all ascend or all descend: an interval if the middle is a mere name.
    fn ascending(&mut self, members: &[Ast], relations: &[Relation], is_upper: bool) -> Result<Form, Trouble> {
        let closed: Option<Vec<bool>> = relations.iter().map(|relation| closedness(*relation, false)).collect();
        let (members, closed): (Vec<&Ast>, Vec<bool>) = if let Some(closed) = closed {
            (members.iter().collect(), closed)
        } else {
            let closed = relations.iter().rev().map(|relation| closedness(*relation, true));
            let closed = closed.collect::<Option<_>>().ok_or(Trouble::Unsupported)?;
            (members.iter().rev().collect(), closed)
        };
        match (members.as_slice(), closed.as_slice()) {
            ([low, high], [is_closed]) => self.between(low, high, *is_closed, is_upper),
            ([low, middle, high], [first, second]) if name_of(middle).is_some() => {
                let name = name_of(middle).ok_or(Trouble::Unsupported)?;
                let (low, high) = (self.item(low, is_upper)?, self.item(high, is_upper)?);
                Ok(Form::Range(name, Box::new(interval(low, high, [*first, *second]))))
            }
            _ => {
                let forms: Result<Vec<Form>, Trouble> =
                    members.into_iter().map(|member| self.item(member, is_upper)).collect();
                Ok(Form::Ordering(forms?, closed))
            }
        }
    }

    /// Returns `low < high`: an interval if one side is a mere name, else the difference.
    fn between(&mut self, low: &Ast, high: &Ast, is_closed: bool, is_upper: bool) -> Result<Form, Trouble> {
        let (name, interval) = match (name_of(low), name_of(high)) {
            (Some(name), None) => {
                let high = self.item(high, is_upper)?;
                (name, interval(Form::Infinity(true), high, [false, is_closed]))
            }
            (None, Some(name)) => {
                let low = self.item(low, is_upper)?;
                (name, interval(low, Form::Infinity(false), [is_closed, false]))
            }
            _ => {
                let difference = self.difference(high, low, is_upper)?;
                // Between two numbers nothing is left to be solved, and the numbers are what is said.
                if difference.has_names() {
                    return Ok(Form::Inequality(difference, is_closed));
                }
                let members = vec![self.item(low, is_upper)?, self.item(high, is_upper)?];
                return Ok(Form::Ordering(members, vec![is_closed]));
            }
        };
        Ok(Form::Range(name, Box::new(interval)))
    }
}

fn interval(low: Form, high: Form, [is_low_closed, is_high_closed]: [bool; 2]) -> Form {
    let open = if is_low_closed { '[' } else { '(' };
    let close = if is_high_closed { ']' } else { ')' };
    Form::Several(Shape::Bracket(open, close), vec![low, high])
}

/// Returns whether the two sides may be equal; none if the relation does not ascend, or if mirrored, descend.
fn closedness(relation: Relation, is_mirrored: bool) -> Option<bool> {
    match (relation, is_mirrored) {
        (Relation::Less, false) | (Relation::Greater, true) => Some(false),
        (Relation::LessEqual, false) | (Relation::GreaterEqual, true) => Some(true),
        _ => None,
    }
}
