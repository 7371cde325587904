//! What the parser makes of an answer.

use dashu_ratio::RBig;

use crate::units::Unit;

/// An answer or a part of one, as it was written: nothing is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub enum Ast {
    /// A number as a literal.
    Number(Literal),
    /// Digits and the base that they are written in.
    Based(String, String),
    /// A name, with its subscript and primes; commands keep their backslash.
    Symbol(String),
    /// Infinity, without sign.
    Infinity,
    /// A change of sign.
    Neg(Box<Ast>),
    /// `+x` or `-x`, the sign open; true if the minus stands on top.
    PlusMinus(Box<Ast>, bool),
    /// A sum of terms.
    Sum(Vec<Ast>),
    /// A product of factors.
    Product(Vec<Ast>),
    /// A fraction.
    Quotient(Box<Ast>, Box<Ast>),
    /// Base and exponent.
    Power(Box<Ast>, Box<Ast>),
    /// Degree and radicand.
    Root(Box<Ast>, Box<Ast>),
    /// Whole part and fraction of a mixed number.
    Mixed(Box<Ast>, Box<Ast>),
    /// Hundredths.
    Percent(Box<Ast>),
    /// A function by name and its arguments.
    Call(String, Vec<Ast>),
    /// A name directly followed by something in parentheses: a function applied, or a product.
    Apply(String, Vec<Ast>),
    /// A value and its unit.
    Unit(Box<Ast>, Unit),
    /// Brackets that mean something: a tuple, a point or an interval.
    Bracket(char, Vec<Ast>, char),
    /// Members in braces.
    Set(Vec<Ast>),
    /// Values separated by commas or words.
    List(Vec<Ast>),
    /// Rows of a matrix.
    Matrix(Vec<Vec<Ast>>),
    /// Sets joined.
    Union(Vec<Ast>),
    /// A set and what is taken out of it.
    Difference(Box<Ast>, Box<Ast>),
    /// Three values or more in proportion.
    Ratio(Vec<Ast>),
    /// Members with a relation between each two.
    Chain(Vec<Ast>, Vec<Relation>),
    /// All real numbers, or another set with a letter of its own.
    NamedSet(String),
    /// Words.
    Text(String),
}

/// A number as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Literal {
    /// The exact value.
    pub value: RBig,
    /// Digits after the point.
    pub decimals: usize,
    /// Significant digits, if there is a point.
    pub significant: usize,
}

/// A relation between two members of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// Equal.
    Equal,
    /// About equal.
    Approximate,
    /// Not equal.
    NotEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterEqual,
    /// Member of.
    In,
}

impl Ast {
    /// Returns whether a `\pm` or `\mp` leaves a sign open, so that the answer is two values.
    pub fn has_open_sign(&self) -> bool {
        self.has_sign(&|_| true)
    }

    /// Returns whether a `\mp` ties its sign to that of a `\pm`.
    pub fn has_tied_sign(&self) -> bool {
        self.has_sign(&|is_minus_first| is_minus_first)
    }

    fn has_sign(&self, test: &impl Fn(bool) -> bool) -> bool {
        match self {
            Self::PlusMinus(inner, is_minus_first) => test(*is_minus_first) || inner.has_sign(test),
            // The members of these are values by themselves.
            Self::Set(_) | Self::List(_) | Self::Matrix(_) => false,
            other => other.parts().into_iter().any(|part| part.has_sign(test)),
        }
    }

    /// Returns the parts that a node holds, in order.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Neg(inner) | Self::Percent(inner) | Self::Unit(inner, _) | Self::PlusMinus(inner, _) => vec![inner],
            Self::Quotient(a, b)
            | Self::Power(a, b)
            | Self::Root(a, b)
            | Self::Mixed(a, b)
            | Self::Difference(a, b) => vec![a, b],
            Self::Sum(parts)
            | Self::Product(parts)
            | Self::Call(_, parts)
            | Self::Apply(_, parts)
            | Self::Chain(parts, _)
            | Self::Bracket(_, parts, _)
            | Self::Set(parts)
            | Self::List(parts)
            | Self::Union(parts)
            | Self::Ratio(parts) => parts.iter().collect(),
            Self::Matrix(rows) => rows.iter().flatten().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the node with each of its parts replaced.
    pub fn with_parts(&self, change: &dyn Fn(&Self) -> Self) -> Self {
        let one = |part: &Self| Box::new(change(part));
        let each = |parts: &[Self]| parts.iter().map(change).collect::<Vec<_>>();
        match self {
            Self::Neg(inner) => Self::Neg(one(inner)),
            Self::Percent(inner) => Self::Percent(one(inner)),
            Self::Unit(inner, unit) => Self::Unit(one(inner), unit.clone()),
            Self::PlusMinus(inner, is_minus_first) => Self::PlusMinus(one(inner), *is_minus_first),
            Self::Quotient(a, b) => Self::Quotient(one(a), one(b)),
            Self::Power(a, b) => Self::Power(one(a), one(b)),
            Self::Root(a, b) => Self::Root(one(a), one(b)),
            Self::Mixed(a, b) => Self::Mixed(one(a), one(b)),
            Self::Sum(parts) => Self::Sum(each(parts)),
            Self::Product(parts) => Self::Product(each(parts)),
            Self::Call(name, parts) => Self::Call(name.clone(), each(parts)),
            Self::Apply(name, parts) => Self::Apply(name.clone(), each(parts)),
            Self::Chain(parts, relations) => Self::Chain(each(parts), relations.clone()),
            Self::Bracket(open, parts, close) => Self::Bracket(*open, each(parts), *close),
            Self::Set(parts) => Self::Set(each(parts)),
            Self::List(parts) => Self::List(each(parts)),
            Self::Union(parts) => Self::Union(each(parts)),
            Self::Difference(a, b) => Self::Difference(one(a), one(b)),
            Self::Ratio(parts) => Self::Ratio(each(parts)),
            Self::Matrix(rows) => Self::Matrix(rows.iter().map(|row| each(row)).collect()),
            other => other.clone(),
        }
    }
}
