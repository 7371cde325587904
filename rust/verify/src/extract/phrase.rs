//! Answers that words announce: a phrase, a marker or a label.

use std::ops::Range;

type Hit = Option<(Range<usize>, usize)>;

const PHRASES: [&str; 5] = [
    "final answer is",
    "answer is",
    "answer to the question is",
    "final answer**:",
    "final answer:",
];
const LABELS: [&str; 2] = ["answer:", "answer**:"];

/// Returns what follows the last phrase such as "the final answer is".
pub fn after_phrase(text: &str) -> Hit {
    let (at, count) = last_of(text, &PHRASES)?;
    Some((answer_at(text, at), count))
}

/// Returns what follows the last `####`.
pub fn after_hash(text: &str) -> Hit {
    let at = text.rfind("#### ")?;
    let rest = text.get(at + 5..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default();
    (!line.trim().is_empty()).then(|| (at + 5..at + 5 + line.len(), text.matches("#### ").count()))
}

/// Returns what follows the last label `Answer:`.
pub fn after_label(text: &str) -> Hit {
    let (at, count) = last_of(text, &LABELS)?;
    Some((answer_at(text, at), count))
}

/// Returns the end of the last needle that something follows, in any case, and how often needles occur.
fn last_of(text: &str, needles: &[&str]) -> Option<(usize, usize)> {
    // ASCII folding keeps every byte where it is.
    let folded = text.to_ascii_lowercase();
    let ends = |needle: &&str| folded.rfind(*needle).map(|at| at + needle.len());
    let last = needles.iter().filter_map(ends).max()?;
    let count = needles.iter().map(|needle| folded.matches(*needle).count()).max()?;
    let rest = text.get(last..)?;
    rest.contains(|c: char| c.is_alphanumeric()).then_some((last, count))
}

/// Returns the span of an answer that begins after `at`: a formula, or words up to the end of the sentence.
fn answer_at(text: &str, at: usize) -> Range<usize> {
    let rest = text.get(at..).unwrap_or_default();
    let skipped = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '*' | '#' | '_'));
    let start = at + (rest.len() - skipped.len());
    for (open, close) in [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")] {
        let body = skipped.strip_prefix(open);
        if let Some(length) = body.and_then(|body| body.find(close)).filter(|length| *length > 0) {
            return start + open.len()..start + open.len() + length;
        }
    }
    let line = skipped.split('\n').next().unwrap_or_default();
    let sentence = line.find(". ").map_or(line, |end| line.get(..end).unwrap_or(line));
    start..start + sentence.trim_end().trim_end_matches(['.', '*', '_']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, rule: fn(&str) -> Hit) -> Option<&str> {
        rule(text).and_then(|(span, _)| text.get(span))
    }

    #[test]
    fn a_phrase_takes_the_formula_or_the_sentence() {
        assert_eq!(taken("The answer is $x+1$. Bye.", after_phrase), Some("x+1"));
        assert_eq!(taken("The final answer is \\(3\\), I hope.", after_phrase), Some("3"));
        assert_eq!(
            taken("So the answer is 3 apples. Done.", after_phrase),
            Some("3 apples")
        );
        assert_eq!(taken("the answer is \u{2212}3", after_phrase), Some("\u{2212}3"));
        assert_eq!(taken("**Final Answer**: 42.", after_phrase), Some("42"));
    }

    #[test]
    fn a_hash_takes_its_line() {
        assert_eq!(taken("x\n#### 1,234\nmore", after_hash), Some("1,234"));
        assert_eq!(taken("####", after_hash), None);
    }

    #[test]
    fn the_last_label_counts() {
        assert_eq!(taken("Answer: 1\nAnswer: 2", after_label), Some("2"));
        assert_eq!(taken("Answer:", after_label), None);
    }
}
