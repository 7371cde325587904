//! The letter of a choice, looked for only where the gold answer is one.

use std::ops::Range;

type Hit = Option<(Range<usize>, usize)>;

/// Letters that name a choice.
pub const LETTERS: std::ops::RangeInclusive<u8> = b'A'..=b'J';

/// Returns whether a gold answer is one letter from A to J, in parentheses, in prose or by itself.
pub fn is_choice(gold: &str) -> bool {
    let bare = gold.trim().trim_matches('$').trim();
    let bare = bare
        .strip_prefix("\\text{")
        .and_then(|inner| inner.strip_suffix('}'))
        .unwrap_or(bare);
    let bare = bare.trim().trim_start_matches('(').trim_end_matches([')', '.']);
    matches!(bare.as_bytes(), [letter] if LETTERS.contains(letter))
}

/// Returns the last letter that a response names as its choice: `(C)`, or a line that begins with `C.` or `C)`.
pub fn last_choice(text: &str) -> Hit {
    let bytes = text.as_bytes();
    let mut last: Option<usize> = None;
    let mut seen = [false; 10];
    for (at, letter) in bytes.iter().enumerate().filter(|(_, byte)| LETTERS.contains(byte)) {
        if is_named(text, at) {
            last = Some(at);
            if let Some(seen) = seen.get_mut(usize::from(letter - b'A')) {
                *seen = true;
            }
        }
    }
    let count = seen.iter().filter(|is_seen| **is_seen).count();
    last.map(|at| (at..at + 1, count))
}

/// Returns whether the letter at this byte stands as a choice.
fn is_named(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let after = text.get(at + 1..).unwrap_or_default();
    if before.ends_with('(') && after.starts_with(')') {
        return true;
    }
    let lead = before.trim_end_matches([' ', '\t', '*', '$', '{']);
    let is_first = lead.is_empty() || lead.ends_with('\n') || lead.ends_with("\\text") || lead.ends_with("\\textbf");
    let rest = after.trim_start_matches(['*', '}', '$']);
    is_first && (rest.is_empty() || rest.starts_with(['.', ')', ':', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Option<&str> {
        last_choice(text).and_then(|(span, _)| text.get(span))
    }

    #[test]
    fn a_letter_in_parentheses_or_at_a_line_is_a_choice() {
        assert_eq!(taken("(A) fails, so it must be (C) then"), Some("C"));
        assert_eq!(taken("Thus\nC. 12"), Some("C"));
        assert_eq!(taken("hence $\\text{(B)}$"), Some("B"));
        assert_eq!(taken("**D**"), Some("D"));
        assert_eq!(taken("A triangle is A BIG one"), None);
    }

    #[test]
    fn a_gold_of_one_letter_is_a_choice() {
        for gold in ["C", "(C)", "\\text{(C)}", "$C$", "C."] {
            assert!(is_choice(gold), "{gold}");
        }
        for gold in ["K", "AB", "x", "C = 1", ""] {
            assert!(!is_choice(gold), "{gold}");
        }
    }

    #[test]
    fn many_letters_take_one_pass() {
        assert_eq!(taken(&"A ".repeat(200_000)), None);
    }
}
