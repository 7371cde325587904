//! Tokens to a syntax tree: recursive descent, depth limited by the lexer.
//!
//! `answer` reads lists, relations and sets, `expression` sums and products, `atom` operands, `measure` units.

mod answer;
mod atom;
mod expression;
mod function;
mod measure;
mod number;

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
}

/// Returns the tree of an answer.
pub fn parse(tokens: Vec<Token>) -> Result<Answer, NotUnderstood> {
    if let Some(words) = answer::words_only(&tokens) {
        return Ok(Answer { ast: Ast::Text(words), has_words: false });
    }
    let mut parser = Parser { tokens, at: 0, depth: 0, bars: 0, has_words: false };
    let ast = parser.answer()?;
    if parser.at < parser.tokens.len() {
        return Err(NotUnderstood);
    }
    Ok(Answer { ast, has_words: parser.has_words })
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
