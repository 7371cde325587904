//! Unicode to the ASCII and LaTeX that the lexer reads.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Returns the text with every character that has a LaTeX spelling spelled so, and the rest in NFKC.
pub fn to_latex(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut script = None;
    for c in text.chars() {
        let next = raised(c)
            .map(|digit| ('^', digit))
            .or_else(|| lowered(c).map(|digit| ('_', digit)));
        if script.is_some() && script != next.map(|(mark, _)| mark) {
            out.push('}');
        }
        if let Some((mark, digit)) = next {
            if script != Some(mark) {
                out.push(mark);
                out.push('{');
            }
            out.push(digit);
        } else {
            push(&mut out, c);
        }
        script = next.map(|(mark, _)| mark);
    }
    if script.is_some() {
        out.push('}');
    }
    Cow::Owned(out)
}

fn push(out: &mut String, c: char) {
    if c.is_ascii() {
        out.push(c);
    } else if let Some(latex) = spelling(c) {
        out.push_str(latex);
    } else {
        out.extend(std::iter::once(c).nfkc());
    }
}

fn raised(c: char) -> Option<char> {
    const DIGITS: [char; 12] = [
        '\u{2070}', '\u{b9}', '\u{b2}', '\u{b3}', '\u{2074}', '\u{2075}', '\u{2076}', '\u{2077}', '\u{2078}',
        '\u{2079}', '\u{207a}', '\u{207b}',
    ];
    let index = DIGITS.iter().position(|digit| *digit == c);
    index
        .and_then(|index| "0123456789+-".chars().nth(index))
        .or((c == '\u{207f}').then_some('n'))
}

fn lowered(c: char) -> Option<char> {
    let offset = u32::from(c).checked_sub(0x2080).filter(|offset| *offset < 10)?;
    char::from_digit(offset, 10)
}

fn spelling(c: char) -> Option<&'static str> {
    symbol(c).or_else(|| fraction(c)).or_else(|| greek(c))
}

fn symbol(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2212}' | '\u{2010}' | '\u{2011}' | '\u{2013}' | '\u{fe63}' | '\u{ff0d}' => "-",
        '\u{d7}' | '\u{2a2f}' => "\\times ",
        '\u{f7}' => "\\div ",
        '\u{b7}' | '\u{22c5}' | '\u{2219}' | '\u{2022}' => "\\cdot ",
        '\u{b0}' | '\u{ba}' => "^{\\circ}",
        '\u{221a}' => "\\sqrt ",
        '\u{221e}' => "\\infty ",
        '\u{b1}' => "\\pm ",
        '\u{2213}' => "\\mp ",
        '\u{2264}' | '\u{2a7d}' => "\\le ",
        '\u{2265}' | '\u{2a7e}' => "\\ge ",
        '\u{2260}' => "\\ne ",
        '\u{2248}' => "\\approx ",
        '\u{2208}' => "\\in ",
        '\u{222a}' => "\\cup ",
        '\u{2229}' => "\\cap ",
        '\u{2205}' | '\u{d8}' => "\\emptyset ",
        '\u{2228}' => "\\lor ",
        '\u{2227}' => "\\land ",
        '\u{211d}' => "\\mathbb{R}",
        '\u{2124}' => "\\mathbb{Z}",
        '\u{2032}' | '\u{2019}' => "'",
        '\u{2220}' => "\\angle ",
        '\u{2044}' | '\u{2215}' => "/",
        '\u{20ac}' => "\\text{euros}",
        '\u{a3}' => "\\text{pounds}",
        '\u{2061}'..='\u{2064}' | '\u{200b}'..='\u{200d}' | '\u{feff}' => "",
        _ => return None,
    })
}

fn fraction(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{bd}' => "\\frac{1}{2}",
        '\u{2153}' => "\\frac{1}{3}",
        '\u{2154}' => "\\frac{2}{3}",
        '\u{bc}' => "\\frac{1}{4}",
        '\u{be}' => "\\frac{3}{4}",
        '\u{2155}' => "\\frac{1}{5}",
        '\u{2156}' => "\\frac{2}{5}",
        '\u{2157}' => "\\frac{3}{5}",
        '\u{2158}' => "\\frac{4}{5}",
        '\u{2159}' => "\\frac{1}{6}",
        '\u{215a}' => "\\frac{5}{6}",
        '\u{215b}' => "\\frac{1}{8}",
        '\u{215c}' => "\\frac{3}{8}",
        '\u{215d}' => "\\frac{5}{8}",
        '\u{215e}' => "\\frac{7}{8}",
        _ => return None,
    })
}

fn greek(c: char) -> Option<&'static str> {
    Some(match c {
        'α' => "\\alpha ",
        'β' => "\\beta ",
        'γ' => "\\gamma ",
        'δ' => "\\delta ",
        'ε' => "\\epsilon ",
        'θ' => "\\theta ",
        'λ' => "\\lambda ",
        'μ' | 'µ' => "\\mu ",
        'π' => "\\pi ",
        'ρ' => "\\rho ",
        'σ' => "\\sigma ",
        'τ' => "\\tau ",
        'φ' => "\\phi ",
        'ω' => "\\omega ",
        'Δ' => "\\Delta ",
        'Ω' => "\\Omega ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_is_borrowed() {
        assert!(matches!(to_latex("x^2"), Cow::Borrowed("x^2")));
    }

    #[test]
    fn runs_of_superscripts_are_one_exponent() {
        assert_eq!(to_latex("2\u{b9}\u{2070}+1"), "2^{10}+1");
        assert_eq!(to_latex("x\u{2081}\u{b2}"), "x_{1}^{2}");
    }

    #[test]
    fn one_character_fractions_stay_fractions() {
        assert_eq!(to_latex("3\u{bd}"), "3\\frac{1}{2}");
    }

    #[test]
    fn signs_and_full_width_digits_are_folded() {
        assert_eq!(to_latex("\u{2212}\u{ff13}\u{200b}"), "-3");
        assert_eq!(to_latex("√2 × π"), "\\sqrt 2 \\times  \\pi ");
    }
}
