//! Words and choice letters.

use super::{Judge, Outcome};

/// Letters that name a choice.
const CHOICES: std::ops::RangeInclusive<char> = 'A'..='J';

impl Judge<'_> {
    pub(super) fn texts(&self, pred: &str, gold: &str) -> Outcome {
        let is_equal = if self.is_lenient() {
            folded(pred) == folded(gold)
        } else {
            pred == gold
        };
        if is_equal {
            Outcome::Equal("text")
        } else {
            Outcome::Different
        }
    }
}

/// Returns words without case, articles and hyphens.
fn folded(words: &str) -> Vec<String> {
    let lower = words.to_lowercase().replace('-', " ");
    let is_article = |word: &&str| matches!(*word, "a" | "an" | "the");
    lower
        .split_whitespace()
        .filter(|word| !is_article(word))
        .map(str::to_owned)
        .collect()
}

/// Returns the choice that an answer names: a single letter, in parentheses or prose if need be.
///
/// When lenient, what the choice says may follow, as in `C. 12` or `(C) 12`.
pub fn choice_letter(spelling: &str, is_lenient: bool) -> Option<char> {
    let trimmed = spelling.trim().trim_start_matches(['(', '{']).trim_start();
    let letter = trimmed.chars().next().filter(|letter| CHOICES.contains(letter))?;
    let after = trimmed.get(1..).unwrap_or_default().trim_start();
    let rest = after.trim_start_matches([')', '}', '.', ':', ' ']);
    let is_marked = after.starts_with([')', '.', ':']);
    (rest.is_empty() || (is_lenient && is_marked)).then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_alone_is_a_choice() {
        for text in ["C", "(C)", "C.", " C )"] {
            assert_eq!(choice_letter(text, false), Some('C'), "{text}");
        }
    }

    #[test]
    fn several_letters_are_none() {
        for text in ["A, B", "ABCD", "A or B", "x", "Monday", "K"] {
            assert_eq!(choice_letter(text, true), None, "{text}");
        }
    }

    #[test]
    fn text_after_the_letter_is_for_the_lenient() {
        assert_eq!(choice_letter("C. 12", false), None);
        assert_eq!(choice_letter("C. 12", true), Some('C'));
        assert_eq!(choice_letter("(C) Plane", true), Some('C'));
    }
}
