//! Numbers: thousands, decimals, repeating parts, exponents.

use super::Lexer;
use crate::token::Kind;

impl Lexer<'_> {
    /// Reads a number with its thousands, decimals, repeating part and exponent.
    pub(super) fn number(&mut self) {
        let rest = self.rest();
        let (mut digits, mut length) = self.thousands().unwrap_or_else(|| {
            let run = digits_of(rest);
            (run.to_owned(), run.len())
        });
        let fraction = rest.get(length..).and_then(|tail| tail.strip_prefix('.'));
        if let Some(fraction) = fraction {
            let run = digits_of(fraction);
            let after = fraction.get(run.len()..).unwrap_or_default();
            if let Some((period, width)) = period(after) {
                let fixed = format!("{digits}.{run}");
                return self.push(
                    Kind::Repeating(fixed, period.to_owned()),
                    length + 1 + run.len() + width,
                );
            }
            if !run.is_empty() {
                digits.extend([".", run]);
                length += 1 + run.len();
            }
        }
        if let Some(exponent) = rest.get(length..).and_then(exponent) {
            digits.push_str(exponent);
            length += exponent.len();
        }
        self.push(Kind::Number(digits), length);
    }

    /// Returns the digits of `1,234,567` and the bytes they take, if groups of three stand alone at the outermost level.
    fn thousands(&self) -> Option<(String, usize)> {
        let rest = self.rest();
        let first = digits_of(rest);
        let is_after_comma = self
            .tokens
            .last()
            .is_some_and(|token| token.kind.is(',') || token.kind.is('.'));
        if first.len() > 3 || first.is_empty() || first.starts_with('0') || is_after_comma {
            return None;
        }
        let (mut digits, mut length) = (first.to_owned(), first.len());
        while let Some((width, is_plain)) = rest.get(length..).and_then(separator) {
            let group = rest.get(length + width..).map_or("", digits_of);
            if group.len() != 3 || (is_plain && self.depth > 0) {
                break;
            }
            digits.push_str(group);
            length += width + 3;
        }
        let is_list = rest
            .get(length..)
            .is_some_and(|tail| tail.starts_with(',') && tail.len() > 1);
        if digits.len() == first.len() {
            return self.spaced_thousands();
        }
        (!is_list).then_some((digits, length))
    }

    /// Returns the digits of `1 234 567` if it is the whole answer: elsewhere two numbers may be meant.
    fn spaced_thousands(&self) -> Option<(String, usize)> {
        let is_first = self
            .tokens
            .iter()
            .all(|token| matches!(token.kind, Kind::Mark('-') | Kind::Currency));
        if !is_first {
            return None;
        }
        let rest = self
            .rest()
            .trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '$' | '.'));
        let is_grouped = rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ')
            && rest.split(' ').skip(1).all(|group| group.len() == 3)
            && rest.contains(' ');
        is_grouped.then(|| (rest.replace(' ', ""), rest.len()))
    }
}

fn digits_of(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default()
}

/// Returns the width of the separator of thousands that a text starts with, and whether it is a plain comma.
fn separator(text: &str) -> Option<(usize, bool)> {
    let spelled = [",\\!", "\\,", ",\\,"]
        .into_iter()
        .find_map(|spelled| text.strip_prefix(spelled));
    if let Some(after) = spelled.or_else(|| after_braced_comma(text)) {
        return Some((text.len() - after.trim_start_matches(' ').len(), false));
    }
    text.starts_with(',').then_some((1, true))
}

/// Returns what follows `{,}`, in which white space says nothing.
fn after_braced_comma(text: &str) -> Option<&str> {
    let inner = text.trim_start_matches(' ').strip_prefix('{')?.trim_start_matches(' ');
    inner.strip_prefix(',')?.trim_start_matches(' ').strip_prefix('}')
}

/// Returns the digits under a bar and the bytes that bar and digits take; without braces the bar covers one digit.
fn period(text: &str) -> Option<(&str, usize)> {
    let command = ["\\overline", "\\bar", "\\dot"]
        .into_iter()
        .find(|command| text.starts_with(command))?;
    let after = text.get(command.len()..)?;
    let Some(body) = after.strip_prefix('{') else {
        let digit = after
            .get(..1)
            .filter(|digit| digit.bytes().all(|byte| byte.is_ascii_digit()))?;
        return Some((digit, command.len() + 1));
    };
    let digits = digits_of(body);
    let is_closed = body.get(digits.len()..)?.starts_with('}');
    (is_closed && !digits.is_empty()).then_some((digits, command.len() + digits.len() + 2))
}

/// Returns the exponent `e-7` that a text starts with.
fn exponent(text: &str) -> Option<&str> {
    let after = text.strip_prefix(['e', 'E'])?;
    let signed = after.strip_prefix(['+', '-']).unwrap_or(after);
    let digits = digits_of(signed);
    text.get(..text.len() - signed.len() + digits.len())
        .filter(|_| !digits.is_empty())
}
