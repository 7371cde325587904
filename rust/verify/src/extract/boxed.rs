//! The last box of a response, by one pass of brace matching.

use std::collections::HashSet;
use std::ops::Range;

use super::Missing;

const COMMANDS: [&str; 2] = ["\\boxed", "\\fbox"];

/// One box; `end` is none as long as it is open.
struct Found {
    start: usize,
    end: Option<usize>,
}

/// Returns the content of the last box and the number of distinct contents.
///
/// A box inside another counts only if the outer one holds nothing else. A box that is never closed is `Unclosed`, or
/// the rest of its line if `takes_unclosed`.
pub fn find(text: &str, takes_unclosed: bool) -> Result<Option<(Range<usize>, usize)>, Missing> {
    let boxes = scan(text, takes_unclosed);
    let Some(last) = last_outermost(&boxes) else {
        return Ok(None);
    };
    let end = match last.end {
        Some(end) => end,
        None if takes_unclosed => end_of_line(text, last.start),
        None => return Err(Missing::Unclosed),
    };
    let slice = |found: &Found| found.end.and_then(|end| text.get(found.start..end)).map(str::trim);
    let distinct: HashSet<&str> = boxes.iter().filter_map(slice).collect();
    Ok(Some((innermost(text, last.start..end), distinct.len().max(1))))
}

/// Most bytes between two boxes that are parts of one answer.
const GAP: usize = 48;

/// Returns the contents of the last boxes that stand side by side, as a list; none if there is only one.
pub fn adjacent(text: &str) -> Option<String> {
    let boxes = scan(text, true);
    let mut contents: Vec<&str> = Vec::new();
    let mut last_end = 0;
    for found in &boxes {
        let Some(end) = found.end.filter(|_| found.start >= last_end) else {
            continue;
        };
        let gap = text.get(last_end..found.start).unwrap_or_default();
        if !is_joint(gap) {
            contents.clear();
        }
        contents.extend(
            text.get(found.start..end)
                .map(str::trim)
                .filter(|content| !content.is_empty()),
        );
        last_end = end;
    }
    contents.dedup();
    (contents.len() > 1).then(|| contents.join(", "))
}

/// Returns whether what stands between two boxes joins them: signs, or words with a conjunction.
fn is_joint(gap: &str) -> bool {
    let gap = gap.trim_end_matches('{').trim_end_matches(|c: char| c.is_alphabetic());
    if gap.len() > GAP || gap.contains("\n\n") || gap.contains(". ") {
        return false;
    }
    let words: Vec<&str> = gap
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| word.len() > 1)
        .collect();
    let is_layout = |word: &&str| matches!(*word, "quad" | "qquad" | "text" | "mathrm" | "mbox");
    gap.contains(',') || words.iter().any(|word| matches!(*word, "and" | "or")) || words.iter().all(is_layout)
}

/// Returns every box in the order in which they open.
///
/// When lenient, `\\\\boxed` is a box as well: a backslash that was escaped once too often.
fn scan(text: &str, is_lenient: bool) -> Vec<Found> {
    let bytes = text.as_bytes();
    let mut boxes: Vec<Found> = Vec::new();
    // The boxes that are open, each with the number of braces around its content.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                if let Some((_, index)) = open.pop_if(|(level, _)| *level == depth)
                    && let Some(found) = boxes.get_mut(index)
                {
                    found.end = Some(at);
                }
                depth = depth.saturating_sub(1);
            }
            b'\\' => {
                let rest = text.get(at..).unwrap_or_default();
                let is_doubled = is_lenient && bytes.get(at + 1) == Some(&b'\\');
                if is_doubled && rest.get(1..).is_some_and(|rest| command(rest).is_some()) {
                    at += 1;
                } else if let Some(command) = command(rest) {
                    at = enter(text, at + command.len(), &mut boxes);
                    if boxes
                        .last()
                        .is_some_and(|found| found.end.is_none() && found.start == at)
                    {
                        depth += 1;
                        open.push((depth, boxes.len() - 1));
                    }
                } else {
                    at += 1 + rest.chars().nth(1).map_or(0, char::len_utf8);
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    boxes
}

/// Returns the box command that a text starts with.
fn command(rest: &str) -> Option<&'static str> {
    COMMANDS.into_iter().find(|command| {
        let after = rest.strip_prefix(command).map(|after| after.chars().next());
        after.is_some_and(|next| !next.is_some_and(|next| next.is_ascii_alphabetic()))
    })
}

/// Notes the box whose command ends at `at`; returns where the scan goes on.
fn enter(text: &str, at: usize, boxes: &mut Vec<Found>) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let inner = at + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    if text.get(inner..).is_some_and(|rest| rest.starts_with('{')) {
        boxes.push(Found {
            start: inner + 1,
            end: None,
        });
        return inner + 1;
    }
    let end = end_of_word(text, inner);
    if end > inner {
        boxes.push(Found {
            start: inner,
            end: Some(end),
        });
    }
    end
}

/// Returns the end of an argument without braces.
fn end_of_word(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let is_end = |c: char| c.is_whitespace() || matches!(c, '$' | '{' | '}' | '\\' | ',' | ';');
    let word = rest.split(is_end).next().unwrap_or_default();
    start + word.trim_end_matches(['.', ')', ']', '*']).len()
}

fn end_of_line(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default();
    start + line.trim_end().trim_end_matches(['$', '.']).len()
}

/// Returns the last box that stands inside no closed one.
fn last_outermost(boxes: &[Found]) -> Option<&Found> {
    let mut last: Option<&Found> = None;
    let mut covered = 0;
    for found in boxes {
        if found.start < covered {
            continue;
        }
        last = Some(found);
        covered = found.end.unwrap_or(covered);
    }
    last
}

/// Returns the span of the inner box as long as a box holds a single box and nothing else.
fn innermost(text: &str, mut span: Range<usize>) -> Range<usize> {
    loop {
        let inner = text.get(span.clone()).unwrap_or_default();
        let trimmed = inner.trim();
        let start = span.start + (inner.len() - inner.trim_start().len());
        let content = command(trimmed).and_then(|command| {
            let after = trimmed.get(command.len()..)?.trim_start();
            let body = after.strip_prefix('{')?.strip_suffix('}')?;
            is_one_group(body).then_some((trimmed.len() - body.len() - 1, body.len()))
        });
        let Some((offset, length)) = content else { return span };
        span = start + offset..start + offset + length;
    }
}

/// Returns whether the braces of a text never close more than they open.
fn is_one_group(body: &str) -> bool {
    let mut depth = 0_i32;
    let mut is_escaped = false;
    for byte in body.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn content(text: &str) -> Result<Option<&str>, Missing> {
        find(text, false).map(|found| found.and_then(|(span, _)| text.get(span)))
    }

    #[test]
    fn the_last_box_counts() {
        assert_eq!(content("\\boxed{41} \\boxed{42} wait \\fbox{43}"), Ok(Some("43")));
    }

    #[test]
    fn braces_match_and_escapes_do_not_count() {
        assert_eq!(content("\\boxed{\\frac{1}{2}}"), Ok(Some("\\frac{1}{2}")));
        assert_eq!(content("\\boxed{\\{1,2\\}} and {more}"), Ok(Some("\\{1,2\\}")));
        assert_eq!(
            content("\\boxed{\\left\\{ 3 \\right.}"),
            Ok(Some("\\left\\{ 3 \\right."))
        );
    }

    #[test]
    fn a_nested_box_counts_only_alone() {
        assert_eq!(content("\\boxed{ \\boxed{42} }"), Ok(Some("42")));
        assert_eq!(content("\\boxed{x = \\boxed{42}}"), Ok(Some("x = \\boxed{42}")));
    }

    #[test]
    fn an_open_box_is_unclosed_even_after_a_closed_one() {
        assert_eq!(content("\\boxed{1} \\boxed{42"), Err(Missing::Unclosed));
        assert_eq!(find("\\boxed{42$.\nmore", true), Ok(Some((7..9, 1))));
    }

    #[test]
    fn braces_may_be_missing() {
        assert_eq!(content("so \\boxed 42."), Ok(Some("42")));
        assert_eq!(content("so $\\boxed 42$."), Ok(Some("42")));
        assert_eq!(content("\\boxedness"), Ok(None));
    }

    #[test]
    fn distinct_contents_are_counted() {
        assert_eq!(find("\\boxed{1} \\boxed{ 1 } \\boxed{2}", false).unwrap().unwrap().1, 2);
    }

    #[test]
    fn many_open_boxes_take_one_pass() {
        assert_eq!(content(&"\\boxed{".repeat(100_000)), Err(Missing::Unclosed));
    }

    #[test]
    fn deep_nesting_takes_one_pass() {
        let text = format!("{}7{}", "\\boxed{".repeat(1_000), "}".repeat(1_000));
        assert_eq!(content(&text), Ok(Some("7")));
    }
}
