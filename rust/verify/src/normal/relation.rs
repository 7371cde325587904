//! Equations, inequalities and memberships.

use super::Trouble;
use super::form::{Form, Normaliser, Shape};
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
            ([left, right], [Relation::NotEqual]) => Ok(Form::NotEqual(self.difference(left, right, is_upper)?)),
            ([left, right], [Relation::Less | Relation::LessEqual]) => self.between(left, right, relations, is_upper),
            ([left, right], [Relation::Greater]) => self.between(right, left, &[Relation::Less], is_upper),
            ([left, right], [Relation::GreaterEqual]) => self.between(right, left, &[Relation::LessEqual], is_upper),
            ([low, middle, high], [first, second]) => match (flipped(*first), flipped(*second)) {
                (None, None) => self.range(low, middle, high, [*first, *second], is_upper),
                (Some(first), Some(second)) => self.range(high, middle, low, [second, first], is_upper),
                _ => Err(Trouble::Unsupported),
            },
            _ => Err(Trouble::Unsupported),
        }
    }

    /// Returns `a = b = c`: approximations are dropped where something exact stands before them.
    fn equation(&mut self, members: &[Ast], relations: &[Relation], is_upper: bool) -> Result<Form, Trouble> {
        let name = members.first().and_then(name_of);
        let mut kept = Vec::new();
        for (index, member) in members.iter().enumerate().skip(usize::from(name.is_some())) {
            let is_rough = index > 0 && relations.get(index - 1) == Some(&Relation::Approximate);
            if self.keeps_rough || !is_rough || kept.is_empty() {
                kept.push(self.item(member, is_upper)?);
            }
        }
        match kept.pop() {
            Some(only) if kept.is_empty() && name.is_none() => Ok(only),
            last => {
                kept.extend(last);
                Ok(Form::Equation(name, kept))
            }
        }
    }

    fn difference(&mut self, left: &Ast, right: &Ast, is_upper: bool) -> Result<Poly, Trouble> {
        Ok(value(left, is_upper, self.fuel)?.minus(&value(right, is_upper, self.fuel)?))
    }

    /// Returns `low < high`: an interval if one side is a mere name, else the difference.
    fn between(&mut self, low: &Ast, high: &Ast, relation: &[Relation], is_upper: bool) -> Result<Form, Trouble> {
        let is_closed = relation.contains(&Relation::LessEqual);
        match (name_of(low), name_of(high)) {
            (Some(name), None) => {
                let high = self.item(high, is_upper)?;
                Ok(range(
                    name,
                    Form::Infinity(true),
                    high,
                    '(',
                    if is_closed { ']' } else { ')' },
                ))
            }
            (None, Some(name)) => {
                let low = self.item(low, is_upper)?;
                Ok(range(
                    name,
                    low,
                    Form::Infinity(false),
                    if is_closed { '[' } else { '(' },
                    ')',
                ))
            }
            _ => Ok(Form::Inequality(self.difference(high, low, is_upper)?, is_closed)),
        }
    }

    fn range(
        &mut self,
        low: &Ast,
        middle: &Ast,
        high: &Ast,
        relations: [Relation; 2],
        is_upper: bool,
    ) -> Result<Form, Trouble> {
        let name = name_of(middle).ok_or(Trouble::Unsupported)?;
        let [first, second] = relations.map(|relation| relation == Relation::LessEqual);
        let (low, high) = (self.item(low, is_upper)?, self.item(high, is_upper)?);
        Ok(range(
            name,
            low,
            high,
            if first { '[' } else { '(' },
            if second { ']' } else { ')' },
        ))
    }
}

fn range(name: String, low: Form, high: Form, open: char, close: char) -> Form {
    Form::Range(
        name,
        Box::new(Form::Several(Shape::Bracket(open, close), vec![low, high])),
    )
}

/// Returns the mirrored relation if this one says greater.
fn flipped(relation: Relation) -> Option<Relation> {
    match relation {
        Relation::Greater => Some(Relation::Less),
        Relation::GreaterEqual => Some(Relation::LessEqual),
        _ => None,
    }
}

/// Returns the name that a left side gives, if it is nothing but a name.
pub fn name_of(ast: &Ast) -> Option<String> {
    match ast {
        Ast::Symbol(name) => Some(name.clone()),
        Ast::Apply(name, arguments) => {
            let names: Option<Vec<String>> = arguments.iter().map(argument_name).collect();
            Some(format!("{name}({})", names?.join(",")))
        }
        Ast::Bracket('(', items, ')') | Ast::List(items) => {
            let names: Option<Vec<String>> = items.iter().map(name_of).collect();
            Some(format!("({})", names?.join(",")))
        }
        Ast::Product(factors) => {
            let is_point = |factor: &Ast| matches!(factor, Ast::Symbol(name) if name.chars().all(char::is_uppercase));
            let names: Option<Vec<String>> = factors.iter().map(name_of).collect();
            names
                .filter(|_| factors.iter().all(is_point))
                .map(|names| names.concat())
        }
        _ => None,
    }
}

fn argument_name(ast: &Ast) -> Option<String> {
    match ast {
        Ast::Number(literal) => Some(literal.value.to_string()),
        other => name_of(other),
    }
}
