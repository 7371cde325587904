//! What kind of answer a text is, by the way it is written: nothing is evaluated or compared.

use std::panic::catch_unwind;

use crate::ast::{Ast, Relation};
use crate::equality::choice_letter;
use crate::extract::is_placeholder;
use crate::fuel::Fuel;
use crate::lexer::lex;
use crate::limits;
use crate::parser;
use crate::token;
use crate::unicode::to_latex;

/// The kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A whole number.
    Integer,
    /// A quotient of whole numbers, or a mixed number.
    Fraction,
    /// A number with a point.
    Decimal,
    /// Hundredths.
    Percent,
    /// A value with a unit, or a number with words.
    Quantity,
    /// A number in a named base.
    Based,
    /// Any other single value, with or without variables.
    Expression,
    /// An interval, or several joined.
    Interval,
    /// Values in order: a tuple, a point, a vector in one line.
    Tuple,
    /// Values in braces, or a set with a letter of its own.
    Set,
    /// Several values without brackets; an open sign is two.
    List,
    /// A matrix or column.
    Matrix,
    /// Sides that are equal, or a name and its value.
    Equation,
    /// Sides that are not equal.
    Inequality,
    /// Words.
    Text,
    /// The letter of a choice.
    Choice,
    /// Nothing, or what only marks the place of an answer.
    Empty,
    /// Nothing that is understood.
    Unknown,
}

impl Kind {
    /// Returns the name that is reported.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Fraction => "fraction",
            Self::Decimal => "decimal",
            Self::Percent => "percent",
            Self::Quantity => "quantity",
            Self::Based => "based",
            Self::Expression => "expression",
            Self::Interval => "interval",
            Self::Tuple => "tuple",
            Self::Set => "set",
            Self::List => "list",
            Self::Matrix => "matrix",
            Self::Equation => "equation",
            Self::Inequality => "inequality",
            Self::Text => "text",
            Self::Choice => "choice",
            Self::Empty => "empty",
            Self::Unknown => "unknown",
        }
    }
}

/// Returns the kind of a bare answer.
pub fn kind(answer: &str) -> Kind {
    let answer = answer.trim();
    if is_placeholder(answer) {
        return Kind::Empty;
    }
    if answer.len() > limits::ANSWER_BYTES {
        return Kind::Unknown;
    }
    let Ok(tokens) = lex(&to_latex(answer), &mut Fuel::default()) else {
        return Kind::Unknown;
    };
    if choice_letter(&token::spelling(&tokens), false).is_some() {
        return Kind::Choice;
    }
    let is_prose = parser::is_prose(&tokens);
    let answer = match parser::parse(tokens) {
        Ok(answer) => answer,
        Err(_) if is_prose => return Kind::Text,
        Err(_) => return Kind::Unknown,
    };
    match of(&answer.ast) {
        Kind::Integer | Kind::Fraction | Kind::Decimal if answer.has_words => Kind::Quantity,
        kind => kind,
    }
}

/// Returns the kind, or `Unknown` where reading this answer panicked.
pub fn kind_guarded(answer: &str) -> Kind {
    catch_unwind(|| kind(answer)).unwrap_or(Kind::Unknown)
}

fn of(ast: &Ast) -> Kind {
    if ast.has_open_sign() {
        return Kind::List;
    }
    match ast {
        Ast::Number(literal) if literal.significant == 0 && literal.value.is_int() => Kind::Integer,
        Ast::Number(_) => Kind::Decimal,
        Ast::Neg(inner) => of(inner),
        Ast::Quotient(above, below) if of(above) == Kind::Integer && of(below) == Kind::Integer => Kind::Fraction,
        Ast::Mixed(..) => Kind::Fraction,
        Ast::Percent(_) => Kind::Percent,
        Ast::Unit(..) => Kind::Quantity,
        Ast::Based(..) => Kind::Based,
        Ast::Bracket(open, items, close) => bracketed(*open, items, *close),
        Ast::Union(members) if members.iter().all(|member| of(member) == Kind::Set) => Kind::Set,
        Ast::Union(_) => Kind::Interval,
        Ast::Set(_) | Ast::NamedSet(_) => Kind::Set,
        Ast::List(_) => Kind::List,
        Ast::Matrix(_) => Kind::Matrix,
        Ast::Chain(members, relations) => related(members, relations),
        Ast::Text(_) => Kind::Text,
        _ => Kind::Expression,
    }
}

/// Two values between parentheses may be either; they count as an interval only where an end is infinite.
fn bracketed(open: char, items: &[Ast], close: char) -> Kind {
    let is_half_open = open == '[' || close == ']';
    let is_infinite = |ast: &Ast| match ast {
        Ast::Infinity => true,
        Ast::Neg(inner) => **inner == Ast::Infinity,
        _ => false,
    };
    if items.len() == 2 && (is_half_open || items.iter().any(is_infinite)) {
        Kind::Interval
    } else {
        Kind::Tuple
    }
}

fn related(members: &[Ast], relations: &[Relation]) -> Kind {
    if relations.contains(&Relation::In) {
        return members.last().map_or(Kind::Unknown, of);
    }
    let is_equation = |relation: &Relation| matches!(relation, Relation::Equal | Relation::Approximate);
    if relations.iter().all(is_equation) {
        Kind::Equation
    } else {
        Kind::Inequality
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_by_the_way_they_are_written() {
        let kinds = [
            ("-12", Kind::Integer),
            ("$1,234$", Kind::Integer),
            ("\\frac{-3}{4}", Kind::Fraction),
            ("3\\frac12", Kind::Fraction),
            ("27.0", Kind::Decimal),
            ("28\\%", Kind::Percent),
            ("5\\text{ cm}", Kind::Quantity),
            ("5\\text{ apples}", Kind::Quantity),
            ("4210_{5}", Kind::Based),
            ("2\\sqrt3", Kind::Expression),
            ("\\frac{\\pi}{2}", Kind::Expression),
            ("[0,1)", Kind::Interval),
            ("(-\\infty,3)\\cup(5,\\infty)", Kind::Interval),
            ("x\\in[0,1]", Kind::Interval),
            ("(1,2)", Kind::Tuple),
            ("\\{1,2\\}", Kind::Set),
            ("\\mathbb{R}", Kind::Set),
            ("1, 2", Kind::List),
            ("3\\pm\\sqrt2", Kind::List),
            ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", Kind::Matrix),
            ("x=3", Kind::Equation),
            ("x<3", Kind::Inequality),
            ("\\text{Tuesday}", Kind::Text),
            ("(C)", Kind::Choice),
            (" ", Kind::Empty),
            ("\\oint f", Kind::Unknown),
        ];
        for (answer, expected) in kinds {
            assert_eq!(kind(answer), expected, "{answer}");
        }
    }

    #[test]
    fn too_long_an_answer_is_not_read() {
        assert_eq!(kind(&"1+".repeat(limits::ANSWER_BYTES)), Kind::Unknown);
    }
}
