//! Names with something above, around or before them: vectors, bars, angles, sets by a letter.

use super::{NotUnderstood, Parsed, Parser};
use crate::ast::Ast;
use crate::token::Kind;

/// Letters that stand for sets in blackboard type.
const SETS: [&str; 5] = ["R", "Z", "N", "Q", "C"];

/// Marks over or around letters that make them one name.
pub const MARKS: [&str; 13] = [
    "vec",
    "hat",
    "tilde",
    "dot",
    "ddot",
    "check",
    "overline",
    "bar",
    "underline",
    "mathfrak",
    "mathcal",
    "mathscr",
    "mathbb",
];

impl Parser {
    /// Reads the letters under a mark as one name.
    pub(super) fn marked(&mut self, mark: &str) -> Parsed {
        if mark == "mathbb"
            && let Some(set) = self.named_set()
        {
            return Ok(Ast::NamedSet(set));
        }
        let mut name = format!("\\{} ", if mark == "overline" { "bar" } else { mark });
        let start = name.len();
        self.subscript(&mut name);
        if name.len() == start {
            return Err(NotUnderstood);
        }
        self.applied(name)
    }

    /// Takes the letter of a set that stands by itself; with an index or an exponent it is a name like others.
    fn named_set(&mut self) -> Option<String> {
        let is_braced = self.is('{');
        let Some(Kind::Word(letter)) = self.kind_at(usize::from(is_braced)).cloned() else {
            return None;
        };
        let width = if is_braced { 3 } else { 1 };
        let is_closed = !is_braced || self.kind_at(2).is_some_and(|kind| kind.is('}'));
        let is_bare = !matches!(self.kind_at(width), Some(Kind::Mark('_' | '^' | '[' | '/')));
        let is_set = is_closed && is_bare && SETS.contains(&letter.as_str());
        self.at += if is_set { width } else { 0 };
        is_set.then_some(letter)
    }

    /// Reads `\\angle ABC` or `\\triangle ABC` as one name.
    pub(super) fn figure(&mut self, mark: &str) -> Parsed {
        let mut name = format!("\\{mark} ");
        let start = name.len();
        while let Some(Kind::Word(letters)) = self.kind().cloned() {
            if letters.chars().count() > 4 || super::words::is_separator(&letters) {
                break;
            }
            self.at += 1;
            let Ast::Symbol(part) = self.name(letters) else {
                return Err(NotUnderstood);
            };
            name.push_str(&part);
        }
        if name.len() > start {
            return Ok(Ast::Symbol(name));
        }
        match self.kind() {
            // A number or a Greek letter names an angle as well.
            Some(Kind::Number(_) | Kind::Command(_)) => {
                self.subscript(&mut name);
                Ok(Ast::Symbol(name))
            }
            _ => Err(NotUnderstood),
        }
    }

    /// Reads a sum, product, integral or limit: what runs, from where to where, and over what.
    pub(super) fn operator(&mut self, name: &str) -> Parsed {
        let mut bounds = Vec::new();
        loop {
            if self.take('_') {
                match self.argument(false)? {
                    Ast::Chain(members, _) | Ast::Bracket(_, members, '\u{2192}') => bounds.extend(members),
                    only => bounds.push(only),
                }
            } else if self.take('^') {
                bounds.push(self.argument(false)?);
            } else {
                break;
            }
        }
        let mut arguments = vec![self.nested(Self::term)?];
        arguments.extend(bounds);
        Ok(Ast::Call(name.to_owned(), arguments))
    }
}
