//! Extraction: from a response to the text of one candidate answer, or none.
//!
//! A list of named rules is tried in order and the first that finds something decides. Every rule is one linear scan.

mod boxed;
mod braces;
mod choice;
mod conclusion;
mod fallback;
mod phrase;
mod search;
mod think;

use std::ops::Range;

pub use choice::is_choice;
pub use search::{Search, UnknownRule, prompt_bytes};

#[cfg(test)]
use crate::profile::Extraction;
use crate::repair::trimmed;

/// Where an answer may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExtractionRule {
    /// The last `\boxed{..}`, `\fbox{..}` or `\boxed X`.
    Boxed,
    /// What follows "the final answer is" and its kin.
    AnswerPhrase,
    /// `#### x`.
    Hash,
    /// A line `Answer: x`.
    AnswerLine,
    /// The letter of a choice, where the gold answer is one.
    Choice,
    /// The last formula, or all of a response without words: a fallback.
    LastMath,
    /// The last number: a fallback.
    LastNumber,
}

impl ExtractionRule {
    /// Every rule, in the order in which they are tried when lenient.
    pub const ALL: [Self; 7] = [
        Self::Boxed,
        Self::AnswerPhrase,
        Self::Hash,
        Self::AnswerLine,
        Self::Choice,
        Self::LastMath,
        Self::LastNumber,
    ];

    /// Returns the name that is reported.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boxed => "boxed",
            Self::AnswerPhrase => "answer_phrase",
            Self::Hash => "hash",
            Self::AnswerLine => "answer_line",
            Self::Choice => "choice",
            Self::LastMath => "last_math",
            Self::LastNumber => "last_number",
        }
    }
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The rule.
    pub rule: ExtractionRule,
    /// Bytes of the response that hold the answer.
    pub span: Range<usize>,
    /// Distinct answers that the rule could have taken.
    pub candidates: usize,
    /// The contents of adjacent boxes as one list, where they are merged.
    pub merged: Option<String>,
}

/// Why there is no candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// No rule found anything.
    NoAnswer,
    /// The last box is empty or a placeholder.
    Empty,
    /// The last box is never closed.
    Unclosed,
}

/// Returns the answer that a response gives.
///
/// The prompt and the text up to the last closing tag of thoughts are not searched. When strict, an open thought hides
/// the whole response.
pub fn extract(response: &str, search: Search<'_>) -> Result<Candidate, Missing> {
    let visible = think::visible_from(response, search.think_tag, search.is_strict).ok_or(Missing::NoAnswer)?;
    let start = visible.max(search.prompt_end(response));
    let text = response.get(start..).unwrap_or_default();
    // A response that ends as few-shot prompts have it says itself which answer is its last word.
    let is_announced = search.rules == ExtractionRule::ALL;
    if let Some((span, candidates)) = is_announced.then(|| phrase::before_closing(text)).flatten() {
        return settle(text, ExtractionRule::AnswerPhrase, span, candidates, start);
    }
    let reads_numbers = search.rules.contains(&ExtractionRule::LastNumber);
    for rule in search.rules {
        let found = match rule {
            ExtractionRule::Boxed => boxed::find(text, !search.is_strict)?,
            ExtractionRule::AnswerPhrase => phrase::after_phrase(text),
            ExtractionRule::Hash => phrase::after_hash(text),
            ExtractionRule::AnswerLine => phrase::after_label(text),
            ExtractionRule::Choice if search.is_choice => choice::last_choice(text),
            ExtractionRule::Choice => None,
            // What prose states behind the last formula is said later.
            ExtractionRule::LastMath if reads_numbers && conclusion::stated_last(text).is_some() => None,
            ExtractionRule::LastMath => fallback::last_math(text).or_else(|| fallback::only_math(text)),
            ExtractionRule::LastNumber => conclusion::stated_last(text).or_else(|| fallback::last_number(text)),
        };
        if let Some((span, candidates)) = found {
            let mut candidate = settle(text, *rule, span, candidates, start)?;
            if *rule == ExtractionRule::Boxed && search.merges_boxes {
                candidate.merged = boxed::adjacent(text);
            }
            return Ok(candidate);
        }
    }
    Err(Missing::NoAnswer)
}

/// Returns the answer that a gold answer in prose gives, if there is one.
///
/// A number by itself is not looked for: a bare gold answer such as `x \in [2,3]` holds some as well.
pub fn extract_gold(gold: &str, search: Search<'_>) -> Option<Candidate> {
    use ExtractionRule::{AnswerLine, AnswerPhrase, Boxed, Hash, LastMath};
    let search = Search {
        rules: &[Boxed, AnswerPhrase, Hash, AnswerLine, LastMath],
        is_strict: false,
        prompt_bytes: 0,
        ..search
    };
    // All of it is read anyway.
    extract(gold, search)
        .ok()
        .filter(|candidate| candidate.span.len() < trimmed(gold).len())
}

/// Returns the candidate trimmed, its span counted from the start of the response.
fn settle(
    text: &str,
    rule: ExtractionRule,
    span: Range<usize>,
    candidates: usize,
    start: usize,
) -> Result<Candidate, Missing> {
    let inner = text.get(span.clone()).unwrap_or_default();
    let trimmed = trimmed(inner);
    if is_placeholder(trimmed) {
        return Err(Missing::Empty);
    }
    let from = start + span.start + (inner.trim_end().len() - trimmed.len());
    Ok(Candidate {
        rule,
        span: from..from + trimmed.len(),
        candidates,
        merged: None,
    })
}

/// Returns how many different texts there are.
fn distinct(mut texts: Vec<&str>) -> usize {
    // By length first: most are told apart without a look at their letters.
    texts.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    texts.dedup();
    texts.len()
}

/// Returns whether a text only marks the place of an answer.
pub fn is_placeholder(text: &str) -> bool {
    matches!(
        text.trim(),
        "" | "..." | "\\ldots" | "\\dots" | "\\cdots" | "\u{2026}" | "?" | "{}" | "$$" | "\\text{}"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn by(response: &str, extraction: Extraction) -> Result<Candidate, Missing> {
        extract(response, Search::of(extraction))
    }

    fn found(response: &str, extraction: Extraction) -> (&str, &'static str) {
        let candidate = by(response, extraction).unwrap();
        (response.get(candidate.span).unwrap(), candidate.rule.name())
    }

    #[test]
    fn rules_are_tried_in_order() {
        let response = "The final answer is $41$. #### 40\n so \\boxed{42}";
        assert_eq!(found(response, Extraction::Lenient), ("42", "boxed"));
        assert_eq!(
            found("The final answer is $41$. Or 40.", Extraction::Lenient),
            ("41", "answer_phrase")
        );
        assert_eq!(found("work 7\n#### 40", Extraction::Lenient), ("40", "hash"));
        assert_eq!(found("so **Answer:** 39\n", Extraction::Lenient), ("39", "answer_line"));
        assert_eq!(found("so $x=3$, as 4 shows", Extraction::Lenient), ("x=3", "last_math"));
        assert_eq!(found("it is 12 or so", Extraction::Lenient), ("12", "last_number"));
    }

    #[test]
    fn strict_reads_boxes_only() {
        assert_eq!(by("The answer is 42.", Extraction::Strict), Err(Missing::NoAnswer));
    }

    #[test]
    fn thoughts_are_not_searched() {
        assert_eq!(found("<think>\\boxed{1}</think>\\boxed{2}", Extraction::Strict).0, "2");
        assert_eq!(
            by("<think>\\boxed{1}</think> none", Extraction::Strict),
            Err(Missing::NoAnswer)
        );
        assert_eq!(by("<think>\\boxed{1}", Extraction::Strict), Err(Missing::NoAnswer));
    }

    #[test]
    fn a_gold_answer_is_not_a_mere_number() {
        let rule = |gold| extract_gold(gold, Search::of(Extraction::Lenient)).map(|candidate| candidate.rule);
        assert_eq!(rule("work 7\n#### 40"), Some(ExtractionRule::Hash));
        assert_eq!(rule("so it is $[2,3]$"), Some(ExtractionRule::LastMath));
        assert_eq!(rule("x \\in [2,3]"), None);
    }

    #[test]
    fn placeholders_are_empty() {
        for response in ["\\boxed{}", "\\boxed{ }", "\\boxed{...}", "\\boxed{42}\\boxed{}"] {
            assert_eq!(by(response, Extraction::Lenient), Err(Missing::Empty), "{response}");
        }
    }

    #[test]
    fn a_format_of_its_own_may_stand_beside_the_box() {
        let rules = [ExtractionRule::Hash, ExtractionRule::Boxed];
        let search = Search {
            rules: &rules,
            ..Search::of(Extraction::Strict)
        };
        let rule = |response| extract(response, search).map(|candidate| candidate.rule);
        assert_eq!(rule("work\n#### 40"), Ok(ExtractionRule::Hash));
        assert_eq!(rule("\\boxed{40}"), Ok(ExtractionRule::Boxed));
        assert_eq!(rule("Answer: 40"), Err(Missing::NoAnswer));
    }

    #[test]
    fn the_prompt_is_not_searched() {
        let prompt = "Put it in \\boxed{ANSWER}. ";
        let response = format!("{prompt}I give up.");
        let prompt_bytes = prompt_bytes(&response, prompt);
        let search = Search {
            prompt_bytes,
            ..Search::of(Extraction::Strict)
        };
        assert_eq!(extract(&response, search), Err(Missing::NoAnswer));
        assert!(extract(&response, Search::of(Extraction::Strict)).is_ok());
    }

    #[test]
    fn the_tag_of_thoughts_may_be_another() {
        let search = Search {
            think_tag: "reasoning",
            ..Search::of(Extraction::Strict)
        };
        assert!(extract("<reasoning>\\boxed{1}</reasoning>", search).is_err());
        assert!(extract("<think>\\boxed{1}", search).is_ok());
    }

    #[test]
    fn a_choice_is_looked_for_only_if_the_gold_is_one() {
        let search = Search {
            is_choice: true,
            ..Search::of(Extraction::Lenient)
        };
        let candidate = extract("It is (C), since $x=4$.", search).unwrap();
        assert_eq!((candidate.rule, candidate.span), (ExtractionRule::Choice, 7..8));
        assert_eq!(found("It is (C), since $x=4$.", Extraction::Lenient).1, "last_math");
    }

    #[test]
    fn adjacent_boxes_are_merged_only_where_asked() {
        let response = "\\boxed{(2,2)} \\quad \\text{and} \\quad \\boxed{(6,2)}";
        assert_eq!(found(response, Extraction::Lenient).0, "(6,2)");
        let candidate = by(response, Extraction::Merged).unwrap();
        assert_eq!(candidate.merged.as_deref(), Some("(2,2), (6,2)"));
        assert_eq!(
            by("\\boxed{1}\n\nWait. \\boxed{2}", Extraction::Merged).unwrap().merged,
            None
        );
    }
}
