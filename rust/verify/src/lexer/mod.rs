//! Text to tokens, in one pass; `number` reads the digits.

mod number;

use crate::commands::{self, Role};
use crate::fuel::{Exhausted, Fuel};
use crate::limits;
use crate::token::{Kind, Token};

/// Returns the tokens of an answer, without white space, dollar signs and full stops at the end.
pub fn lex(text: &str, fuel: &mut Fuel) -> Result<Vec<Token>, Exhausted> {
    let mut lexer = Lexer {
        text,
        at: 0,
        depth: 0,
        matrices: 0,
        tokens: Vec::new(),
        is_spaced: false,
    };
    lexer.run(false)?;
    fuel.spend(lexer.tokens.len() as u64)?;
    let mut tokens = lexer.tokens;
    while tokens
        .last()
        .is_some_and(|token| matches!(token.kind, Kind::Mark('.' | ',' | ';')))
    {
        tokens.pop();
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    matrices: usize,
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
                    braces = if c == '{' {
                        braces + 1
                    } else {
                        braces.saturating_sub(usize::from(c == '}'))
                    };
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
        self.tokens.push(Token {
            kind,
            is_spaced: self.is_spaced,
        });
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
        let kind = if is_prose {
            Kind::Text(word.to_owned())
        } else {
            Kind::Word(word.to_owned())
        };
        self.push(kind, word.len());
    }

    fn command(&mut self) -> Result<(), Exhausted> {
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
            Some('\\') => self.push(Kind::Row, width),
            Some('$') => self.push(Kind::Currency, width),
            Some('%') => self.push(Kind::Mark('%'), width),
            Some('|') => self.push(Kind::Unknown("|".to_owned()), width),
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
        self.matrices = if is_begin {
            self.matrices + 1
        } else {
            self.matrices.saturating_sub(1)
        };
        self.push(kind, width);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::token::spelling;

    fn kinds(text: &str) -> Vec<Kind> {
        lex(text, &mut Fuel::default())
            .unwrap()
            .into_iter()
            .map(|token| token.kind)
            .collect()
    }

    fn spelled(text: &str) -> String {
        spelling(&lex(text, &mut Fuel::default()).unwrap())
    }

    fn number(digits: &str) -> Kind {
        Kind::Number(digits.to_owned())
    }

    #[test]
    fn thousands_need_groups_of_three() {
        for text in ["1,234,567", "1{,}234{,}567", "1,\\!234,\\! 567", "1\\,234\\,567"] {
            assert_eq!(kinds(text), [number("1234567")], "{text}");
        }
        assert_eq!(kinds("1,5"), [number("1"), Kind::Mark(','), number("5")]);
        assert_eq!(kinds("1,234, 5").len(), 5);
        assert_eq!(kinds("0,123").len(), 3);
    }

    #[test]
    fn a_comma_in_brackets_separates() {
        assert_eq!(kinds("(1,234)").len(), 5);
    }

    #[test]
    fn exponents_belong_to_the_number() {
        assert_eq!(kinds("5.89e-7"), [number("5.89e-7")]);
        assert_eq!(kinds("2e").len(), 2);
    }

    #[test]
    fn delimiters_and_spacing_vanish() {
        assert_eq!(kinds("$\\left( x \\, \\right)$."), kinds("(x)"));
    }

    #[test]
    fn spellings_of_one_formula_agree() {
        assert_eq!(spelled("\\dfrac12"), spelled("\\frac{1}{2}"));
        assert_eq!(spelled("\\frac1{72}"), spelled("\\tfrac{1}{72}"));
        assert_eq!(spelled("x^2"), spelled("x^{2}"));
        assert_eq!(spelled("4210_5"), spelled("4210_{5}"));
    }

    #[test]
    fn spellings_of_different_numbers_differ() {
        assert_ne!(spelled("1 2"), spelled("12"));
        assert_ne!(spelled("\\frac12"), spelled("12"));
    }

    #[test]
    fn prose_is_kept_apart_from_names() {
        let prose = |word: &str| Kind::Text(word.to_owned());
        assert_eq!(kinds("\\text{don't know}"), [prose("don't"), prose("know")]);
        assert_eq!(kinds("\\mathrm{e}"), [Kind::Word("e".to_owned())]);
        assert_eq!(kinds("5\\mathrm{~mL}"), [number("5"), prose("mL")]);
    }

    #[test]
    fn an_escaped_digit_is_not_dropped() {
        assert_eq!(kinds("\\42"), [Kind::Unknown("4".to_owned()), number("2")]);
    }

    #[test]
    fn too_many_tokens_are_refused() {
        assert_eq!(
            lex(&"+".repeat(limits::TOKENS + 1), &mut Fuel::default()),
            Err(Exhausted)
        );
    }
}
