//! Answers in normal form: single values, and everything that is made of several.

use super::Trouble;
use super::matrix::{matrix_of, sum_of_matrices};
use super::poly::Poly;
use super::precision::Precision;
use super::value::value;
use crate::ast::Ast;
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
    /// How a decimal is stated.
    pub precision: Option<Precision>,
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
    /// A set and what is taken out of it.
    Difference,
    /// Parts of a ratio.
    Ratio,
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
    /// Members that are equal; if the first is a mere name, the name is given here as well.
    Equation(Option<String>, Vec<Form>),
    /// A name restricted to a set.
    Range(String, Box<Form>),
    /// The difference of the two sides of an inequality, larger side first; true if it may be zero.
    Inequality(Poly, bool),
    /// Members from the smallest to the largest; for each two neighbours true if they may be equal.
    Ordering(Vec<Form>, Vec<bool>),
    /// The difference of two sides that are not equal.
    NotEqual(Poly),
    /// A set by its letter.
    NamedSet(String),
    /// Words.
    Text(String),
}

impl Form {
    /// Returns a value that nothing stands beside.
    pub fn plain(value: Poly) -> Self {
        Self::Scalar(Scalar {
            value,
            unit: None,
            is_percent: false,
            precision: None,
        })
    }
}

/// Brings syntax trees to normal form.
pub struct Normaliser<'a> {
    /// Charged for the work.
    pub fuel: &'a mut Fuel,
    /// Whether `\approx` counts as a claim of equality; else what follows something exact is dropped.
    pub keeps_rough: bool,
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

    pub(super) fn item(&mut self, ast: &Ast, is_upper: bool) -> Result<Form, Trouble> {
        Ok(match ast {
            Ast::Infinity => Form::Infinity(false),
            Ast::Neg(inner) if **inner == Ast::Infinity => Form::Infinity(true),
            Ast::Based(digits, base) => Form::Based(digits.clone(), base.clone()),
            Ast::Bracket(open, items, close) => {
                Form::Several(Shape::Bracket(*open, *close), self.each(items, is_upper)?)
            }
            Ast::Set(items) => Form::Several(Shape::Set, self.spread(items)?),
            Ast::List(items) => Form::Several(Shape::List, self.spread(items)?),
            Ast::Difference(set, hole) => self.difference_of(set, hole, is_upper)?,
            // A minus between sets is the other sign for their difference.
            Ast::Sum(terms)
                if let [set, Ast::Neg(hole)] = terms.as_slice()
                    && is_set(hole) =>
            {
                self.difference_of(set, hole, is_upper)?
            }
            Ast::Sum(terms) if terms.iter().any(|term| matrix_of(term).is_some()) => {
                let sum = sum_of_matrices(terms).ok_or(Trouble::Unsupported)?;
                self.item(&sum, is_upper)?
            }
            Ast::Ratio(parts) => Form::Several(Shape::Ratio, self.each(parts, is_upper)?),
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

    fn difference_of(&mut self, set: &Ast, hole: &Ast, is_upper: bool) -> Result<Form, Trouble> {
        let parts = vec![self.item(set, is_upper)?, self.item(hole, is_upper)?];
        Ok(Form::Several(Shape::Difference, parts))
    }

    fn each(&mut self, items: &[Ast], is_upper: bool) -> Result<Vec<Form>, Trouble> {
        items.iter().map(|item| self.item(item, is_upper)).collect()
    }

    fn scalar(&mut self, ast: &Ast, is_upper: bool) -> Result<Scalar, Trouble> {
        Ok(match ast {
            Ast::Unit(inner, unit) => Scalar {
                unit: Some(unit.clone()),
                ..self.scalar(inner, is_upper)?
            },
            Ast::Neg(inner) => {
                let scalar = self.scalar(inner, is_upper)?;
                Scalar {
                    value: scalar.value.scaled(&-dashu_ratio::RBig::ONE),
                    ..scalar
                }
            }
            Ast::Percent(_) => Scalar {
                is_percent: true,
                ..stated(ast, value(ast, is_upper, self.fuel)?)
            },
            _ => stated(ast, value(ast, is_upper, self.fuel)?),
        })
    }
}

fn is_set(ast: &Ast) -> bool {
    matches!(ast, Ast::Set(_) | Ast::NamedSet(_) | Ast::Chain(..))
}

/// Returns a plain value with the precision that it is stated in.
fn stated(ast: &Ast, value: Poly) -> Scalar {
    Scalar {
        value,
        unit: None,
        is_percent: false,
        precision: Precision::of(ast),
    }
}
