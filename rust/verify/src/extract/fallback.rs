//! What is left when nothing announces an answer: the last formula, then the last number.

use std::ops::Range;

use memchr::{memchr_iter, memchr2};

use super::distinct;

type Hit = Option<(Range<usize>, usize)>;

const DELIMITERS: [(&str, &str); 4] = [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")];

/// Returns the last `$..$`, `$$..$$`, `\(..\)` or `\[..\]` that is not empty.
pub fn last_math(text: &str) -> Hit {
    // A search for a closing delimiter that failed once is never begun again.
    let mut is_open_to_the_end = [false; DELIMITERS.len()];
    let mut last: Option<Range<usize>> = None;
    let mut bodies: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some((start, kind)) = next_open(text, at) {
        at = start;
        let (Some((_, close)), Some(is_open)) = (DELIMITERS.get(kind), is_open_to_the_end.get_mut(kind)) else {
            continue;
        };
        let rest = text.get(start..).unwrap_or_default();
        let Some(body) = (!*is_open).then(|| before(rest, close)).flatten() else {
            *is_open = true;
            continue;
        };
        if !body.trim().is_empty() {
            bodies.push(body.trim());
            last = Some(start..start + body.len());
        }
        at = start + body.len() + close.len();
    }
    last.map(|span| (span, distinct(bodies)))
}

/// Returns what stands before a closing delimiter; none if there is no such delimiter. `\\$` closes nothing.
fn before<'a>(text: &'a str, close: &str) -> Option<&'a str> {
    let first = *close.as_bytes().first()?;
    let is_close = |at: &usize| {
        let is_escaped = first == b'$' && text.get(..*at).is_some_and(|before| before.ends_with('\\'));
        !is_escaped && text.get(*at..).is_some_and(|rest| rest.starts_with(close))
    };
    let end = memchr_iter(first, text.as_bytes()).find(is_close)?;
    text.get(..end)
}

/// Returns where the next formula's body begins and the index of its delimiter.
fn next_open(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = at;
    loop {
        at += memchr2(b'$', b'\\', bytes.get(at..)?)?;
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

/// Most bytes of a response that is nothing but a formula.
const FORMULA: usize = 256;

/// Returns all of a response that is one line of mathematics without a word, such as `\\frac{10}{9}` or `1, 2`.
pub fn only_math(text: &str) -> Hit {
    let line = text.trim();
    let is_word = |run: &str| {
        let name = run
            .strip_prefix("or")
            .or_else(|| run.strip_prefix("and"))
            .unwrap_or(run);
        name.chars().take_while(char::is_ascii_alphabetic).count() > 1
    };
    // What follows a backslash up to the next sign is a command; other letters stand alone.
    let runs = line.split(|c: char| !c.is_ascii_alphabetic() && c != '\\');
    let is_formula = line.is_ascii()
        && (1..=FORMULA).contains(&line.len())
        && !line.contains(['\n', '$', '#'])
        && !line.contains(". ")
        // A mere number is the last number as well.
        && line.contains(|c: char| !c.is_ascii_digit() && !matches!(c, '-' | '.' | ',' | '%'))
        && runs.into_iter().all(|run| !is_word(run));
    let start = text.len() - text.trim_start().len();
    is_formula.then(|| (start..start + line.len(), 1))
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
        assert_eq!(taken("so $4 \\$$ it is", last_math), Some("4 \\$"));
    }

    #[test]
    fn dollars_alone_are_no_formula() {
        assert_eq!(taken(&"$".repeat(100_000), last_math), None);
    }

    #[test]
    fn a_line_without_words_is_a_formula() {
        for text in ["\\frac{10}{9}", "x=1, y=2", "x=1 or x=2", "3 + 4i", "[2, 5)"] {
            assert_eq!(taken(text, only_math), Some(text));
        }
        for text in ["so 5", "1\n2", "f(x) is 2", "5. 6", "", "5 cm", "-1,234.5"] {
            assert_eq!(taken(text, only_math), None, "{text}");
        }
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
