//! The last box of a response.

use std::ops::Range;

use super::braces::{Found, command, scan};
use super::{Missing, distinct};

/// Returns the content of the last box and the number of distinct contents.
///
/// A box inside another counts only if the outer one holds nothing else. A box that is never closed is `Unclosed`, or
/// the rest of its line if `takes_unclosed`.
pub fn find(text: &str, takes_unclosed: bool) -> Result<Option<(Range<usize>, usize)>, Missing> {
    let boxes = scan(text, takes_unclosed);
    let Some((place, last)) = outermost(&boxes).last() else {
        return Ok(None);
    };
    let end = match last.end {
        Some(end) => end,
        None if takes_unclosed => end_of_line(text, last.start),
        None => return Err(Missing::Unclosed),
    };
    let contents = outermost(&boxes).filter_map(|(_, found)| text.get(found.span()?));
    let candidates = distinct(contents.map(str::trim).collect()).max(1);
    let inside = boxes.get(place + 1..).unwrap_or_default();
    Ok(Some((innermost(text, last.start..end, inside), candidates)))
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

fn end_of_line(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default();
    start + line.trim_end().trim_end_matches(['$', '.']).len()
}

/// Returns the boxes that stand inside no closed one, each with its place.
fn outermost(boxes: &[Found]) -> impl Iterator<Item = (usize, &Found)> {
    let mut covered = 0;
    boxes.iter().enumerate().filter(move |(_, found)| {
        let is_outside = found.start >= covered;
        if is_outside {
            covered = found.end.unwrap_or(covered);
        }
        is_outside
    })
}

/// Returns the span of the inner box as long as a box holds a single box and nothing else.
fn innermost(text: &str, mut span: Range<usize>, inside: &[Found]) -> Range<usize> {
    for inner in inside {
        let Some(within) = inner.span().filter(|within| is_alone(text, &span, within)) else {
            break;
        };
        span = within;
    }
    span
}

/// Returns whether a box inside a span is all that the span holds.
fn is_alone(text: &str, span: &Range<usize>, inner: &Range<usize>) -> bool {
    let before = text.get(span.start..inner.start).unwrap_or_default().trim_start();
    let after = text.get(inner.end..span.end).unwrap_or_default();
    let opening = command(before).and_then(|command| before.get(command.len()..));
    opening.is_some_and(|opening| opening.trim_start() == "{")
        && after.strip_prefix('}').is_some_and(|after| after.trim().is_empty())
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
        let text = format!("{}7{}", "\\boxed{".repeat(100_000), "}".repeat(100_000));
        assert_eq!(
            find(&text, false).unwrap().map(|(span, count)| (span.len(), count)),
            Some((1, 1))
        );
    }
}
