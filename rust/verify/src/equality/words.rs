//! Words and choice letters.

use super::{Judge, Outcome};
use crate::normal::{Form, Shape};

/// Letters that name a choice.
const CHOICES: std::ops::RangeInclusive<char> = 'A'..='J';

/// Ways to say the same, each line one meaning, in folded words.
const SYNONYMS: [&[&str]; 5] = [
    &["yes", "true", "correct"],
    &["no", "false", "incorrect"],
    &[
        "no solution",
        "no solutions",
        "no real solution",
        "no real solutions",
        "none",
        "empty set",
        "there is no solution",
        "there are no solutions",
        "no such values",
    ],
    &[
        "infinitely many",
        "infinitely many solutions",
        "infinite",
        "infinity",
        "infinite solutions",
    ],
    &["does not exist", "dne", "undefined"],
];
/// Places in the table of what also has a form of its own.
const NOTHING: usize = 2;
const INFINITE: usize = 3;

impl Judge<'_> {
    pub(super) fn texts(&self, pred: &str, gold: &str) -> Outcome {
        let is_synonym = || meaning(pred).is_some() && meaning(pred) == meaning(gold);
        if pred == gold || (self.is_lenient() && folded(pred) == folded(gold)) {
            Outcome::Equal("text")
        } else if self.is_lenient() && is_synonym() {
            Outcome::Equal("synonym")
        } else {
            Outcome::Different
        }
    }
}

fn is_filler(word: &str) -> bool {
    matches!(word, "a" | "an" | "the" | "and")
}

/// Returns whether words say what the other side writes: no solution and the empty set, infinitely many and infinity.
pub(super) fn are_synonyms(pred: &Form, gold: &Form) -> bool {
    let ((Form::Text(words), other) | (other, Form::Text(words))) = (pred, gold) else {
        return false;
    };
    match other {
        Form::Several(Shape::Set, items) => items.is_empty() && meaning(words) == Some(NOTHING),
        Form::Infinity(false) => meaning(words) == Some(INFINITE),
        _ => false,
    }
}

fn meaning(words: &str) -> Option<usize> {
    let words = folded(words).join(" ");
    SYNONYMS.iter().position(|row| row.contains(&words.as_str()))
}

/// Returns words without case, articles, hyphens and punctuation; "and" separates as a comma does.
///
/// A minus sign stays: only between letters is it a hyphen.
fn folded(words: &str) -> Vec<String> {
    let lower = words.to_lowercase();
    lower
        .split(|mark: char| mark.is_whitespace() || matches!(mark, ',' | ';' | '.' | '!'))
        .flat_map(|word| {
            let has_sign = !word.contains(char::is_alphabetic);
            word.split(move |mark| mark == '-' && !has_sign)
        })
        .filter(|word| !word.is_empty() && !is_filler(word))
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
