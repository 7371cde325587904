//! The outermost layer: words, lists, relations, unions.

use super::condition::{Joint, listed};
use super::words::{is_prose_word, is_separator};
use super::{NotUnderstood, Parsed, Parser};
use crate::ast::Ast;
use crate::token::Kind;
use crate::units::Unit;

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
    /// Reads everything: values separated by commas, semicolons or words.
    pub(super) fn answer(&mut self) -> Parsed {
        self.skip_fillers();
        if self.is_bare_builder() {
            return self.set_body();
        }
        let (items, joints) = self.joined()?;
        Ok(listed(items, &joints))
    }

    fn skip_fillers(&mut self) {
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
    fn prose(&mut self) -> Option<Ast> {
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
        let text = Ast::Text(super::words::text_of(words));
        self.at = at;
        Some(text)
    }

    /// Skips words before a value; what they say is not known.
    fn skip_words(&mut self) {
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

    /// Takes a separator of values, including several in a row such as `, and`, and says the strongest.
    pub(super) fn separator(&mut self) -> Option<Joint> {
        let mut joint = None;
        while self.is_separator_at(0) {
            joint = Some(match self.kind() {
                Some(Kind::Command("or")) => Joint::Or,
                Some(Kind::Text(word) | Kind::Word(word)) if word.eq_ignore_ascii_case("or") => Joint::Or,
                Some(Kind::Command("and") | Kind::Text(_) | Kind::Word(_)) => Joint::And,
                _ => joint.unwrap_or(Joint::Comma),
            });
            self.at += 1;
        }
        joint
    }

    fn is_separator_at(&self, ahead: usize) -> bool {
        match self.kind_at(ahead) {
            Some(Kind::Mark(',' | ';') | Kind::Command("or" | "and")) => true,
            Some(Kind::Text(word) | Kind::Word(word)) => is_separator(word),
            _ => false,
        }
    }

    /// Reads one value with its relations; words after it are noted and left out.
    pub(super) fn item(&mut self) -> Parsed {
        if let Some(prose) = self.prose() {
            return Ok(prose);
        }
        self.skip_words();
        self.nested(|parser| {
            if let Some(sign) = parser.quantifier() {
                let inner = parser.item()?;
                return Ok(Ast::Bracket(sign, vec![inner], sign));
            }
            let item = parser.related()?;
            parser.trailing_words();
            parser.skip_qualifier();
            Ok(item)
        })
    }

    fn trailing_words(&mut self) {
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
    fn skip_qualifier(&mut self) {
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

    /// Reads sets joined by `\cup`, or a single value.
    pub(super) fn union(&mut self) -> Parsed {
        let mut members = vec![self.measured()?];
        while self.take_command("cup") {
            // A comma that slipped in before a set joins nothing.
            self.take(',');
            members.push(self.measured()?);
        }
        let mut set = one_or(members, Ast::Union);
        while let Some(Kind::Command(name @ ("setminus" | "cap" | "oplus" | "otimes"))) = self.kind().cloned() {
            self.at += 1;
            let other = self.measured()?;
            let sign = match name {
                "cap" => '\u{2229}',
                "oplus" => '\u{2295}',
                _ => '\u{2297}',
            };
            set = if name == "setminus" {
                Ast::Difference(Box::new(set), Box::new(other))
            } else {
                Ast::Bracket(sign, vec![set, other], sign)
            };
        }
        Ok(set)
    }

    /// Reads a value with its unit, if it has one.
    fn measured(&mut self) -> Parsed {
        let is_negative = self.is('-') && self.kind_at(1) == Some(&Kind::Currency);
        let is_money = is_negative || self.kind() == Some(&Kind::Currency);
        self.at += usize::from(is_money) + usize::from(is_negative);
        let before = self.unit_before();
        let mut value = self.expression()?;
        if is_negative {
            value = Ast::Neg(Box::new(value));
        }
        let unit = self
            .unit()
            .or_else(|| is_money.then(|| Unit::named("dollar")).flatten())
            .or(before);
        Ok(match unit {
            Some(unit) if !matches!(value, Ast::Unit(..)) => {
                if let Some(rest) = self.remainder(&unit) {
                    value = Ast::Mixed(Box::new(value), Box::new(rest));
                }
                Ast::Unit(Box::new(value), unit)
            }
            _ => value,
        })
    }

    /// Reads items up to a closing token that the caller takes.
    pub(super) fn items(&mut self) -> Result<Vec<Ast>, NotUnderstood> {
        let mut items = vec![self.item()?];
        while self.is(',') || self.is(';') {
            self.at += 1;
            items.push(self.item()?);
        }
        Ok(items)
    }
}

fn one_or(mut items: Vec<Ast>, several: fn(Vec<Ast>) -> Ast) -> Ast {
    match items.pop() {
        Some(only) if items.is_empty() => only,
        last => {
            items.extend(last);
            several(items)
        }
    }
}
