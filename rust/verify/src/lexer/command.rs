//! Commands: what begins with a backslash.

use super::Lexer;
use crate::commands::{self, Role};
use crate::fuel::Exhausted;
use crate::token::Kind;

/// Environments that hold equations or cases, a row each.
const SYSTEMS: [&str; 9] = [
    "cases", "dcases", "rcases", "aligned", "align", "gathered", "gather", "split", "eqnarray",
];

impl Lexer<'_> {
    /// Reads a command and, where it is one for prose or a type face, its argument.
    pub(super) fn command(&mut self) -> Result<(), Exhausted> {
        let rest = self.rest();
        let after = rest.get(1..).unwrap_or_default();
        let name = after
            .split(|c: char| !c.is_ascii_alphabetic())
            .next()
            .unwrap_or_default();
        if name.is_empty() {
            self.escaped(after.chars().next());
            return Ok(());
        }
        let Some((role, tail)) = commands::split(name) else {
            self.push(Kind::Unknown(name.to_owned()), 1 + name.len());
            return Ok(());
        };
        let length = 1 + name.len() - tail.len();
        match role {
            Role::Spacing => self.skip(length),
            Role::Delimiter => {
                self.skip(length);
                if self.rest().starts_with('.') {
                    self.skip(1);
                }
            }
            Role::Text | Role::Face => self.group(length, role)?,
            Role::Token("begin" | "end") => self.environment(length),
            Role::Token("lbrace") => self.push(Kind::SetOpen, length),
            Role::Token("rbrace") => self.push(Kind::SetClose, length),
            Role::Token("lbrack") => self.push(Kind::Mark('['), length),
            Role::Token("rbrack") => self.push(Kind::Mark(']'), length),
            Role::Token(name) => self.push(Kind::Command(name), length),
        }
        Ok(())
    }

    fn escaped(&mut self, c: Option<char>) {
        let width = 1 + c.map_or(0, char::len_utf8);
        match c {
            Some('{') => self.push(Kind::SetOpen, width),
            Some('}') => self.push(Kind::SetClose, width),
            // Outside of a matrix, a doubled backslash before letters is a command that was escaped once too often.
            Some('\\') if self.matrices == 0 && self.peek(2).is_some_and(char::is_alphabetic) => self.skip(1),
            // A line break in a text says nothing.
            Some('\\') if self.matrices == 0 => self.skip(width),
            Some('\\') => self.push(Kind::Row, width),
            Some('$') => self.push(Kind::Currency, width),
            Some('%') => self.push(Kind::Mark('%'), width),
            Some('|') => self.push(Kind::Command("Vert"), width),
            Some(',' | ';' | ':' | '!' | '>' | '(' | ')' | '[' | ']' | '/' | '-') => self.skip(width),
            Some(c) if c.is_whitespace() => self.skip(width),
            Some(c) => self.push(Kind::Unknown(c.to_string()), width),
            None => self.push(Kind::Unknown(String::new()), width),
        }
    }

    /// Reads the argument of a command for prose or another type face.
    fn group(&mut self, command: usize, role: Role) -> Result<(), Exhausted> {
        self.at += command;
        let rest = self.rest();
        let spaces = rest.len() - rest.trim_start().len();
        if !rest.trim_start().starts_with('{') {
            self.is_spaced = true;
            return Ok(());
        }
        self.at += spaces + 1;
        let body = self.rest().split('}').next().unwrap_or_default().trim();
        let symbol = match commands::function(body) {
            Some(name) => Some(Kind::Command(name)),
            None => (body.len() == 1 && body.chars().all(char::is_alphabetic)).then(|| Kind::Word(body.to_owned())),
        };
        match symbol.filter(|_| role == Role::Face) {
            Some(kind) => self.push(kind, self.rest().find('}').unwrap_or(body.len())),
            None => self.run(true)?,
        }
        self.at += usize::from(self.rest().starts_with('}'));
        Ok(())
    }

    /// Reads `\begin{..}` or `\end{..}`; the columns of an array are a matter of layout.
    fn environment(&mut self, length: usize) {
        let is_begin = self.rest().starts_with("\\b");
        let after = self.rest().get(length..).unwrap_or_default();
        let name = after
            .strip_prefix('{')
            .and_then(|body| body.split('}').next())
            .unwrap_or_default();
        let is_determinant = name.starts_with(['v', 'V']);
        let is_matrix = (name.trim_end_matches('*').ends_with("matrix") && !is_determinant) || name == "array";
        let is_system = SYSTEMS.contains(&name.trim_end_matches('*'));
        let mut width = length + name.len() + if name.is_empty() { 0 } else { 2 };
        if name == "array" && is_begin {
            let columns = after.get(name.len() + 2..).and_then(|rest| rest.strip_prefix('{'));
            width += columns.and_then(|columns| columns.find('}')).map_or(0, |end| end + 2);
        }
        let kind = match (is_matrix, is_system, is_begin) {
            (true, _, true) => Kind::Begin,
            (_, true, true) => Kind::BeginSystem,
            (true, _, false) | (_, true, false) => Kind::End,
            (false, false, _) => Kind::Unknown(format!("environment {name}")),
        };
        self.matrices = if is_begin {
            self.matrices + 1
        } else {
            self.matrices.saturating_sub(1)
        };
        self.push(kind, width);
    }
}
