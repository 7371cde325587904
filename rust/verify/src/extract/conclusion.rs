//! What prose concludes behind the last formula: `Therefore the cost is indeed 29 cents.`

use std::ops::Range;

use memchr::memmem;

use super::fallback::last_math;

type Hit = Option<(Range<usize>, usize)>;

/// What may stand between the verb and the number that it states.
const ADVERBS: [&str; 5] = ["indeed ", "exactly ", "therefore ", "thus ", "equal to "];
/// Most words behind the number, such as a unit, and most characters that they have.
const UNIT_WORDS: usize = 2;
const UNIT_CHARACTERS: usize = 48;

/// Returns the number that prose states behind the last formula.
pub fn stated_last(text: &str) -> Hit {
    let (formula, _) = last_math(text)?;
    stated(text, formula.end)
}

/// Returns the number that prose states from `from` on, as in `so the cost is indeed 29 cents.`
fn stated(text: &str, from: usize) -> Hit {
    let tail = text.get(from..)?;
    let verbs = memmem::find_iter(tail.as_bytes(), " is ");
    let numbers = verbs.filter_map(|verb| number_at(tail, verb + " is ".len()));
    numbers.last().map(|span| (from + span.start..from + span.end, 1))
}

/// Returns the number that begins here or after adverbs, if nothing but a unit follows in its sentence.
fn number_at(text: &str, start: usize) -> Option<Range<usize>> {
    let mut rest = text.get(start..)?;
    while let Some(after) = ADVERBS.iter().find_map(|adverb| rest.strip_prefix(adverb)) {
        rest = after;
    }
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | ',' | '/' | '%');
    let number = rest.split(|c: char| !is_part(c)).next()?.trim_end_matches(['.', ',']);
    if !number.ends_with(|c: char| c.is_ascii_digit() || c == '%') {
        return None;
    }
    let behind = rest.get(number.len()..)?;
    let mut ends = behind.char_indices().take(UNIT_CHARACTERS);
    let end = ends.find(|(_, c)| matches!(c, '.' | '\n')).map(|(end, _)| end);
    let unit = match end {
        Some(end) => behind.get(..end)?,
        None if behind.len() < UNIT_CHARACTERS => behind,
        None => return None,
    };
    let is_unit = unit.chars().all(|c| c.is_alphabetic() || c == ' ') && unit.split_whitespace().count() <= UNIT_WORDS;
    let start = text.len() - rest.len();
    is_unit.then(|| start..start + number.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_states_a_number() {
        let taken = |text: &'static str| stated(text, 0).and_then(|(span, _)| text.get(span));
        assert_eq!(taken("so the cost is indeed 29 cents."), Some("29"));
        assert_eq!(taken("the sum is 1,234.5.\nI am sure."), Some("1,234.5"));
        assert_eq!(taken("it is 7 more than twice that."), None);
        assert_eq!(taken("it is 7/8 of it, or is it?"), None);
        assert_eq!(taken("it is right"), None);
    }
}
