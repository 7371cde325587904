//! What stands beside values: words that announce, follow or qualify them.

use super::Parser;
use super::words::{is_prose_word, is_separator, text_of};
use crate::ast::Ast;
use crate::token::Kind;

/// Words that begin a clause about what an answer holds for.
const QUALIFIERS: [&str; 9] = ["for", "where", "if", "when", "with", "such", "any", "all", "as"];

/// Words that announce a value and add nothing to it.
const FILLERS: [&str; 10] = [
    "the",
    "final",
    "answer",
    "is",
    "are",
    "value",
    "therefore",
    "thus",
    "so",
    "only",
];
impl Parser {
    pub(super) fn skip_fillers(&mut self) {
        while let Some(Kind::Text(word) | Kind::Word(word)) = self.kind() {
            let is_first_letter_word = self.at == 0 && matches!(self.kind(), Some(Kind::Word(_))) && word.len() < 3;
            if is_first_letter_word || !FILLERS.contains(&word.to_ascii_lowercase().as_str()) {
                return;
            }
            self.at += 1;
            self.take(':');
        }
    }

    /// Reads a value that is nothing but prose, up to the next separator.
    pub(super) fn prose(&mut self) -> Option<Ast> {
        let mut at = self.at;
        let mut is_prose = false;
        while let Some(token) = self.tokens.get(at) {
            match &token.kind {
                Kind::Text(word) if !is_separator(word) => is_prose |= word.chars().count() > 1,
                // Inside of an expression capitals are points: `\\frac{AB}{CD}`.
                Kind::Word(word) if !is_separator(word) => {
                    is_prose |= is_prose_word(word) && (self.depth == 0 || word.chars().any(char::is_lowercase));
                }
                Kind::Mark('.' | '\'' | '"') if at > self.at => {}
                Kind::Mark('-') if at > self.at && !token.is_spaced => {}
                _ => break,
            }
            at += 1;
        }
        let is_end = at >= self.tokens.len()
            || self.is_separator_at(at - self.at)
            || matches!(self.kind_at(at - self.at), Some(Kind::Mark(')' | '}') | Kind::SetClose));
        let words = self.tokens.get(self.at..at).filter(|_| is_end && is_prose)?;
        let text = Ast::Text(text_of(words));
        self.at = at;
        Some(text)
    }

    /// Skips words before a value; what they say is not known.
    pub(super) fn skip_words(&mut self) {
        // The letter of a choice before what it says.
        let is_letter = matches!(self.kind(), Some(Kind::Word(word) | Kind::Text(word)) if matches!(word.as_str(), "A" | "B" | "C" | "D" | "E"));
        let is_labelled = self.kind_at(1).is_some_and(|kind| kind.is(':'))
            && !matches!(self.kind_at(2), Some(Kind::Number(_) | Kind::Word(_)));
        if self.at == 0 && is_letter && is_labelled {
            self.at += 2;
            self.has_words = true;
        }
        loop {
            let is_word = match self.kind() {
                Some(Kind::Text(word)) => word.chars().count() > 1 && !is_separator(word),
                Some(Kind::Word(word)) => is_prose_word(word) && !self.is_variable(word),
                _ => false,
            };
            if !is_word {
                break;
            }
            self.has_words = true;
            self.at += 1;
            self.take(':');
        }
        // `=`, `:` and `\approx` before a value say nothing where nothing stands before them.
        while self.is('=') || self.is_command("approx") || self.is_command("sim") || self.is_command("therefore") {
            self.at += 1;
        }
    }

    pub(super) fn trailing_words(&mut self) {
        while let Some(Kind::Text(word) | Kind::Word(word)) = self.kind() {
            // A number word would change the value, a single letter may be a variable.
            let is_amount = matches!(
                word.as_str(),
                "hundred" | "thousand" | "million" | "billion" | "dozen" | "not"
            );
            if is_separator(word) || is_amount || word.chars().count() < 2 || QUALIFIERS.contains(&word.as_str()) {
                return;
            }
            self.has_words = true;
            self.at += 1;
        }
    }

    /// Skips a clause that says for what an answer holds, as in `2n for any integer n`, up to the end of this item.
    pub(super) fn skip_qualifier(&mut self) {
        let is_clause = match self.kind() {
            Some(Kind::Text(word) | Kind::Word(word)) => QUALIFIERS.contains(&word.as_str()),
            Some(Kind::Command("forall")) => true,
            _ => false,
        };
        if !is_clause {
            return;
        }
        self.has_words = true;
        let mut depth = 0_usize;
        while let Some(kind) = self.kind() {
            match kind {
                Kind::Mark('(' | '[' | '{') | Kind::SetOpen => depth += 1,
                Kind::Mark(')' | ']' | '}' | ';') | Kind::SetClose if depth == 0 => return,
                Kind::Mark(')' | ']' | '}') | Kind::SetClose => depth -= 1,
                Kind::Text(word) | Kind::Word(word) if depth == 0 && is_separator(word) => return,
                _ => {}
            }
            self.at += 1;
        }
    }
}
