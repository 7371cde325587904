//! Text that was damaged on its way here: escapes taken for control characters, doubled backslashes, HTML.
//!
//! A JSON or Python string that was written without escaping turns `\frac` into a form feed and `rac`; one that was
//! escaped twice turns it into `\\frac`. Both are common in data sets and have one reading only.

use std::borrow::Cow;

use crate::commands;

/// Tags and escapes of other notations, and what they mean here.
const FOREIGN: [(&str, &str); 10] = [
    ("<sup>", "^{"),
    ("</sup>", "}"),
    ("<sub>", "_{"),
    ("</sub>", "}"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&nbsp;", " "),
    ("\\u00b0", "^{\\circ}"),
    ("\\u00B0", "^{\\circ}"),
    ("\\u03c0", "\\pi "),
];

/// Returns the text as it was meant.
pub fn mended(text: &str) -> Cow<'_, str> {
    let text = undoubled(text);
    if !text.bytes().any(|byte| byte < b' ' || byte == b'<' || byte == b'&') && !text.contains("\\u0") {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest: &str = &text;
    while let Some(c) = rest.chars().next() {
        if let Some((foreign, meant)) = FOREIGN.iter().find(|(foreign, _)| rest.starts_with(foreign)) {
            out.push_str(meant);
            rest = rest.get(foreign.len()..).unwrap_or_default();
            continue;
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match escaped(c, rest) {
            Some(letter) => out.extend(['\\', letter]),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Returns the text without white space around it; a control character that was a command at its beginning stays.
pub fn trimmed(text: &str) -> &str {
    let bare = text.trim();
    let start = text.len() - text.trim_start().len();
    let before = text.get(..start).and_then(|before| before.chars().next_back());
    match before.filter(|c| escaped(*c, bare).is_some()) {
        Some(c) => text.get(start - c.len_utf8()..start + bare.len()).unwrap_or(bare),
        None => bare,
    }
}

/// Returns the letter whose escape became this control character, if a command follows.
fn escaped(c: char, rest: &str) -> Option<char> {
    let word = || {
        rest.split(|c: char| !c.is_ascii_alphabetic())
            .next()
            .unwrap_or_default()
    };
    let letter = match c {
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        // White space in its own right: only where nothing but a command can be meant.
        '\t' if commands::role(&format!("t{}", word())).is_some() => 't',
        '\n' if word().len() > 1 && commands::role(&format!("n{}", word())).is_some() => 'n',
        '\r' if word().len() > 1 && commands::role(&format!("r{}", word())).is_some() => 'r',
        _ => return None,
    };
    (!word().is_empty()).then_some(letter)
}

/// Returns the text with every backslash once, if every run of them is even and one stands before a command.
///
/// A matrix that is not escaped twice has single backslashes beside its doubled ones.
fn undoubled(text: &str) -> Cow<'_, str> {
    let is_command = |at: usize| {
        let next = text.as_bytes().get(at + 2);
        next.is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'{' | b'}'))
    };
    if !text.match_indices("\\\\").any(|(at, _)| is_command(at)) {
        return Cow::Borrowed(text);
    }
    let mut run = 0_usize;
    for byte in text.bytes() {
        if byte == b'\\' {
            run += 1;
        } else if run % 2 == 1 {
            return Cow::Borrowed(text);
        } else {
            run = 0;
        }
    }
    Cow::Owned(text.replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_before_letters_are_commands() {
        assert_eq!(mended("\u{c}rac{1}{2}"), "\\frac{1}{2}");
        assert_eq!(mended("5\text{ cm}"), "5\\text{ cm}");
        assert_eq!(mended("a \neq b"), "a \\neq b");
        assert_eq!(mended("1\n2\tor 3"), "1\n2\tor 3");
    }

    #[test]
    fn a_command_at_the_beginning_is_no_white_space() {
        assert_eq!(trimmed(" \u{c}rac12\n"), "\u{c}rac12");
        assert_eq!(trimmed("\text{a}"), "\text{a}");
        assert_eq!(trimmed("\n 12 \t"), "12");
    }

    #[test]
    fn backslashes_that_are_all_doubled_are_halved() {
        assert_eq!(mended("\\\\frac{1}{2}"), "\\frac{1}{2}");
        assert_eq!(mended("\\\\{x|x<1\\\\}"), "\\{x|x<1\\}");
        let matrix = "\\begin{matrix}1\\\\2\\end{matrix}";
        assert_eq!(mended(matrix), matrix);
        assert_eq!(mended("1 \\\\ 2"), "1 \\\\ 2");
    }

    #[test]
    fn tags_are_exponents_and_subscripts() {
        assert_eq!(mended("3<sup>x</sup>"), "3^{x}");
        assert_eq!(mended("1<x"), "1<x");
    }
}
