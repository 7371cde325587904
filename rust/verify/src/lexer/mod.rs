//! Text to tokens, in one pass; `number` reads digits, `command` what begins with a backslash.

mod command;
mod number;

use crate::fuel::{Exhausted, Fuel};
use crate::limits;
use crate::token::{Kind, Token};

/// Returns the tokens of an answer, without white space, dollar signs and full stops at the end.
pub fn lex(text: &str, fuel: &mut Fuel) -> Result<Vec<Token>, Exhausted> {
    if text.len() > limits::SPELLED_BYTES {
        return Err(Exhausted);
    }
    let mut lexer = Lexer {
        text,
        at: 0,
        depth: 0,
        matrices: 0,
        tokens: Vec::new(),
        is_spaced: false,
    };
    lexer.run(false)?;
    fuel.spend(limits::TOKEN_STEPS * lexer.tokens.len() as u64)?;
    let mut tokens = lexer.tokens;
    let count = |mark: char| tokens.iter().filter(|token| token.kind.is(mark)).count();
    // A brace at the end that closes nothing is left over from what stood around the answer.
    if tokens.last().is_some_and(|token| token.kind.is('}')) && count('}') == count('{') + 1 {
        tokens.pop();
    }
    // What is left open at the end adds nothing: `90^`, and the dots of `0.333...`.
    while tokens
        .last()
        .is_some_and(|token| matches!(token.kind, Kind::Mark('.' | ',' | ';' | '^' | '_')))
        || matches!(tokens.as_slice(), [.., number, dots]
            if matches!(&number.kind, Kind::Number(digits) if digits.contains('.')) && dots.kind.is_command("ldots"))
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
                // Between words a tie; before all else it says that a value is rough.
                '~' if !is_prose && self.is_before_number() => self.push(Kind::Command("sim"), 1),
                c if c.is_whitespace() || c == '$' || c == '~' => self.skip(c.len_utf8()),
                '0'..='9' => self.number(),
                '.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.number(),
                '.' if self.rest().starts_with("...") => self.dots(),
                '*' if self.rest().starts_with("**") => self.push(Kind::Mark('^'), 2),
                'x' | 'X' if !is_prose && self.is_times() => self.push(Kind::Command("cdot"), 1),
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

    /// Reads three dots or more as `\ldots`.
    fn dots(&mut self) {
        let rest = self.rest();
        self.push(Kind::Command("ldots"), rest.len() - rest.trim_start_matches('.').len());
    }

    /// Returns whether this letter stands for a cross, as in `6.3x10^-7`.
    fn is_times(&self) -> bool {
        let is_after_number = self
            .tokens
            .last()
            .is_some_and(|token| matches!(token.kind, Kind::Number(_)));
        let after = self.rest().get(1..).unwrap_or_default().trim_start_matches([' ', '{']);
        let exponent = after.strip_prefix("10").map(|rest| rest.trim_start_matches([' ', '}']));
        is_after_number && exponent.is_some_and(|rest| rest.starts_with(['^', '*']))
    }

    /// Returns whether nothing stands before this sign and a number after it.
    fn is_before_number(&self) -> bool {
        let after = self
            .rest()
            .get(1..)
            .unwrap_or_default()
            .trim_start_matches([' ', '$', '-', '.']);
        self.tokens.is_empty() && after.starts_with(|c: char| c.is_ascii_digit())
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
        let word = self.glued_conjunction(word).unwrap_or(word);
        let kind = if is_prose {
            Kind::Text(word.to_owned())
        } else {
            Kind::Word(word.to_owned())
        };
        self.push(kind, word.len());
    }

    /// Returns the conjunction between a number and a name where white space was lost, as in `x=1ory=2`.
    fn glued_conjunction(&self, word: &str) -> Option<&'static str> {
        let is_after_number = matches!(
            self.tokens.last(),
            Some(Token {
                kind: Kind::Number(_),
                ..
            })
        );
        let conjunction = ["or", "and"]
            .into_iter()
            .find(|conjunction| word.strip_prefix(conjunction).is_some_and(is_letter));
        conjunction.filter(|_| is_after_number && !self.is_spaced)
    }
}

fn is_letter(text: &str) -> bool {
    text.len() == 1
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
        for text in [
            "1,234,567",
            "1{,}234{,}567",
            "1 {, }234 {,} 567",
            "1,\\!234,\\! 567",
            "1\\,234\\,567",
        ] {
            assert_eq!(kinds(text), [number("1234567")], "{text}");
        }
        assert_eq!(kinds("1,5"), [number("1"), Kind::Mark(','), number("5")]);
        assert_eq!(kinds("1,234, 5").len(), 5);
        assert_eq!(kinds("0,123").len(), 3);
    }

    #[test]
    fn a_conjunction_glued_to_a_number_is_split_off() {
        assert_eq!(kinds("x=1ory=2"), kinds("x=1 or y=2"));
        assert_eq!(kinds("3orx"), kinds("3 or x"));
        assert_eq!(kinds("3order").len(), 2);
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
