//! What is left when nothing announces an answer: the last formula, then the last number.

use std::collections::HashSet;
use std::ops::Range;

type Hit = Option<(Range<usize>, usize)>;

const DELIMITERS: [(&str, &str); 4] = [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")];

/// Returns the last `$..$`, `$$..$$`, `\(..\)` or `\[..\]` that is not empty.
pub fn last_math(text: &str) -> Hit {
    // Where each delimiter closes for the last time, so that a search that cannot succeed is never begun.
    let last_close = DELIMITERS.map(|(_, close)| text.rfind(close));
    let mut last: Option<Range<usize>> = None;
    let mut distinct: HashSet<&str> = HashSet::new();
    let mut at = 0;
    while let Some((start, kind)) = next_open(text, at) {
        at = start;
        let (Some((_, close)), Some(Some(final_close))) = (DELIMITERS.get(kind), last_close.get(kind)) else {
            continue;
        };
        if *final_close < start {
            continue;
        }
        // Delimiters that hold nothing are stepped over without a search.
        if text.get(start..).is_some_and(|rest| rest.starts_with(close)) {
            at = start + close.len();
            continue;
        }
        let Some(body) = text.get(start..).and_then(|rest| rest.split(close).next()) else {
            continue;
        };
        if !body.trim().is_empty() {
            distinct.insert(body.trim());
            last = Some(start..start + body.len());
        }
        at = start + body.len() + close.len();
    }
    last.map(|span| (span, distinct.len()))
}

/// Returns where the next formula's body begins and the index of its delimiter.
fn next_open(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = at;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| matches!(byte, b'$' | b'\\'))?;
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'$', Some(b'$')) => return Some((at + 2, 0)),
            (b'$', _) => return Some((at + 1, 1)),
            (_, Some(b'(')) => return Some((at + 2, 2)),
            (_, Some(b'[')) => return Some((at + 2, 3)),
            // What a backslash escapes is passed over whole.
            _ => at += 1 + text.get(at + 1..)?.chars().next().map_or(0, char::len_utf8),
        }
    }
}

/// Returns the last number, with its sign, decimals, thousands and percent sign.
pub fn last_number(text: &str) -> Hit {
    let bytes = text.as_bytes();
    let end = bytes.iter().rposition(u8::is_ascii_digit)? + 1;
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'/');
    let mut start = bytes
        .get(..end)?
        .iter()
        .rposition(|byte| !is_part(byte))
        .map_or(0, |at| at + 1);
    while bytes
        .get(start)
        .is_some_and(|byte| !byte.is_ascii_digit() && *byte != b'.')
    {
        start += 1;
    }
    start = before_groups(bytes, start, end);
    if start > 0 && bytes.get(start - 1) == Some(&b'-') {
        start -= 1;
    } else if text.get(..start).is_some_and(|before| before.ends_with('\u{2212}')) {
        start -= '\u{2212}'.len_utf8();
    }
    let end = if bytes.get(end) == Some(&b'%') { end + 1 } else { end };
    Some((start..end, 1))
}

/// Returns where `1 234 567` begins, of which the last group begins at `start`.
fn before_groups(bytes: &[u8], mut start: usize, end: usize) -> usize {
    let mut group = end - start;
    while group == 3 && start > 0 && bytes.get(start - 1) == Some(&b' ') {
        let before = bytes.get(..start - 1).unwrap_or_default();
        let digits = before
            .iter()
            .rev()
            .take(4)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 || digits > 3 {
            break;
        }
        group = digits;
        start -= 1 + digits;
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, rule: fn(&str) -> Hit) -> Option<&str> {
        rule(text).and_then(|(span, _)| text.get(span))
    }

    #[test]
    fn the_last_formula_counts() {
        assert_eq!(taken("a $1$ b \\[2\\] c $$3$$ d", last_math), Some("3"));
        assert_eq!(taken("a $1$ b \\(2\\) c", last_math), Some("2"));
        assert_eq!(taken("\\[ open $4$", last_math), Some("4"));
        assert_eq!(taken("costs \\$5", last_math), None);
    }

    #[test]
    fn dollars_alone_are_no_formula() {
        assert_eq!(taken(&"$".repeat(100_000), last_math), None);
    }

    #[test]
    fn the_last_number_keeps_its_sign_and_percent() {
        assert_eq!(taken("from 3 to -1,234.5.", last_number), Some("-1,234.5"));
        assert_eq!(taken("about \u{2212}7 degrees", last_number), Some("\u{2212}7"));
        assert_eq!(taken("it is 60% full", last_number), Some("60%"));
        assert_eq!(taken("about 1 234 000 people", last_number), Some("1 234 000"));
        assert_eq!(taken("in 2015 300 came", last_number), Some("300"));
        assert_eq!(taken("none", last_number), None);
    }
}
