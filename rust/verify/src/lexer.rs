//! Text to tokens, in one pass.

use crate::commands::{self, Role};
use crate::fuel::{Exhausted, Fuel};
use crate::limits;
use crate::token::{Kind, Token};

/// Returns the tokens of an answer, without white space, dollar signs and full stops at the end.
pub fn lex(text: &str, fuel: &mut Fuel) -> Result<Vec<Token>, Exhausted> {
    let mut lexer = Lexer { text, at: 0, depth: 0, tokens: Vec::new(), is_spaced: false };
    lexer.run(false)?;
    fuel.spend(lexer.tokens.len() as u64)?;
    let mut tokens = lexer.tokens;
    while tokens.last().is_some_and(|token| matches!(token.kind, Kind::Mark('.' | ',' | ';'))) {
        tokens.pop();
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    tokens: Vec<Token>,
    is_spaced: bool,
}

impl<'a> Lexer<'a> {
    /// Reads to the end, or in prose to the brace that closes it.
    fn run(&mut self, is_prose: bool) -> Result<(), Exhausted> {
        let mut braces = 0_usize;
        while let Some(c) = self.rest().chars().next() {
            if self.tokens.len() >= limits::TOKENS || self.depth > limits::NESTING {
                return Err(Exhausted);
            }
            if is_prose && c == '}' && braces == 0 {
                return Ok(());
            }
            match c {
                '\\' => self.command()?,
                c if c.is_whitespace() || c == '$' || c == '~' => self.skip(c.len_utf8()),
                '0'..='9' => self.number(),
                '.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.number(),
                c if c.is_alphabetic() => self.letters(is_prose),
                c => {
                    braces = if c == '{' { braces + 1 } else { braces.saturating_sub(usize::from(c == '}')) };
                    self.mark(c);
                }
            }
        }
        Ok(())
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest().chars().nth(ahead)
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
        self.is_spaced = true;
    }

    fn push(&mut self, kind: Kind, bytes: usize) {
        self.at += bytes;
        self.tokens.push(Token { kind, is_spaced: self.is_spaced });
        self.is_spaced = false;
    }

    fn mark(&mut self, c: char) {
        match c {
            '(' | '[' | '{' => self.depth += 1,
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.push(Kind::Mark(c), c.len_utf8());
    }

    /// Reads a run of letters: in prose with its hyphens and apostrophes.
    fn letters(&mut self, is_prose: bool) {
        let rest = self.rest();
        let is_inner = |c: char| c.is_alphabetic() || (is_prose && matches!(c, '\'' | '-'));
        let word = rest.split(|c: char| !is_inner(c)).next().unwrap_or_default();
        let kind = if is_prose { Kind::Text(word.to_owned()) } else { Kind::Word(word.to_owned()) };
        self.push(kind, word.len());
    }

    fn command(&mut self) -> Result<(), Exhausted> {
        let rest = self.rest();
        let after = rest.get(1..).unwrap_or_default();
        let name = after.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
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
            Role::Token(name) => self.push(Kind::Command(name), length),
        }
        Ok(())
    }

    fn escaped(&mut self, c: Option<char>) {
        let width = 1 + c.map_or(0, char::len_utf8);
        match c {
            Some('{') => self.push(Kind::SetOpen, width),
            Some('}') => self.push(Kind::SetClose, width),
            Some('\\') => self.push(Kind::Row, width),
            Some('$') => self.push(Kind::Currency, width),
            Some('%') => self.push(Kind::Mark('%'), width),
            Some('|') => self.push(Kind::Unknown("|".to_owned()), width),
            _ => self.skip(width),
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
        let name = after.strip_prefix('{').and_then(|body| body.split('}').next()).unwrap_or_default();
        let is_matrix = name.trim_end_matches('*').ends_with("matrix") || name == "array";
        let mut width = length + name.len() + if name.is_empty() { 0 } else { 2 };
        if name == "array" && is_begin {
            let columns = after.get(name.len() + 2..).and_then(|rest| rest.strip_prefix('{'));
            width += columns.and_then(|columns| columns.find('}')).map_or(0, |end| end + 2);
        }
        let kind = match (is_matrix, is_begin) {
            (true, true) => Kind::Begin,
            (true, false) => Kind::End,
            (false, _) => Kind::Unknown(format!("environment {name}")),
        };
        self.push(kind, width);
    }

    /// Reads a number with its thousands, decimals, repeating part and exponent.
    fn number(&mut self) {
        let rest = self.rest();
        let (mut digits, mut length) = self.thousands().unwrap_or_else(|| {
            let run = digits_of(rest);
            (run.to_owned(), run.len())
        });
        let fraction = rest.get(length..).and_then(|tail| tail.strip_prefix('.'));
        if let Some(fraction) = fraction {
            let run = digits_of(fraction);
            let after = fraction.get(run.len()..).unwrap_or_default();
            if let Some((period, width)) = period(after) {
                let fixed = format!("{digits}.{run}");
                return self.push(Kind::Repeating(fixed, period.to_owned()), length + 1 + run.len() + width);
            }
            if !run.is_empty() {
                digits.extend([".", run]);
                length += 1 + run.len();
            }
        }
        if let Some(exponent) = rest.get(length..).and_then(exponent) {
            digits.push_str(exponent);
            length += exponent.len();
        }
        self.push(Kind::Number(digits), length);
    }

    /// Returns the digits of `1,234,567` and the bytes they take, if groups of three stand alone at the outermost level.
    fn thousands(&self) -> Option<(String, usize)> {
        let rest = self.rest();
        let first = digits_of(rest);
        let is_after_comma = self.tokens.last().is_some_and(|token| token.kind.is(',') || token.kind.is('.'));
        if first.len() > 3 || first.is_empty() || first.starts_with('0') || is_after_comma {
            return None;
        }
        let (mut digits, mut length) = (first.to_owned(), first.len());
        while let Some((width, is_plain)) = rest.get(length..).and_then(separator) {
            let group = rest.get(length + width..).map_or("", digits_of);
            if group.len() != 3 || (is_plain && self.depth > 0) {
                break;
            }
            digits.push_str(group);
            length += width + 3;
        }
        let is_list = rest.get(length..).is_some_and(|tail| tail.starts_with(',') && tail.len() > 1);
        (digits.len() > first.len() && !is_list).then_some((digits, length))
    }
}

fn digits_of(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default()
}

/// Returns the width of the separator of thousands that a text starts with, and whether it is a plain comma.
fn separator(text: &str) -> Option<(usize, bool)> {
    for spelled in ["{,}", ",\\!", "\\,", ",\\,"] {
        if let Some(after) = text.strip_prefix(spelled) {
            return Some((spelled.len() + (after.len() - after.trim_start_matches(' ').len()), false));
        }
    }
    text.starts_with(',').then_some((1, true))
}

/// Returns the digits under a bar and the bytes that bar and digits take.
fn period(text: &str) -> Option<(&str, usize)> {
    let open = ["\\overline{", "\\bar{", "\\dot{"].into_iter().find(|open| text.starts_with(open))?;
    let digits = text.get(open.len()..).map(digits_of).filter(|digits| !digits.is_empty())?;
    let width = open.len() + digits.len();
    text.get(width..)?.starts_with('}').then_some((digits, width + 1))
}

/// Returns the exponent `e-7` that a text starts with.
fn exponent(text: &str) -> Option<&str> {
    let after = text.strip_prefix(['e', 'E'])?;
    let signed = after.strip_prefix(['+', '-']).unwrap_or(after);
    let digits = digits_of(signed);
    text.get(..text.len() - signed.len() + digits.len()).filter(|_| !digits.is_empty())
}
