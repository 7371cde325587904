//! What is searched for a candidate, and by which rules.

use std::str::FromStr;

use super::ExtractionRule;
use crate::profile::Extraction;

/// How a candidate is looked for in one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search<'a> {
    /// The rules in the order in which they are tried.
    pub rules: &'a [ExtractionRule],
    /// Whether an open box or an open thought leaves no answer.
    pub is_strict: bool,
    /// Whether boxes side by side are one list.
    pub merges_boxes: bool,
    /// Bytes at the beginning that are the prompt.
    pub prompt_bytes: usize,
    /// The tag that holds thoughts, without angle brackets; empty if there is none.
    pub think_tag: &'a str,
    /// Whether the gold answer is the letter of a choice.
    pub is_choice: bool,
}

impl Search<'static> {
    /// Returns the search of an extraction, of a response without its prompt.
    pub const fn of(extraction: Extraction) -> Self {
        Self {
            rules: extraction.rules(),
            is_strict: matches!(extraction, Extraction::Strict),
            merges_boxes: matches!(extraction, Extraction::Merged),
            prompt_bytes: 0,
            think_tag: "think",
            is_choice: false,
        }
    }
}

impl Search<'_> {
    /// Returns where the prompt ends, at the character that its last byte belongs to.
    pub(super) fn prompt_end(&self, response: &str) -> usize {
        let mut end = self.prompt_bytes.min(response.len());
        while !response.is_char_boundary(end) {
            end -= 1;
        }
        end
    }
}

/// Returns how many bytes at the beginning of a response repeat the prompt: all of it or nothing.
pub fn prompt_bytes(response: &str, prompt: &str) -> usize {
    if response.starts_with(prompt) { prompt.len() } else { 0 }
}

/// A name that is none of the extraction rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "extract={0:?} is unknown; use some of boxed, answer_phrase, hash, answer_line, choice, last_math, last_number"
)]
pub struct UnknownRule(String);

impl FromStr for ExtractionRule {
    type Err = UnknownRule;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|rule| rule.name() == name);
        found.ok_or_else(|| UnknownRule(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_rule_is_read_back_by_its_name() {
        for rule in ExtractionRule::ALL {
            assert_eq!(rule.name().parse::<ExtractionRule>().unwrap(), rule);
        }
        let message = "box".parse::<ExtractionRule>().unwrap_err().to_string();
        assert!(
            ExtractionRule::ALL.iter().all(|rule| message.contains(rule.name())),
            "{message}"
        );
    }

    #[test]
    fn a_prompt_that_is_not_repeated_hides_nothing() {
        assert_eq!(prompt_bytes("ab c", "ab "), 3);
        assert_eq!(prompt_bytes("c", "ab "), 0);
    }
}
