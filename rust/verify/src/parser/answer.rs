//! The outermost layer: words, lists, relations, unions.

use super::{NotUnderstood, Parsed, Parser};
use crate::ast::{Ast, Relation};
use crate::commands;
use crate::token::{Kind, Token};
use crate::units::Unit;

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

/// Returns the words of an answer that is prose throughout.
pub fn words_only(tokens: &[Token]) -> Option<String> {
    let mut words = Vec::new();
    let mut is_prose = false;
    for (index, token) in tokens.iter().enumerate() {
        match &token.kind {
            Kind::Text(word) => {
                is_prose |= word.chars().count() > 1 && !is_separator(word);
                words.push(word.as_str());
            }
            Kind::Word(word) => {
                let is_name = commands::function(word).is_some() || commands::letter(word).is_some();
                let is_capital = word.chars().count() > 1 && word.chars().all(char::is_uppercase);
                is_prose |= (word.chars().count() > 3 || is_capital) && !is_name && word != "infty";
                words.push(word.as_str());
            }
            Kind::Mark('-') if index > 0 => {}
            Kind::Mark('.' | '!' | '?' | '{' | '}' | '\'') => {}
            _ => return None,
        }
    }
    is_prose.then(|| words.join(" "))
}

fn is_separator(word: &str) -> bool {
    matches!(word.to_ascii_lowercase().as_str(), "and" | "or")
}

impl Parser {
    /// Reads everything: values separated by commas, semicolons or words.
    pub(super) fn answer(&mut self) -> Parsed {
        self.skip_fillers();
        let mut items = vec![self.item()?];
        while self.separator() {
            if self.kind().is_none() {
                break;
            }
            items.push(self.item()?);
        }
        Ok(one_or(items, Ast::List))
    }

    fn skip_fillers(&mut self) {
        while let Some(Kind::Text(word)) = self.kind() {
            if !FILLERS.contains(&word.to_ascii_lowercase().as_str()) {
                return;
            }
            self.at += 1;
            self.take(':');
        }
    }

    /// Reads a value that is nothing but prose, up to the next separator.
    fn prose(&mut self) -> Option<Ast> {
        let mut words = Vec::new();
        let mut at = self.at;
        while let Some(Kind::Text(word)) = self.tokens.get(at).map(|token| &token.kind) {
            if is_separator(word) {
                break;
            }
            words.push(word.as_str());
            at += 1;
        }
        let is_end = at >= self.tokens.len() || self.is_separator_at(at - self.at);
        let is_prose = is_end && words.iter().any(|word| word.chars().count() > 1);
        let text = is_prose.then(|| Ast::Text(words.join(" ")))?;
        self.at = at;
        Some(text)
    }

    /// Skips words before a value; what they say is not known.
    fn skip_words(&mut self) {
        while matches!(self.kind(), Some(Kind::Text(word)) if word.chars().count() > 1 && !is_separator(word)) {
            self.has_words = true;
            self.at += 1;
            self.take(':');
        }
    }

    /// Takes a separator of values, including several in a row such as `, and`.
    fn separator(&mut self) -> bool {
        let start = self.at;
        while self.is_separator_at(0) {
            self.at += 1;
        }
        self.at > start
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
            let mut members = vec![parser.union()?];
            let mut relations = Vec::new();
            while let Some(relation) = parser.relation() {
                relations.push(relation);
                members.push(parser.union()?);
            }
            parser.trailing_words();
            Ok(if relations.is_empty() {
                one_or(members, Ast::List)
            } else {
                Ast::Chain(members, relations)
            })
        })
    }

    fn trailing_words(&mut self) {
        while let Some(Kind::Text(word) | Kind::Word(word)) = self.kind() {
            // A number word would change the value, a single letter may be a variable.
            let is_amount = matches!(
                word.as_str(),
                "hundred" | "thousand" | "million" | "billion" | "dozen" | "not"
            );
            if is_separator(word) || is_amount || word.chars().count() < 2 {
                return;
            }
            self.has_words = true;
            self.at += 1;
        }
    }

    fn relation(&mut self) -> Option<Relation> {
        let (relation, width) = match (self.kind()?, self.kind_at(1)) {
            (Kind::Mark('<'), Some(Kind::Mark('='))) => (Relation::LessEqual, 2),
            (Kind::Mark('>'), Some(Kind::Mark('='))) => (Relation::GreaterEqual, 2),
            (Kind::Mark('!'), Some(Kind::Mark('='))) => (Relation::NotEqual, 2),
            (Kind::Mark('='), Some(Kind::Mark('='))) => (Relation::Equal, 2),
            (Kind::Mark('='), _) => (Relation::Equal, 1),
            (Kind::Mark('<') | Kind::Command("lt"), _) => (Relation::Less, 1),
            (Kind::Mark('>') | Kind::Command("gt"), _) => (Relation::Greater, 1),
            (Kind::Command("le"), _) => (Relation::LessEqual, 1),
            (Kind::Command("ge"), _) => (Relation::GreaterEqual, 1),
            (Kind::Command("ne"), _) => (Relation::NotEqual, 1),
            (Kind::Command("approx"), _) => (Relation::Approximate, 1),
            (Kind::Command("in"), _) => (Relation::In, 1),
            _ => return None,
        };
        self.at += width;
        Some(relation)
    }

    /// Reads sets joined by `\cup`, or a single value.
    fn union(&mut self) -> Parsed {
        let mut members = vec![self.measured()?];
        while self.take_command("cup") {
            members.push(self.measured()?);
        }
        Ok(one_or(members, Ast::Union))
    }

    /// Reads a value with its unit, if it has one.
    fn measured(&mut self) -> Parsed {
        let is_negative = self.is('-') && self.kind_at(1) == Some(&Kind::Currency);
        let is_money = is_negative || self.kind() == Some(&Kind::Currency);
        self.at += usize::from(is_money) + usize::from(is_negative);
        let mut value = self.expression()?;
        if is_negative {
            value = Ast::Neg(Box::new(value));
        }
        let unit = self
            .unit()
            .or_else(|| is_money.then(|| Unit::named("dollar")).flatten());
        Ok(match unit {
            Some(unit) if !matches!(value, Ast::Unit(..)) => Ast::Unit(Box::new(value), unit),
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
