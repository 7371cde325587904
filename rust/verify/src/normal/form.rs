//! Answers in normal form: single values, and everything that is made of several.

use std::fmt;

use super::Trouble;
use super::poly::Poly;
use super::value::value;
use crate::ast::{Ast, Relation};
use crate::fuel::Fuel;
use crate::units::Unit;

/// One value with what stands beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// The value; of a percentage the hundredths.
    pub value: Poly,
    /// The unit, if there is one.
    pub unit: Option<Unit>,
    /// Whether a percent sign stands behind it.
    pub is_percent: bool,
    /// Digits after the point and significant digits of a decimal.
    pub precision: Option<(usize, usize)>,
}

/// What holds values together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// In any order, without brackets.
    List,
    /// In any order, in braces.
    Set,
    /// In this order, in these brackets: a tuple, a point or an interval.
    Bracket(char, char),
    /// Sets joined, in any order.
    Union,
    /// A row of a matrix.
    Row,
    /// Rows of a matrix.
    Matrix,
}

/// An answer in normal form.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// One value.
    Scalar(Scalar),
    /// Infinity; true if negative.
    Infinity(bool),
    /// Digits in a base.
    Based(String, String),
    /// Several forms.
    Several(Shape, Vec<Form>),
    /// Members that are equal; the first may be a mere name, which is then left out and given here.
    Equation(Option<String>, Vec<Form>),
    /// A name restricted to an interval.
    Range(String, Box<Form>),
    /// The difference of the two sides of an inequality, larger side first; true if it may be zero.
    Inequality(Poly, bool),
    /// The difference of two sides that are not equal.
    NotEqual(Poly),
    /// A set by its letter.
    NamedSet(String),
    /// Words.
    Text(String),
}

/// Brings syntax trees to normal form.
pub struct Normaliser<'a> {
    /// Charged for the work.
    pub fuel: &'a mut Fuel,
}

impl Normaliser<'_> {
    /// Returns the normal form of an answer; open signs become two values.
    pub fn form(&mut self, ast: &Ast) -> Result<Form, Trouble> {
        let items = match ast {
            Ast::List(items) => items.as_slice(),
            only => std::slice::from_ref(only),
        };
        let mut forms = self.spread(items)?;
        match forms.pop() {
            Some(only) if forms.is_empty() => Ok(only),
            last => {
                forms.extend(last);
                Ok(Form::Several(Shape::List, forms))
            }
        }
    }

    /// Returns the forms of items, one or for an open sign two of each.
    fn spread(&mut self, items: &[Ast]) -> Result<Vec<Form>, Trouble> {
        let mut forms = Vec::with_capacity(items.len());
        for item in items {
            forms.push(self.item(item, true)?);
            if has_open_sign(item) {
                forms.push(self.item(item, false)?);
            }
        }
        Ok(forms)
    }

    fn item(&mut self, ast: &Ast, is_upper: bool) -> Result<Form, Trouble> {
        Ok(match ast {
            Ast::Infinity => Form::Infinity(false),
            Ast::Neg(inner) if **inner == Ast::Infinity => Form::Infinity(true),
            Ast::Based(digits, base) => Form::Based(digits.clone(), base.clone()),
            Ast::Bracket(open, items, close) => {
                Form::Several(Shape::Bracket(*open, *close), self.each(items, is_upper)?)
            }
            Ast::Set(items) => Form::Several(Shape::Set, self.spread(items)?),
            Ast::List(items) => Form::Several(Shape::List, self.spread(items)?),
            Ast::Union(items) => Form::Several(Shape::Union, self.each(items, is_upper)?),
            Ast::Matrix(rows) => {
                let mut forms = Vec::with_capacity(rows.len());
                for row in rows {
                    forms.push(Form::Several(Shape::Row, self.each(row, is_upper)?));
                }
                Form::Several(Shape::Matrix, forms)
            }
            Ast::Chain(members, relations) => self.chain(members, relations, is_upper)?,
            Ast::NamedSet(letter) => Form::NamedSet(letter.clone()),
            Ast::Text(words) => Form::Text(words.clone()),
            _ => Form::Scalar(self.scalar(ast, is_upper)?),
        })
    }

    fn each(&mut self, items: &[Ast], is_upper: bool) -> Result<Vec<Form>, Trouble> {
        items.iter().map(|item| self.item(item, is_upper)).collect()
    }

    fn scalar(&mut self, ast: &Ast, is_upper: bool) -> Result<Scalar, Trouble> {
        Ok(match ast {
            Ast::Unit(inner, unit) => Scalar { unit: Some(unit.clone()), ..self.scalar(inner, is_upper)? },
            Ast::Neg(inner) => {
                let scalar = self.scalar(inner, is_upper)?;
                Scalar { value: scalar.value.scaled(&-dashu_ratio::RBig::ONE), ..scalar }
            }
            Ast::Percent(_) => Scalar { is_percent: true, ..plain(value(ast, is_upper, self.fuel)?) },
            Ast::Number(literal) if literal.significant > 0 => {
                let precision = Some((literal.decimals, literal.significant));
                Scalar { precision, ..plain(value(ast, is_upper, self.fuel)?) }
            }
            _ => plain(value(ast, is_upper, self.fuel)?),
        })
    }

    fn chain(&mut self, members: &[Ast], relations: &[Relation], is_upper: bool) -> Result<Form, Trouble> {
        let is_equality = |relation: &Relation| matches!(relation, Relation::Equal | Relation::Approximate);
        if relations.iter().all(is_equality) {
            return self.equation(members, relations, is_upper);
        }
        match (members, relations) {
            ([left, set], [Relation::In]) if name_of(left).is_some() => self.item(set, is_upper),
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
            if !(is_rough && !kept.is_empty()) {
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
                Ok(range(name, Form::Infinity(true), high, '(', if is_closed { ']' } else { ')' }))
            }
            (None, Some(name)) => {
                let low = self.item(low, is_upper)?;
                Ok(range(name, low, Form::Infinity(false), if is_closed { '[' } else { '(' }, ')'))
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
        Ok(range(name, low, high, if first { '[' } else { '(' }, if second { ']' } else { ')' }))
    }
}

fn plain(value: Poly) -> Scalar {
    Scalar { value, unit: None, is_percent: false, precision: None }
}

fn range(name: String, low: Form, high: Form, open: char, close: char) -> Form {
    Form::Range(name, Box::new(Form::Several(Shape::Bracket(open, close), vec![low, high])))
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
            names.filter(|_| factors.iter().all(is_point)).map(|names| names.concat())
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

fn has_open_sign(ast: &Ast) -> bool {
    match ast {
        Ast::PlusMinus(..) => true,
        Ast::Neg(inner) | Ast::Percent(inner) | Ast::Unit(inner, _) => has_open_sign(inner),
        Ast::Quotient(a, b) | Ast::Power(a, b) | Ast::Root(a, b) | Ast::Mixed(a, b) => {
            has_open_sign(a) || has_open_sign(b)
        }
        Ast::Sum(parts) | Ast::Product(parts) | Ast::Call(_, parts) | Ast::Apply(_, parts) | Ast::Chain(parts, _) => {
            parts.iter().any(has_open_sign)
        }
        Ast::Bracket(_, parts, _) | Ast::Union(parts) => parts.iter().any(has_open_sign),
        _ => false,
    }
}

impl fmt::Display for Form {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => {
                write!(out, "{}", scalar.value)?;
                write!(out, "{}{}", if scalar.is_percent { " (percent)" } else { "" }, unit_mark(scalar))
            }
            Self::Infinity(is_negative) => write!(out, "{}infinity", if *is_negative { "-" } else { "" }),
            Self::Based(digits, base) => write!(out, "{digits} in base {base}"),
            Self::Several(shape, items) => {
                let (open, close) = match shape {
                    Shape::Bracket(open, close) => (open.to_string(), close.to_string()),
                    Shape::Set => ("{".to_owned(), "}".to_owned()),
                    Shape::Union => ("union(".to_owned(), ")".to_owned()),
                    Shape::Row | Shape::Matrix => ("[".to_owned(), "]".to_owned()),
                    Shape::List => (String::new(), String::new()),
                };
                write!(out, "{open}{}{close}", joined(items, ", "))
            }
            Self::Equation(name, members) => {
                let name = name.as_ref().map_or(String::new(), |name| format!("{name} = "));
                write!(out, "{name}{}", joined(members, " = "))
            }
            Self::Range(name, interval) => write!(out, "{name} in {interval}"),
            Self::Inequality(difference, is_closed) => write!(out, "{difference} {} 0", if *is_closed { ">=" } else { ">" }),
            Self::NotEqual(difference) => write!(out, "{difference} != 0"),
            Self::NamedSet(letter) => write!(out, "the set {letter}"),
            Self::Text(words) => write!(out, "the words {words:?}"),
        }
    }
}

fn unit_mark(scalar: &Scalar) -> String {
    scalar.unit.as_ref().map_or_else(String::new, |unit| format!(" {unit}"))
}

fn joined(items: &[Form], separator: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}
