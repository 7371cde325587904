//! The outermost layer: lists, unions, values with their units.

use super::condition::{Joint, listed};
use super::words::is_separator;
use super::{NotUnderstood, Parsed, Parser};
use crate::ast::Ast;
use crate::token::Kind;
use crate::units::Unit;

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

    pub(super) fn is_separator_at(&self, ahead: usize) -> bool {
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

    /// Reads sets joined by `\cup`, or a single value.
    pub(super) fn union(&mut self) -> Parsed {
        let mut members = vec![self.measured()?];
        while self.take_command("cup") {
            // A comma that slipped in before a set joins nothing.
            self.take(',');
            members.push(self.measured()?);
        }
        let mut set = one_or(members, Ast::Union);
        while let Some(Kind::Command(name @ ("setminus" | "cap" | "oplus" | "otimes"))) = self.kind() {
            let name = *name;
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
        let is_money = is_money || self.take_currency();
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

    /// Takes a sign of currency behind a value; before a number it belongs to that.
    fn take_currency(&mut self) -> bool {
        let is_there = self.kind() == Some(&Kind::Currency) && !matches!(self.kind_at(1), Some(Kind::Number(_)));
        self.at += usize::from(is_there);
        is_there
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
