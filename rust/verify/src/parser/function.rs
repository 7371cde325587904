//! Names and functions: what a word is, what a function is applied to.

use super::{NotUnderstood, Parsed, Parser};
use crate::ast::Ast;
use crate::commands;
use crate::token::{Kind, Token};

/// Longest word that is read as a product of its letters.
const LETTERS: usize = 3;

impl Parser {
    /// Returns whether a word outside of prose is a name or a product of names.
    pub(super) fn is_variable(&self, word: &str) -> bool {
        let is_name = commands::function(word).is_some() || commands::letter(word).is_some() || word == "sqrt";
        let is_named = self.kind_at(1).is_some_and(|next| next.is('=') || next.is('('))
            // Both sides of `MR = SRMC` are names.
            || (self.at > 0
                && word.chars().all(char::is_uppercase)
                && self.tokens.get(self.at - 1).is_some_and(|before| before.kind.is('=')));
        let is_separator = word == "or" || word == "and";
        !is_separator && (is_name || is_named || word.chars().count() <= LETTERS || word == "infty")
    }

    pub(super) fn word(&mut self, word: &str) -> Parsed {
        if !self.is_variable(word) || matches!(word, "NaN" | "nan") {
            return Err(NotUnderstood);
        }
        if word == "sqrt" {
            return self.plain_root();
        }
        self.at += 1;
        if matches!(word, "inf" | "infty") {
            return Ok(Ast::Infinity);
        }
        if let Some(name) = commands::function(word) {
            return self.function(name);
        }
        if let Some(name) = commands::letter(word) {
            return self.applied(format!("\\{name}"));
        }
        // Two small letters are two names, as in `xy = 6`, and so is what follows a number: `2Bw = T`.
        let is_pair = word.chars().count() == 2 && word.chars().all(char::is_lowercase);
        let is_factor = matches!(
            self.at.checked_sub(2).and_then(|at| self.tokens.get(at)),
            Some(Token {
                kind: Kind::Number(_),
                ..
            })
        );
        let is_named = (self.is('=') && !is_pair && !is_factor) || self.is('(');
        if word.chars().count() > LETTERS || (is_named && word.chars().count() > 1) {
            return self.applied(word.to_owned());
        }
        let mut letters: Vec<Ast> = word.chars().map(|letter| Ast::Symbol(letter.to_string())).collect();
        let Some(Ast::Symbol(last)) = letters.pop() else {
            return Err(NotUnderstood);
        };
        let last = self.applied(last)?;
        Ok(self.raised_product(letters, last))
    }

    /// Returns letters side by side; an exponent that follows belongs to the last of them.
    fn raised_product(&mut self, mut letters: Vec<Ast>, last: Ast) -> Ast {
        if letters.is_empty() {
            return last;
        }
        let mut last = last;
        while self.is('^') {
            let start = self.at;
            self.at += 1;
            let Ok(exponent) = self.argument(false) else {
                self.at = start;
                break;
            };
            last = Ast::Power(Box::new(last), Box::new(exponent));
        }
        letters.push(last);
        Ast::Product(letters)
    }

    /// Reads `sqrt2` or `sqrt(2)`: outside of LaTeX all digits of the number are under the root.
    fn plain_root(&mut self) -> Parsed {
        self.at += 1;
        let radicand = self.argument(false)?;
        Ok(Ast::Root(Box::new(Self::literal("2")?), Box::new(radicand)))
    }

    /// Reads the subscript and primes of a name.
    pub(super) fn name(&mut self, mut name: String) -> Ast {
        loop {
            if self.take('\'') || self.take_prime() {
                name.push('\'');
            } else if self.is('_') {
                self.at += 1;
                name.push('_');
                self.subscript(&mut name);
            } else {
                return Ast::Symbol(name);
            }
        }
    }

    /// Takes `^\prime` or `^{\prime}`.
    fn take_prime(&mut self) -> bool {
        let is_braced = self.kind_at(1).is_some_and(|kind| kind.is('{'));
        let is_prime = self.is('^')
            && self
                .kind_at(1 + usize::from(is_braced))
                .is_some_and(|kind| kind.is_command("prime"))
            && (!is_braced || self.kind_at(3).is_some_and(|kind| kind.is('}')));
        self.at += if is_prime { 2 + 2 * usize::from(is_braced) } else { 0 };
        is_prime
    }

    pub(super) fn subscript(&mut self, name: &mut String) {
        let mut open = 0_usize;
        while let Some(kind) = self.kind().cloned() {
            self.at += 1;
            match kind {
                Kind::Mark('{') => open += 1,
                Kind::Mark('}') => open = open.saturating_sub(1),
                Kind::Number(text) | Kind::Word(text) | Kind::Text(text) => name.push_str(&text),
                Kind::Command(command) => name.extend(["\\", command]),
                Kind::Mark(mark) => name.push(mark),
                _ => {}
            }
            if open == 0 {
                return;
            }
        }
    }

    /// Reads a name and what it is applied to, if parentheses follow directly.
    pub(super) fn applied(&mut self, name: String) -> Parsed {
        let Ast::Symbol(name) = self.name(name) else {
            return Err(NotUnderstood);
        };
        if !self.is('(') {
            return Ok(Ast::Symbol(name));
        }
        let start = self.at;
        let applied = self.operand()?;
        if self.is('^') || self.is('!') {
            // The exponent belongs to the parentheses alone, which makes this a product.
            self.at = start;
            return Ok(Ast::Symbol(name));
        }
        match applied {
            // An event is part of the name, as in `P(X = 2)`.
            Ast::Chain(..) if name == "P" => {
                let mut spelled = name;
                for token in self.tokens.get(start..self.at).unwrap_or_default() {
                    token.kind.spell(&mut spelled);
                }
                Ok(Ast::Symbol(spelled))
            }
            // `f(x)_{max}` names another value than `f(x)`.
            only if self.is('_') => {
                let Ast::Symbol(name) = self.name(name) else {
                    return Err(NotUnderstood);
                };
                Ok(Ast::Apply(name, vec![only]))
            }
            Ast::Bracket('(', arguments, ')') => Ok(Ast::Apply(name, arguments)),
            only => Ok(Ast::Apply(name, vec![only])),
        }
    }

    /// Reads a function after its name: base or exponent, then the argument.
    pub(super) fn function(&mut self, name: &'static str) -> Parsed {
        let mut exponent = None;
        let mut base = None;
        loop {
            if self.take('_') {
                base = Some(self.base_of_log()?);
            } else if self.take('^') {
                exponent = Some(self.argument(false)?);
            } else {
                break;
            }
        }
        let mut arguments = match self.operand_of_function()? {
            Ast::Bracket('(', arguments, ')') | Ast::Set(arguments) => arguments,
            only => vec![only],
        };
        arguments.extend(base);
        let minus_one = Ast::Neg(Box::new(Self::literal("1")?));
        Ok(match exponent {
            // An exponent of -1 on a trigonometric function means its inverse.
            Some(power) if power == minus_one && matches!(name, "sin" | "cos" | "tan") => {
                Ast::Call(format!("arc{name}"), arguments)
            }
            Some(power) => Ast::Power(Box::new(Ast::Call(name.to_owned(), arguments)), Box::new(power)),
            None => Ast::Call(name.to_owned(), arguments),
        })
    }

    /// Reads the base of a logarithm; of `_28` only the first digit, as in LaTeX, except for the base ten.
    fn base_of_log(&mut self) -> Parsed {
        let is_ten = matches!(self.kind(), Some(Kind::Number(digits)) if digits == "10");
        self.argument(!is_ten)
    }

    /// Reads what a function is applied to: a group, or factors side by side up to the next function.
    fn operand_of_function(&mut self) -> Parsed {
        if self.is('(') || self.is('{') || self.is('[') || self.kind() == Some(&Kind::SetOpen) {
            return self.operand();
        }
        let mut factors = vec![self.factor()?];
        while self.starts_factor() && !self.is_function() && !self.is('(') {
            let is_number = matches!(self.kind(), Some(Kind::Number(_)));
            if is_number && matches!(factors.last(), Some(Ast::Number(_))) {
                break;
            }
            factors.push(self.factor()?);
        }
        if self.is('/') && factors.len() == 1 && matches!(factors.first(), Some(Ast::Symbol(_))) {
            // `\cos \pi / 3` is the cosine of the whole fraction.
            self.at += 1;
            let over = self.factor()?;
            return Ok(Ast::Quotient(Box::new(Ast::Product(factors)), Box::new(over)));
        }
        Ok(if factors.len() == 1 {
            factors.remove(0)
        } else {
            Ast::Product(factors)
        })
    }

    fn is_function(&self) -> bool {
        match self.kind() {
            Some(Kind::Command(name)) => commands::function(name).is_some(),
            Some(Kind::Word(name)) => commands::function(name).is_some(),
            _ => false,
        }
    }
}
