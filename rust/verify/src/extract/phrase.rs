//! Answers that words announce: a phrase, a marker or a label.

use std::ops::Range;

use memchr::{memchr2_iter, memmem};

type Hit = Option<(Range<usize>, usize)>;

/// The word that every phrase and label is built around.
const KEY: &str = "answer";
/// Where the rarest letter of the word stands in it.
const RAREST: usize = 3;
const HASH: &str = "#### ";
/// What may follow the word in a phrase.
const PHRASES: [&str; 2] = [" is", " to the question is"];
/// What may follow the word in a label, and after "final" in a phrase.
const LABELS: [&str; 2] = [":", "**:"];

/// Returns what follows the last phrase such as "the final answer is".
pub fn after_phrase(text: &str) -> Hit {
    let (at, count) = last_of(text, phrase_end)?;
    Some((answer_at(text, at), count))
}

/// What ends the sentence that few-shot prompts ask for: `The final answer is $5$. I hope it is correct.`
const CLOSING: &str = "I hope it is correct";
/// Characters before it in which the answer is looked for.
const REACH: usize = 512;

/// Returns what the last sentence of that form announces; none if a box stands in it or after it.
pub fn before_closing(text: &str) -> Hit {
    let end = memmem::find_iter(text.as_bytes(), CLOSING).last()?;
    let from = text.get(..end)?.char_indices().rev().take(REACH).last()?.0;
    let (span, count) = after_phrase(text.get(from..end)?)?;
    let (start, end) = (from + span.start, from + span.end);
    (!text.get(start..)?.contains("\\boxed")).then_some((start..end, count))
}

/// Returns what follows the last `####`.
pub fn after_hash(text: &str) -> Hit {
    let (mut last, mut count) = (None, 0);
    for at in memmem::find_iter(text.as_bytes(), HASH) {
        last = Some(at + HASH.len());
        count += 1;
    }
    let start = last?;
    let line = text.get(start..)?.split('\n').next().unwrap_or_default();
    (!line.trim().is_empty()).then(|| (start..start + line.len(), count))
}

/// Returns what follows the last label `Answer:`.
pub fn after_label(text: &str) -> Hit {
    let (at, count) = last_of(text, label_end)?;
    Some((answer_at(text, at), count))
}

/// Returns the end of the last mention that something follows, and how many mentions there are.
fn last_of(text: &str, end_of: fn(&str, usize) -> Option<usize>) -> Option<(usize, usize)> {
    let (mut last, mut count) = (None, 0);
    for rarest in memchr2_iter(b'w', b'W', text.as_bytes()) {
        let Some(at) = rarest.checked_sub(RAREST) else { continue };
        let word = text.as_bytes().get(at..at + KEY.len());
        if !word.is_some_and(|word| word.eq_ignore_ascii_case(KEY.as_bytes())) {
            continue;
        }
        if let Some(end) = end_of(text, at) {
            last = Some(end);
            count += 1;
        }
    }
    let rest = text.get(last?..)?;
    let is_followed = rest.contains(|c: char| c.is_alphanumeric());
    last.filter(|_| is_followed).map(|end| (end, count))
}

/// Returns where a phrase ends whose key word begins at `at`.
fn phrase_end(text: &str, at: usize) -> Option<usize> {
    let before = at.checked_sub("final ".len()).and_then(|start| text.get(start..at));
    let is_final = before.is_some_and(|before| before.eq_ignore_ascii_case("final "));
    follows(text, at, &PHRASES).or_else(|| label_end(text, at).filter(|_| is_final))
}

fn label_end(text: &str, at: usize) -> Option<usize> {
    follows(text, at, &LABELS)
}

/// Returns the end of the one of these that follows the key word, in any case.
fn follows(text: &str, at: usize, endings: &[&str]) -> Option<usize> {
    let start = at + KEY.len();
    let found = endings.iter().find(|ending| {
        let there = text.get(start..start + ending.len());
        there.is_some_and(|there| there.eq_ignore_ascii_case(ending))
    })?;
    Some(start + found.len())
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
    let sentence = sentence.trim_end().trim_end_matches(['.', '*', '_']);
    let value = start + said_from(sentence);
    value..start + sentence.len()
}

/// Returns where the value begins in a sentence that says what it is: `The largest n is 34`.
fn said_from(sentence: &str) -> usize {
    let is_sentence = sentence.starts_with("The ") || sentence.starts_with("the ");
    let verb = sentence
        .rfind(" is ")
        .map(|at| at + 4)
        .or_else(|| sentence.rfind(" are ").map(|at| at + 5));
    verb.filter(|_| is_sentence).unwrap_or(0)
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
    fn a_closing_sentence_is_read_by_itself() {
        let text = "\\boxed{255} so Final Answer: The final answer is $10,455$. I hope it is correct. The answer is 7";
        assert_eq!(taken(text, before_closing), Some("10,455"));
        assert_eq!(taken(&format!("{text} \\boxed{{3}}"), before_closing), None);
        assert_eq!(taken("The answer is 7. I hope so.", before_closing), None);
        assert_eq!(taken("I hope it is correct", before_closing), None);
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
