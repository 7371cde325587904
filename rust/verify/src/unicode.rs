//! Unicode to the ASCII and LaTeX that the lexer reads.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::repair::mended;

/// Returns the text with every character that has a LaTeX spelling spelled so, and the rest in NFKC.
pub fn to_latex(text: &str) -> Cow<'_, str> {
    let text = mended(text);
    if text.is_ascii() {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut script = None;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
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
            if matches!(c, '\u{221a}' | '\u{221b}') {
                // The sign reaches over all digits, where the command takes only one.
                let digits: String = std::iter::from_fn(|| characters.next_if(char::is_ascii_digit)).collect();
                out.extend(["{", &digits, "}"].into_iter().filter(|_| !digits.is_empty()));
            }
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
        '\u{2201}' => "\\complement ",
        '\u{2103}' => "^{\\circ}C",
        '\u{2109}' => "^{\\circ}F",
        '\u{228a}' => "\\subsetneq ",
        '\u{2209}' => "\\notin ",
        '\u{2200}' => "\\forall ",
        '\u{2203}' => "\\exists ",
        '\u{ac}' => "\\neg ",
        '\u{2282}' => "\\subset ",
        '\u{2283}' => "\\supset ",
        '\u{2286}' => "\\subseteq ",
        '\u{2287}' => "\\supseteq ",
        '\u{2261}' => "\\equiv ",
        '\u{2245}' => "\\cong ",
        '\u{223c}' => "\\sim ",
        '\u{22a5}' | '\u{27c2}' => "\\perp ",
        '\u{2225}' => "\\parallel ",
        '\u{221d}' => "\\propto ",
        '\u{2190}'..='\u{2193}' | '\u{27f6}' => "\\to ",
        '\u{21d2}' => "\\Rightarrow ",
        '\u{21d4}' => "\\iff ",
        '\u{2211}' => "\\sum ",
        '\u{220f}' => "\\prod ",
        '\u{222b}' => "\\int ",
        '\u{25b3}' => "\\triangle ",
        '\u{22ef}' => "\\ldots ",
        '\u{2223}' => "\\mid ",
        '\u{2016}' => "\\Vert ",
        '\u{27e8}' | '\u{2329}' => "\\langle ",
        '\u{27e9}' | '\u{232a}' => "\\rangle ",
        '\u{221b}' => "\\sqrt[3]",
        '\u{c5}' | '\u{212b}' => "\\text{angstrom}",
        '\u{222a}' => "\\cup ",
        '\u{2229}' => "\\cap ",
        '\u{2205}' | '\u{d8}' => "\\emptyset ",
        '\u{2228}' | '\u{6216}' => "\\lor ",
        '\u{2227}' | '\u{4e14}' => "\\land ",
        '\u{211d}' => "\\mathbb{R}",
        '\u{2124}' => "\\mathbb{Z}",
        '\u{2115}' => "\\mathbb{N}",
        '\u{211a}' => "\\mathbb{Q}",
        '\u{2102}' => "\\mathbb{C}",
        '\u{2032}' | '\u{2019}' | '\u{2018}' => "'",
        '\u{2033}' => "''",
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
        'η' => "\\eta ",
        'ξ' => "\\xi ",
        'λ' => "\\lambda ",
        'μ' | 'µ' => "\\mu ",
        'π' => "\\pi ",
        'ρ' => "\\rho ",
        'σ' => "\\sigma ",
        'τ' => "\\tau ",
        'φ' | 'ϕ' => "\\phi ",
        'ω' => "\\omega ",
        'Γ' => "\\Gamma ",
        'Θ' => "\\Theta ",
        'Λ' => "\\Lambda ",
        'Σ' => "\\Sigma ",
        'Φ' => "\\Phi ",
        'Ψ' => "\\Psi ",
        'ψ' => "\\psi ",
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
        assert_eq!(to_latex("√12 × π"), "\\sqrt {12} \\times  \\pi ");
    }
}
