//! Units behind a value: words, letters, powers, products and quotients of them.

use super::Parser;
use crate::token::Kind;
use crate::units::Unit;

/// Most tokens of a unit.
const LONGEST: usize = 16;

impl Parser {
    /// Returns whether the rest of this item is a unit.
    pub(super) fn is_unit_here(&self) -> bool {
        self.scan_unit().is_some()
    }

    /// Takes the unit that fills the rest of this item.
    pub(super) fn unit(&mut self) -> Option<Unit> {
        let (mut unit, end) = self.scan_unit()?;
        let first = self.tokens.get(self.at)?;
        unit.is_glued = !first.is_spaced && matches!(first.kind, Kind::Word(_));
        self.at = end;
        Some(unit)
    }

    fn scan_unit(&self) -> Option<(Unit, usize)> {
        let mut at = self.at;
        let (mut unit, next) = self.unit_factor(at)?;
        at = next;
        loop {
            let (sign, from) = match self.kind_from(at) {
                Some(Kind::Mark('/')) => (-1, at + 1),
                Some(Kind::Text(word) | Kind::Word(word)) if word == "per" => (-1, at + 1),
                Some(Kind::Command("cdot")) => (1, at + 1),
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
        let is_end = match self.kind_from(at) {
            None | Some(Kind::Mark(',' | ';' | ')' | ']' | '}' | '=' | '<' | '>') | Kind::SetClose) => true,
            Some(Kind::Text(word) | Kind::Word(word)) => matches!(word.as_str(), "and" | "or"),
            Some(Kind::Command(name)) => matches!(*name, "and" | "or" | "approx" | "le" | "ge"),
            _ => false,
        };
        is_end.then_some((unit, at))
    }

    fn kind_from(&self, at: usize) -> Option<&Kind> {
        self.tokens.get(at).map(|token| &token.kind)
    }

    /// Returns one unit with its exponent, and where it ends.
    fn unit_factor(&self, at: usize) -> Option<(Unit, usize)> {
        let (name, mut next) = self.unit_name(at)?;
        let power = match name {
            "square" | "sq" => 2,
            "cubic" => 3,
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

    /// Returns the name of a unit; a single letter is one only in prose, elsewhere it is a variable.
    fn unit_name(&self, at: usize) -> Option<(&str, usize)> {
        match self.kind_from(at)? {
            Kind::Text(name) => Some((name, at + 1)),
            Kind::Word(name) if name.len() > 1 => Some((name, at + 1)),
            _ => None,
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
