//! Units behind a value: words, letters, powers, products and quotients of them.

use super::Parser;
use crate::ast::{Ast, Literal};
use crate::token::Kind;
use crate::units::Unit;

/// Most tokens of a unit.
const LONGEST: usize = 16;

/// Two letters that are a unit outside of prose as well; others are names side by side, as in `kT`.
const PLAIN: [&str; 34] = [
    "km", "cm", "mm", "dm", "nm", "fm", "kg", "mg", "ml", "mL", "dL", "kJ", "MJ", "kW", "MW", "kN", "Pa", "eV", "Hz",
    "ms", "ns", "in", "ft", "yd", "mi", "lb", "oz", "hr", "yr", "qt", "cc", "dB", "Rs", "Wh",
];

impl Parser {
    /// Returns whether the rest of this item is a unit.
    pub(super) fn is_unit_here(&self) -> bool {
        self.scan_unit().is_some()
    }

    /// Takes a currency that is written before its amount, as in `Rs. 930`.
    pub(super) fn unit_before(&mut self) -> Option<Unit> {
        let is_currency =
            matches!(self.kind(), Some(Kind::Word(word) | Kind::Text(word)) if matches!(word.as_str(), "Rs" | "USD"));
        let stop = usize::from(self.kind_at(1).is_some_and(|kind| kind.is('.')));
        if !is_currency || !matches!(self.kind_at(1 + stop), Some(Kind::Number(_))) {
            return None;
        }
        let name = if matches!(self.kind(), Some(Kind::Word(word) | Kind::Text(word)) if word == "Rs") {
            "rupee"
        } else {
            "dollar"
        };
        self.at += 1 + stop;
        Unit::named(name)
    }

    /// Returns whether a division by a unit alone follows, as in `110/month`.
    pub(super) fn is_rate_here(&self) -> bool {
        let is_word = |kind: &Kind| matches!(kind, Kind::Text(_) | Kind::Word(_));
        self.kind_at(1).is_some_and(is_word) && self.scan_unit().is_some()
    }

    /// Takes the unit that fills the rest of this item.
    pub(super) fn unit(&mut self) -> Option<Unit> {
        let (mut unit, end) = self.scan_unit()?;
        let first = self.tokens.get(self.at)?;
        let is_letter = matches!(&first.kind, Kind::Word(name) if name.chars().count() == 1);
        unit.is_glued = is_letter || (!first.is_spaced && matches!(first.kind, Kind::Word(_)));
        self.at = end;
        Some(unit)
    }

    /// Reads a second value in a smaller unit, as in `2 hours 15 minutes`; none if there is none.
    pub(super) fn remainder(&mut self, unit: &Unit) -> Option<Ast> {
        let Some(Kind::Number(digits)) = self.kind().cloned() else {
            return None;
        };
        let start = self.at;
        self.at += 1;
        let found = Self::literal(&digits).ok().zip(self.unit());
        let Some((Ast::Number(literal), smaller)) = found.filter(|(_, smaller)| smaller.is_part_of(unit)) else {
            self.at = start;
            return None;
        };
        Some(Ast::Number(Literal {
            value: literal.value * &smaller.factor / &unit.factor,
            decimals: 0,
            significant: 0,
        }))
    }

    fn scan_unit(&self) -> Option<(Unit, usize)> {
        // Where no unit can end, none is looked up: a long run of words costs its length once, not squared.
        if !(self.at + 1..self.at + LONGEST + 4).any(|end| self.ends_unit(end)) {
            return None;
        }
        let mut at = self.at;
        let is_rate = self.kind_from(at).is_some_and(|kind| kind.is('/') || is_per(kind));
        let (unit, next) = self.unit_factor(at + usize::from(is_rate))?;
        let mut unit = if is_rate { unit.power(-1)? } else { unit };
        at = next;
        loop {
            let (sign, from) = match self.kind_from(at) {
                Some(Kind::Mark('/')) => (-1, at + 1),
                Some(kind) if is_per(kind) => (-1, at + 1),
                Some(Kind::Command("cdot")) => (1, at + 1),
                Some(Kind::Mark('-')) if self.is_hyphen(at) => (1, at + 1),
                _ => (1, at),
            };
            let Some((factor, next)) = self.unit_factor(from) else {
                break;
            };
            unit = unit.times(&factor.power(sign)?);
            at = next;
            if at > self.at + LONGEST {
                return None;
            }
        }
        self.ends_unit(at).then_some((unit, at))
    }

    /// Returns whether a minus sign joins two units, as in `foot-pounds`.
    fn is_hyphen(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.kind_from(before));
        matches!(before, Some(Kind::Text(_) | Kind::Word(_)))
    }

    fn ends_unit(&self, at: usize) -> bool {
        match self.kind_from(at) {
            None
            | Some(
                Kind::Mark(',' | ';' | ')' | ']' | '}' | '=' | '<' | '>' | '&')
                | Kind::SetClose
                | Kind::Row
                | Kind::End,
            ) => true,
            // A smaller unit may follow with its own number.
            Some(Kind::Number(_)) => matches!(self.kind_from(at + 1), Some(Kind::Text(_) | Kind::Word(_))),
            Some(Kind::Text(word) | Kind::Word(word)) => matches!(word.as_str(), "and" | "or"),
            Some(Kind::Command(name)) => matches!(*name, "and" | "or" | "approx" | "le" | "ge"),
            _ => false,
        }
    }

    fn kind_from(&self, at: usize) -> Option<&Kind> {
        self.tokens.get(at).map(|token| &token.kind)
    }

    /// Returns one unit with its exponent, and where it ends.
    fn unit_factor(&self, at: usize) -> Option<(Unit, usize)> {
        let (name, mut next) = self.unit_name(at)?;
        let power = match name {
            "square" | "sq" => 2,
            "cubic" | "cu" => 3,
            _ => 1,
        };
        let name = if power > 1 {
            let (name, after) = self.unit_name(next)?;
            next = after;
            name
        } else {
            name
        };
        let (exponent, next) = self.unit_exponent(next).unwrap_or((power, next));
        Some((Unit::named(name)?.power(exponent)?, next))
    }

    /// Returns the name of a unit and where it ends; the full stop of an abbreviation belongs to it.
    fn unit_name(&self, at: usize) -> Option<(&str, usize)> {
        let name = match self.kind_from(at)? {
            Kind::Text(name) => name,
            Kind::Word(name) if self.is_plain_unit(name, at) => name,
            _ => return None,
        };
        let is_abbreviated = name.len() < 5 && self.kind_from(at + 1).is_some_and(|kind| kind.is('.'));
        Some((name, at + 1 + usize::from(is_abbreviated)))
    }

    /// Returns whether a word outside of prose may name a unit; a single letter only behind a power of ten.
    fn is_plain_unit(&self, name: &str, at: usize) -> bool {
        match name.len() {
            1 => at == self.at && self.is_scaled_before(at) && !matches!(name, "l" | "h"),
            2 => PLAIN.contains(&name),
            _ => true,
        }
    }

    /// Returns whether `10^-7` or `1e-7` stands directly before.
    fn is_scaled_before(&self, at: usize) -> bool {
        let kinds = self.tokens.get(at.saturating_sub(6)..at).unwrap_or_default();
        let mut back = kinds.iter().rev().map(|token| &token.kind).skip_while(|kind| {
            matches!(kind, Kind::Mark('}' | ')' | '{' | '(' | '-'))
                || matches!(kind, Kind::Number(digits) if digits.len() < 4 && !digits.contains('e'))
        });
        match back.next() {
            Some(Kind::Mark('^')) => matches!(back.next(), Some(Kind::Number(ten)) if ten == "10"),
            Some(Kind::Number(digits)) => digits.contains(['e', 'E']),
            _ => false,
        }
    }

    fn unit_exponent(&self, at: usize) -> Option<(i32, usize)> {
        if !self.kind_from(at)?.is('^') {
            return None;
        }
        let is_braced = self.kind_from(at + 1)?.is('{');
        let from = at + 1 + usize::from(is_braced);
        let is_negative = self.kind_from(from)?.is('-');
        let Kind::Number(digits) = self.kind_from(from + usize::from(is_negative))? else {
            return None;
        };
        let exponent: i32 = digits.parse().ok()?;
        let end = from + usize::from(is_negative) + 1 + usize::from(is_braced);
        Some((if is_negative { -exponent } else { exponent }, end))
    }
}

fn is_per(kind: &Kind) -> bool {
    matches!(kind, Kind::Text(word) | Kind::Word(word) if word == "per")
}
