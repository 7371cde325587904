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
        match self {
            Self::PlusMinus(..) => true,
            Self::Neg(inner) | Self::Percent(inner) | Self::Unit(inner, _) => inner.has_open_sign(),
            Self::Quotient(a, b) | Self::Power(a, b) | Self::Root(a, b) | Self::Mixed(a, b) => {
                a.has_open_sign() || b.has_open_sign()
            }
            Self::Sum(parts)
            | Self::Product(parts)
            | Self::Call(_, parts)
            | Self::Apply(_, parts)
            | Self::Chain(parts, _)
            | Self::Bracket(_, parts, _)
            | Self::Union(parts) => parts.iter().any(Self::has_open_sign),
            _ => false,
        }
    }
}
