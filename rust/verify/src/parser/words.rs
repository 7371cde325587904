//! Answers in words: plain words, names of substances, sentences with formulas in them.

use crate::commands;
use crate::token::{Kind, Token};

/// Symbols of the chemical elements that formulas in answers are made of.
const ELEMENTS: [&str; 44] = [
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar", "K", "Ca",
    "Ti", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "As", "Se", "Br", "Kr", "Ag", "Cd", "Sn", "I", "Xe", "Ba", "Pt",
    "Au", "Hg", "Pb", "D", "U",
];

/// Words that are answers and as short as products of names.
const SHORT_WORDS: [&str; 8] = ["yes", "no", "odd", "all", "any", "nil", "win", "tie"];

/// Returns the words of an answer that is prose throughout; a list of words is left to be read member by member.
pub fn words_only(tokens: &[Token]) -> Option<String> {
    let is_wordy = |token: &Token| {
        matches!(
            token.kind,
            Kind::Text(_) | Kind::Word(_) | Kind::Mark('-' | '.' | '!' | '?' | '{' | '}' | '\'' | '"')
        )
    };
    let is_minus_first = tokens.first().is_some_and(|token| token.kind.is('-'));
    if !tokens.iter().all(is_wordy) || is_minus_first || !is_prose(tokens) {
        return None;
    }
    let parts: Vec<&[Token]> = tokens.split(|token| is_separator_word(&token.kind)).collect();
    let is_list = parts.len() > 1 && parts.iter().all(|part| is_prose(part));
    (!is_list).then(|| text_of(tokens))
}

/// Returns whether an answer holds a word that is no name, function or unit of mathematics.
pub fn is_prose(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| match &token.kind {
        Kind::Text(word) => word.chars().count() > 1 && !is_separator(word),
        Kind::Word(word) => is_prose_word(word),
        _ => false,
    })
}

/// Returns whether letters outside of prose can only be a word.
pub fn is_prose_word(word: &str) -> bool {
    let is_name = commands::function(word).is_some() || commands::letter(word).is_some();
    let is_capital = word.chars().count() > 1 && word.chars().all(char::is_uppercase);
    let is_short = SHORT_WORDS.iter().any(|short| word.eq_ignore_ascii_case(short));
    (word.chars().count() > 3 || is_capital || is_short) && !is_name && !matches!(word, "infty" | "sqrt" | "frac")
}

/// Returns everything an answer says as words with single spaces, without full stops, quotes and hyphens.
pub fn text_of(tokens: &[Token]) -> String {
    let mut out = String::new();
    for (place, token) in tokens.iter().enumerate() {
        let is_before_word = tokens
            .get(place + 1)
            .is_some_and(|next| matches!(next.kind, Kind::Text(_) | Kind::Word(_)));
        match &token.kind {
            Kind::Mark('.' | '!' | '?' | '{' | '}' | '\'' | '"') => continue,
            Kind::Mark('-') if is_before_word && !token.is_spaced && !out.is_empty() => continue,
            _ => {}
        }
        if !out.is_empty() {
            out.push(' ');
        }
        match &token.kind {
            Kind::Text(word) => out.push_str(word),
            kind => kind.spell(&mut out),
        }
    }
    out
}

pub fn is_separator(word: &str) -> bool {
    ["and", "or"]
        .iter()
        .any(|separator| word.eq_ignore_ascii_case(separator))
}

fn is_separator_word(kind: &Kind) -> bool {
    matches!(kind, Kind::Text(word) | Kind::Word(word) if is_separator(word))
}

/// Returns a chemical formula of two elements or more, in which the subscripts are numbers of atoms.
pub fn formula(tokens: &[Token]) -> Option<String> {
    let mut out = String::new();
    let (mut elements, mut has_count) = (0, false);
    for (index, token) in tokens.iter().enumerate() {
        if token.is_spaced && index > 0 {
            return None;
        }
        match &token.kind {
            Kind::Word(letters) | Kind::Text(letters) => {
                elements += count_elements(letters)?;
                out.push_str(letters);
            }
            Kind::Number(digits) if elements > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                has_count = true;
                out.push_str(digits);
            }
            Kind::Mark('_' | '{' | '}') if elements > 0 => {}
            _ => return None,
        }
    }
    (elements > 1 && has_count).then_some(out)
}

/// Returns how many symbols of elements letters are made of; none if they are anything else.
fn count_elements(letters: &str) -> Option<usize> {
    let mut rest = letters;
    let mut count = 0;
    while !rest.is_empty() {
        let width = (1..=2)
            .rev()
            .find(|width| rest.get(..*width).is_some_and(|head| ELEMENTS.contains(&head)))?;
        rest = rest.get(width..).unwrap_or_default();
        count += 1;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fuel::Fuel;
    use crate::lexer::lex;
    use crate::unicode::to_latex;

    fn tokens(text: &str) -> Vec<Token> {
        lex(&to_latex(text), &mut Fuel::default()).unwrap()
    }

    #[test]
    fn formulas_of_substances_are_read_with_their_subscripts() {
        for text in [
            "C11H12O2",
            "C\u{2081}\u{2081}H\u{2081}\u{2082}O\u{2082}",
            "C_{11}H_{12}O_2",
        ] {
            assert_eq!(formula(&tokens(text)).unwrap(), "C11H12O2", "{text}");
        }
        for text in ["2AB", "x2y", "CH", "B2", "C 2 H 2"] {
            assert_eq!(formula(&tokens(text)), None, "{text}");
        }
    }

    #[test]
    fn words_are_prose_and_names_are_not() {
        assert_eq!(words_only(&tokens("ethyl benzoate")).unwrap(), "ethyl benzoate");
        assert_eq!(words_only(&tokens("xy")), None);
        assert_eq!(words_only(&tokens("line and circle")), None);
        assert!(is_prose(&tokens("2-(4-methylstyryl)oxirane")));
    }
}
