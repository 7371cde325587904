//! Times of day: `10:45 a.m.`, `20:34:00`, `3:00`.

use dashu_ratio::RBig;

use super::Parser;
use crate::ast::{Ast, Literal};
use crate::token::Kind;
use crate::units::Unit;

impl Parser {
    /// Reads a time of day as seconds from midnight; none where a ratio or a bare number is meant.
    ///
    /// Two numbers with a colon are a ratio unless a leading zero, a third part or the half of the day says otherwise.
    pub(super) fn clock(&mut self) -> Option<Ast> {
        let hours = self.two_digits(self.at, 1)?;
        let mut end = self.at + 1;
        let mut parts = vec![hours];
        let mut is_padded = self
            .digits_at(self.at)
            .is_some_and(|digits| digits.len() == 2 && digits.starts_with('0'));
        while parts.len() < 3 && self.tokens.get(end).is_some_and(|token| token.kind.is(':')) {
            parts.push(self.two_digits(end + 1, 2).filter(|part| *part < 60)?);
            is_padded |= self.digits_at(end + 1).is_some_and(|digits| digits.starts_with('0'));
            end += 2;
        }
        let half = self.half_of_day(end);
        let is_time = match parts.len() {
            1 => half.is_some_and(|(_, is_dotted, _)| is_dotted),
            2 => half.is_some() || is_padded,
            _ => true,
        };
        let is_hour = hours < if half.is_some() { 13 } else { 25 };
        if !is_time || !is_hour || self.tokens.get(end).is_some_and(|token| token.kind.is(':')) {
            return None;
        }
        let hours = match half {
            Some((is_afternoon, ..)) => hours % 12 + if is_afternoon { 12 } else { 0 },
            None => hours,
        };
        let (minutes, seconds) = (parts.get(1).copied().unwrap_or(0), parts.get(2).copied().unwrap_or(0));
        self.at = half.map_or(end, |(.., after)| after);
        let value = Literal {
            value: RBig::from(hours * 3_600 + minutes * 60 + seconds),
            decimals: 0,
            significant: 0,
        };
        Some(Ast::Unit(Box::new(Ast::Number(value)), Unit::time_of_day()))
    }

    fn digits_at(&self, at: usize) -> Option<&str> {
        match self.tokens.get(at).map(|token| &token.kind) {
            Some(Kind::Number(digits)) => Some(digits),
            _ => None,
        }
    }

    /// Returns a number of at least so many and at most two digits.
    fn two_digits(&self, at: usize, least: usize) -> Option<u32> {
        let digits = self.digits_at(at)?;
        (least..=2)
            .contains(&digits.len())
            .then(|| digits.parse().ok())
            .flatten()
    }

    /// Returns whether `p.m.` or `a.m.` stands here, whether with full stops, and where it ends.
    fn half_of_day(&self, at: usize) -> Option<(bool, bool, usize)> {
        let word = |at: usize| match self.tokens.get(at).map(|token| &token.kind) {
            Some(Kind::Word(word) | Kind::Text(word)) => Some(word.to_ascii_lowercase()),
            _ => None,
        };
        let first = word(at)?;
        if matches!(first.as_str(), "am" | "pm") {
            return Some((first == "pm", false, at + 1));
        }
        let is_dotted = self.tokens.get(at + 1).is_some_and(|token| token.kind.is('.'));
        let is_half = matches!(first.as_str(), "a" | "p") && is_dotted && word(at + 2).as_deref() == Some("m");
        let stop = usize::from(self.tokens.get(at + 3).is_some_and(|token| token.kind.is('.')));
        is_half.then_some((first == "p", true, at + 3 + stop))
    }
}
