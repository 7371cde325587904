//! The normal form: sums of products of atoms with exact rational coefficients.
//!
//! `poly` is the data, `visit` a walk through it, `shared` its larger parts, `algebra` its arithmetic, `charge` what that
//! costs. `power`, `integer`, `function`, `trigonometry`, `logarithm` and `factorial` hold what is known of each
//! operation; `value` leads from a syntax tree to a normal form, `rebuild` from one normal form to another, `equal` tells
//! whether two are the same. `form`, `relation`, `matrix`, `open_sign`, `name` and `precision` are answers that are more
//! than one value, `display` all of it in words.
//! Numbers never become floating point.

mod algebra;
mod charge;
mod display;
mod equal;
mod factorial;
mod form;
mod function;
mod integer;
mod logarithm;
mod matrix;
mod name;
mod open_sign;
mod poly;
mod power;
mod precision;
mod rebuild;
mod relation;
mod shared;
mod trigonometry;
mod value;
mod visit;

pub use algebra::{product, times};
pub use equal::{Sameness, sameness};
pub use factorial::factorial_of;
pub use form::{Form, Normaliser, Scalar, Shape};
pub use poly::{Atom, Poly};
pub use precision::Precision;
#[cfg(test)]
pub use value::value_of;

use crate::fuel::Exhausted;

/// Why there is no normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A limit or the step budget was reached.
    Limit,
    /// The value does not exist, such as 1/0.
    Undefined,
    /// The form is not one of those known here.
    Unsupported,
}

impl From<Exhausted> for Trouble {
    fn from(Exhausted: Exhausted) -> Self {
        Self::Limit
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fuel::Fuel;
    use crate::lexer::lex;
    use crate::parser::parse;

    fn form(text: &str) -> Result<String, Trouble> {
        let fuel = &mut Fuel::default();
        let answer = parse(lex(text, fuel).unwrap()).map_err(|_| Trouble::Unsupported)?;
        Normaliser {
            fuel,
            keeps_rough: false,
        }
        .form(&answer.ast)
        .map(|form| form.to_string())
    }

    fn compared(left: &str, right: &str) -> Sameness {
        let fuel = &mut Fuel::default();
        let mut poly = |text: &str| {
            let answer = parse(lex(text, fuel).unwrap()).unwrap();
            value::value(&answer.ast, true, fuel).unwrap()
        };
        let (left, right) = (poly(left), poly(right));
        sameness(&left, &right, fuel).unwrap()
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(form("0.1+0.2").unwrap(), "3/10");
        assert_eq!(form("5.89\\times10^{-7}").unwrap(), form("0.000000589").unwrap());
        assert_eq!(form("0.1\\overline{6}").unwrap(), "1/6");
        assert_eq!(form("-3\\frac12").unwrap(), "-7/2");
    }

    #[test]
    fn equal_expressions_are_equal() {
        let pairs = [
            ("\\sqrt{12}", "2\\sqrt3"),
            ("\\frac{1}{\\sqrt2}", "\\frac{\\sqrt2}{2}"),
            ("\\frac{1}{\\sqrt3+1}", "\\frac{\\sqrt3-1}{2}"),
            ("\\sqrt2\\sqrt3", "\\sqrt6"),
            ("\\sqrt[3]{-8}", "-2"),
            ("\\sqrt{-4}", "2i"),
            ("(x+1)^2", "x^2+2x+1"),
            ("\\frac{x^2-1}{x-1}", "x+1"),
            ("\\frac{2}{3}\\cdot 3^n", "2\\cdot3^{n-1}"),
            ("4^n", "2^{2n}"),
            ("\\log_2 8", "3"),
            ("\\log_{10} 2", "\\log 2"),
            ("\\ln x", "\\log x"),
            ("\\lg 1000", "3"),
            ("\\ln\\sqrt{8}", "\\frac32\\ln 2"),
            ("\\tanh t", "\\frac{e^{2t}-1}{e^{2t}+1}"),
            ("\\arccos x", "\\frac{\\pi}{2}-\\arcsin x"),
            ("\\frac{(n-1)!}{k!}\\frac{n}{(n-k)!}", "\\binom{n}{k}"),
            ("\\frac{d!}{2k(d-k)!}", "\\frac{\\binom{d}{k}(k-1)!}{2}"),
            ("\\binom{n}{2}", "\\frac{n(n-1)}{2}"),
            ("\\binom{n}{k}", "\\binom{n}{n-k}"),
            ("\\binom{n}{k}+\\binom{n}{k+1}", "\\binom{n+1}{k+1}"),
            ("|2-x|", "|x-2|"),
            ("\\sqrt{x^2}", "|x|"),
            ("\\lceil x\\rceil", "-\\lfloor -x\\rfloor"),
            ("\\lfloor\\pi\\rfloor", "3"),
            ("\\sqrt{-3}\\sqrt{-2}", "-\\sqrt6"),
            ("\\frac{1}{1+i}", "\\frac{1-i}{2}"),
            ("\\frac{\\log2}{\\log2-\\log3}", "-\\frac{\\ln2}{\\ln3-\\ln2}"),
            ("\\sin^2x+\\cos^2x", "1"),
            ("\\tan^2y+1", "\\sec^2y"),
            ("\\cosh t", "\\frac{e^t+e^{-t}}{2}"),
            ("\\binom{10}{3}", "120"),
            ("7^{7^7}", "7^{823543}"),
            ("\\frac{a}{b}+\\frac{c}{d}", "\\frac{ad+bc}{bd}"),
            (
                "\\frac{v}{r(1+r/s)^{3/2}}",
                "\\frac{v}{r}\\frac{1}{(1+\\frac{r}{s})^{3/2}}",
            ),
        ];
        for (left, right) in pairs {
            assert_eq!(compared(left, right), Sameness::Equal, "{left} and {right}");
        }
    }

    #[test]
    fn different_expressions_are_told_apart() {
        let pairs = [
            ("2\\sqrt3", "3\\sqrt2"),
            ("x", "5"),
            ("x+1", "x-1"),
            ("\\pi", "\\frac{22}{7}"),
            ("3\\frac12", "\\frac32"),
            ("(1/2)^{99}", "(1/2)^{98}"),
            ("\\frac{1}{2004!}", "\\frac{1}{2006!}"),
            ("\\ln 2", "\\log_{10} 2"),
            ("\\log 2", "\\log_2 3"),
            ("\\frac{n!}{k!}", "\\frac{n!}{(k-1)!}"),
            ("\\binom{n}{k}", "\\binom{n}{k+1}"),
            ("(2n)!", "2(n!)"),
            ("\\lfloor x\\rfloor", "x"),
            ("2+3i", "2-3i"),
        ];
        for (left, right) in pairs {
            assert_eq!(compared(left, right), Sameness::Different, "{left} and {right}");
        }
    }

    #[test]
    fn roots_of_squares_keep_their_sign_open() {
        assert_ne!(compared("\\sqrt{x^2}", "x"), Sameness::Equal);
        assert_ne!(compared("|x|", "x"), Sameness::Equal);
        assert_ne!(compared("\\sqrt{xy}", "\\sqrt{x}\\sqrt{y}"), Sameness::Equal);
    }

    #[test]
    fn what_algebra_leaves_open_is_evaluated() {
        assert_eq!(compared("\\sqrt{3+2\\sqrt2}", "1+\\sqrt2"), Sameness::Equal);
        assert_eq!(
            compared("e^{\\pi\\sqrt{163}}", "262537412640768744"),
            Sameness::Different
        );
    }

    #[test]
    fn what_cannot_be_evaluated_is_unknown() {
        assert_eq!(compared("f(x)", "f(x+1)"), Sameness::Unknown);
    }

    #[test]
    fn undefined_values_have_no_form() {
        for text in ["\\frac10", "0/0", "0^{-1}", "\\ln(0)", "(-3)!"] {
            assert_eq!(form(text), Err(Trouble::Undefined), "{text}");
        }
    }

    #[test]
    fn towers_and_long_work_are_never_carried_out() {
        assert!(form("9^{9^{9^9}}").is_ok());
        assert_eq!(form("(a+b+c+d+f)^{60}"), Err(Trouble::Limit));
        assert!(form("100000000!").is_ok());
    }

    #[test]
    fn open_signs_are_two_values() {
        assert_eq!(form("3\\pm\\sqrt2").unwrap(), form("3+\\sqrt2,3-\\sqrt2").unwrap());
    }

    #[test]
    fn inequalities_are_intervals() {
        assert_eq!(form("3<x").unwrap(), form("x>3").unwrap());
        assert_eq!(form("-2\\le x<7").unwrap(), form("7>x\\ge-2").unwrap());
    }
}
