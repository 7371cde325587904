//! How precisely a decimal is stated.

use dashu_int::UBig;
use dashu_ratio::RBig;

use crate::ast::{Ast, Literal};

/// Largest power of ten that a precision is scaled by.
const EXPONENT: i64 = 400;

/// What one unit in the last place of a decimal is worth, and how many digits of it count.
#[derive(Debug, Clone, PartialEq)]
pub struct Precision {
    /// One unit in the last place.
    pub step: RBig,
    /// Significant digits.
    pub digits: usize,
    /// Whether the value says of itself that it is rough.
    pub is_rough: bool,
}

impl Precision {
    /// Returns the precision of a decimal, in percent or with a power of ten if need be; none of anything exact.
    pub fn of(ast: &Ast) -> Option<Self> {
        match ast {
            Ast::Number(literal) => Self::stated(literal),
            Ast::Neg(inner) => Self::of(inner),
            Ast::Percent(inner) => Some(Self::of(inner)?.scaled(&power_of_ten(-2)?)),
            Ast::Product(factors) => match factors.as_slice() {
                [Ast::Number(mantissa), Ast::Power(ten, exponent)] if is_ten(ten) => {
                    Some(Self::stated(mantissa)?.scaled(&power_of_ten(whole(exponent)?)?))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the precision after the value is multiplied by a positive factor.
    pub fn scaled(self, factor: &RBig) -> Self {
        Self {
            step: self.step * factor,
            ..self
        }
    }

    fn stated(literal: &Literal) -> Option<Self> {
        let decimals = i64::try_from(literal.decimals).ok()?;
        (literal.significant > 0).then_some(Self {
            step: power_of_ten(-decimals)?,
            digits: literal.significant,
            is_rough: false,
        })
    }
}

fn is_ten(ast: &Ast) -> bool {
    matches!(ast, Ast::Number(literal) if literal.value == RBig::from(UBig::from(10_u8)))
}

fn whole(ast: &Ast) -> Option<i64> {
    match ast {
        Ast::Number(literal) if literal.value.is_int() => i64::try_from(literal.value.numerator()).ok(),
        Ast::Neg(inner) => whole(inner).map(|value| -value),
        _ => None,
    }
}

fn power_of_ten(exponent: i64) -> Option<RBig> {
    if exponent.abs() > EXPONENT {
        return None;
    }
    let power = RBig::from(UBig::from(10_u8).pow(usize::try_from(exponent.unsigned_abs()).ok()?));
    Some(if exponent < 0 { RBig::ONE / power } else { power })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fuel::Fuel;
    use crate::lexer::lex;
    use crate::parser::parse;

    fn precision(text: &str) -> Option<(String, usize)> {
        let answer = parse(lex(text, &mut Fuel::default()).unwrap()).unwrap();
        Precision::of(&answer.ast).map(|precision| (precision.step.to_string(), precision.digits))
    }

    #[test]
    fn decimals_state_their_last_place() {
        assert_eq!(precision("27.10"), Some(("1/100".to_owned(), 4)));
        assert_eq!(precision("-0.05"), Some(("1/100".to_owned(), 1)));
        assert_eq!(precision("16.9\\%"), Some(("1/1000".to_owned(), 3)));
        assert_eq!(precision("6.32\\times10^{3}"), Some(("10".to_owned(), 3)));
        assert_eq!(precision("6.32\\cdot10^{-2}"), Some(("1/10000".to_owned(), 3)));
    }

    #[test]
    fn exact_values_state_none() {
        for text in ["27", "\\frac12", "0.\\overline3", "3.5+x", "2.5\\cdot10^{9999}"] {
            assert_eq!(precision(text), None, "{text}");
        }
    }
}
