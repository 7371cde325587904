//! Extraction: from a response to the text of one candidate answer, or none.
//!
//! A list of named rules is tried in order and the first that finds something decides. Every rule is one linear scan.

mod boxed;
mod fallback;
mod phrase;
mod think;

use std::ops::Range;

use crate::profile::Extraction;

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
    /// The last formula: a fallback.
    LastMath,
    /// The last number: a fallback.
    LastNumber,
}

impl ExtractionRule {
    /// Returns the name that is reported.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boxed => "boxed",
            Self::AnswerPhrase => "answer_phrase",
            Self::Hash => "hash",
            Self::AnswerLine => "answer_line",
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
/// Text up to the last `</think>` is not searched. When strict, an unclosed `<think>` hides the whole response.
pub fn extract(response: &str, extraction: Extraction) -> Result<Candidate, Missing> {
    by_rules(response, extraction.rules(), extraction == Extraction::Strict)
}

/// Returns the answer that a gold answer in prose gives, if there is one.
///
/// A number by itself is not looked for: a bare gold answer such as `x \in [2,3]` holds some as well.
pub fn extract_gold(gold: &str) -> Option<Candidate> {
    use ExtractionRule::{AnswerLine, AnswerPhrase, Boxed, Hash, LastMath};
    by_rules(gold, &[Boxed, AnswerPhrase, Hash, AnswerLine, LastMath], false).ok()
}

fn by_rules(response: &str, rules: &[ExtractionRule], is_strict: bool) -> Result<Candidate, Missing> {
    let Some(start) = think::visible_from(response, is_strict) else {
        return Err(Missing::NoAnswer);
    };
    let text = response.get(start..).unwrap_or_default();
    for rule in rules {
        let found = match rule {
            ExtractionRule::Boxed => boxed::find(text, !is_strict)?,
            ExtractionRule::AnswerPhrase => phrase::after_phrase(text),
            ExtractionRule::Hash => phrase::after_hash(text),
            ExtractionRule::AnswerLine => phrase::after_label(text),
            ExtractionRule::LastMath => fallback::last_math(text),
            ExtractionRule::LastNumber => fallback::last_number(text),
        };
        if let Some((span, candidates)) = found {
            return settle(text, *rule, span, candidates, start);
        }
    }
    Err(Missing::NoAnswer)
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
    let trimmed = inner.trim();
    if is_placeholder(trimmed) {
        return Err(Missing::Empty);
    }
    let from = start + span.start + (inner.len() - inner.trim_start().len());
    Ok(Candidate {
        rule,
        span: from..from + trimmed.len(),
        candidates,
    })
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

    fn found(response: &str, extraction: Extraction) -> (&str, &'static str) {
        let candidate = extract(response, extraction).unwrap();
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
        assert_eq!(extract("The answer is 42.", Extraction::Strict), Err(Missing::NoAnswer));
    }

    #[test]
    fn thoughts_are_not_searched() {
        assert_eq!(found("<think>\\boxed{1}</think>\\boxed{2}", Extraction::Strict).0, "2");
        assert_eq!(
            extract("<think>\\boxed{1}</think> none", Extraction::Strict),
            Err(Missing::NoAnswer)
        );
        assert_eq!(extract("<think>\\boxed{1}", Extraction::Strict), Err(Missing::NoAnswer));
    }

    #[test]
    fn a_gold_answer_is_not_a_mere_number() {
        let rule = |gold| extract_gold(gold).map(|candidate| candidate.rule);
        assert_eq!(rule("work 7\n#### 40"), Some(ExtractionRule::Hash));
        assert_eq!(rule("so it is $[2,3]$"), Some(ExtractionRule::LastMath));
        assert_eq!(rule("x \\in [2,3]"), None);
    }

    #[test]
    fn placeholders_are_empty() {
        for response in ["\\boxed{}", "\\boxed{ }", "\\boxed{...}", "\\boxed{42}\\boxed{}"] {
            assert_eq!(
                extract(response, Extraction::Lenient),
                Err(Missing::Empty),
                "{response}"
            );
        }
    }
}
