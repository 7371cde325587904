//! Tokens to a syntax tree: recursive descent, depth limited by the lexer.
//!
//! `answer` reads lists and values with units, `beside` the words around them, `statement` relations, `condition` sets
//! by their conditions, `expression` sums and products, `atom` operands, `name` and `function` what names and functions
//! are applied to, `system` cases and systems, `measure` units, `words` what is no mathematics.

mod angle;
mod answer;
mod atom;
mod beside;
mod clock;
mod condition;
mod expression;
mod function;
mod measure;
mod name;
mod number;
mod statement;
mod system;
mod words;

pub use words::{is_prose, text_of};

use crate::ast::Ast;
use crate::limits;
use crate::token::{Kind, Token};

/// The answer is no mathematics that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUnderstood;

/// Result of reading a part.
type Parsed = Result<Ast, NotUnderstood>;

/// A tree and what had to be left out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The tree.
    pub ast: Ast,
    /// Words beside the mathematics that say nothing that is known here.
    pub has_words: bool,
    /// Whether it begins with a sign such as `~` that says that the value is rough.
    pub is_rough: bool,
}

/// Returns the tree of an answer.
pub fn parse(tokens: Vec<Token>) -> Result<Answer, NotUnderstood> {
    if let Some(words) = words::words_only(&tokens).or_else(|| words::formula(&tokens)) {
        return Ok(Answer {
            ast: Ast::Text(words),
            has_words: false,
            is_rough: false,
        });
    }
    let is_rough = tokens
        .first()
        .is_some_and(|token| token.kind.is_command("sim") || token.kind.is_command("approx"));
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        bars: 0,
        has_words: false,
    };
    let ast = parser.answer()?;
    if parser.at < parser.tokens.len() {
        return Err(NotUnderstood);
    }
    Ok(Answer {
        ast,
        has_words: parser.has_words,
        is_rough,
    })
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Open absolute values; a bar inside closes.
    bars: usize,
    has_words: bool,
}

impl Parser {
    fn kind(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn kind_at(&self, ahead: usize) -> Option<&Kind> {
        self.tokens.get(self.at + ahead).map(|token| &token.kind)
    }

    fn is(&self, mark: char) -> bool {
        self.kind().is_some_and(|kind| kind.is(mark))
    }

    fn is_command(&self, name: &str) -> bool {
        self.kind().is_some_and(|kind| kind.is_command(name))
    }

    fn take(&mut self, mark: char) -> bool {
        let is_there = self.is(mark);
        self.at += usize::from(is_there);
        is_there
    }

    fn take_command(&mut self, name: &str) -> bool {
        let is_there = self.is_command(name);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, mark: char) -> Result<(), NotUnderstood> {
        if self.take(mark) { Ok(()) } else { Err(NotUnderstood) }
    }

    /// Reads a part one level deeper.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, NotUnderstood>) -> Result<T, NotUnderstood> {
        self.depth += 1;
        if self.depth > limits::NESTING {
            return Err(NotUnderstood);
        }
        let result = read(self);
        self.depth -= 1;
        result
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fuel::Fuel;
    use crate::lexer::lex;

    fn read(text: &str) -> Result<Ast, NotUnderstood> {
        parse(lex(text, &mut Fuel::default()).unwrap()).map(|answer| answer.ast)
    }

    #[test]
    fn spellings_give_one_tree() {
        let pairs = [
            ("\\frac12", "\\dfrac{1}{2}"),
            ("\\sqrt2", "\\sqrt{2}"),
            ("sqrt(2)", "\\sqrt{2}"),
            ("\\sin^2 x", "\\sin^{2}(x)"),
            ("3 1/2", "3\\frac{1}{2}"),
            ("f'(x)", "f^{\\prime}(x)"),
            ("x=1 or x=2", "x=1\\text{ or }x=2"),
            ("\\log_28", "\\log_2 8"),
        ];
        for (left, right) in pairs {
            assert_eq!(read(left).unwrap(), read(right).unwrap(), "{left}");
        }
    }

    #[test]
    fn a_digit_before_a_fraction_makes_a_mixed_number() {
        assert!(matches!(read("3\\frac12"), Ok(Ast::Mixed(..))));
        assert!(matches!(read("3\\frac x2"), Ok(Ast::Product(_))));
    }

    #[test]
    fn two_numbers_side_by_side_are_not_understood() {
        assert_eq!(read("1 2"), Err(NotUnderstood));
    }

    #[test]
    fn brackets_are_kept_as_they_are() {
        assert!(matches!(read("(1,2]"), Ok(Ast::Bracket('(', _, ']'))));
        assert!(matches!(read("(1)"), Ok(Ast::Number(_))));
        assert!(matches!(read("\\{1,2\\}"), Ok(Ast::Set(_))));
        assert!(matches!(read("1,2"), Ok(Ast::List(_))));
    }

    #[test]
    fn an_exponent_after_parentheses_is_theirs_alone() {
        assert!(matches!(read("x(y+1)^2"), Ok(Ast::Product(_))));
    }

    #[test]
    fn units_are_read_behind_values() {
        for text in [
            "5\\text{ cm}",
            "5 cm",
            "5 square feet",
            "5\\text{ m/s}",
            "5\\mathrm{~cm}^{2}",
            "\\$5",
        ] {
            assert!(matches!(read(text), Ok(Ast::Unit(..))), "{text}");
        }
    }

    #[test]
    fn broken_input_is_not_understood() {
        for text in [
            "\\frac{",
            "\\frac{1}",
            "\\sqrt[",
            "^^^^",
            "(",
            "=",
            "\\begin{pmatrix}1&2",
            "|",
            "1+",
            "\\pm",
        ] {
            assert_eq!(read(text), Err(NotUnderstood), "{text}");
        }
    }

    #[test]
    fn prose_is_text() {
        assert_eq!(read("\\text{Monday}"), Ok(Ast::Text("Monday".to_owned())));
        assert_eq!(read("Monday"), Ok(Ast::Text("Monday".to_owned())));
    }
}
