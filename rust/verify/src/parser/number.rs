//! Literals: integers, decimals, scientific notation, repeating decimals, mixed numbers, bases.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::{NotUnderstood, Parsed, Parser};
use crate::ast::{Ast, Literal};
use crate::limits;
use crate::token::Kind;

/// Decimal digits that hold the largest integer.
const DIGITS: usize = limits::INTEGER_BITS * 3 / 10;
/// Largest decimal exponent of scientific notation.
const EXPONENT: i64 = 1_000;

/// Names of bases from two on.
const BASES: [&str; 15] = [
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
    "fifteen", "sixteen",
];

impl Parser {
    /// Reads a number, the fraction of a mixed number, or the base that it is written in.
    pub(super) fn number(&mut self, digits: &str) -> Parsed {
        self.at += 1;
        if self.is('_') {
            return self.based(digits);
        }
        let whole = Self::literal(digits)?;
        if digits.contains(['.', 'e', 'E']) {
            return Ok(whole);
        }
        match self.fraction_of_mixed()? {
            Some(fraction) => Ok(Ast::Mixed(Box::new(whole), Box::new(fraction))),
            None => Ok(whole),
        }
    }

    pub(super) fn based(&mut self, digits: &str) -> Parsed {
        self.at += 1;
        let base = match self.argument(false)? {
            Ast::Number(base) if base.decimals == 0 => base.value.to_string(),
            Ast::Symbol(base) => base,
            Ast::Text(word) => {
                let base = BASES.iter().position(|name| *name == word).ok_or(NotUnderstood)?;
                (base + 2).to_string()
            }
            _ => return Err(NotUnderstood),
        };
        Ok(Ast::Based(digits.to_owned(), base))
    }

    /// Reads the fraction directly after a whole number: `\frac12`, or `1/2` after a space.
    fn fraction_of_mixed(&mut self) -> Result<Option<Ast>, NotUnderstood> {
        let start = self.at;
        if self.is_command("frac") {
            let fraction = self.operand()?;
            if is_integer_fraction(&fraction) {
                return Ok(Some(fraction));
            }
            self.at = start;
            return Ok(None);
        }
        let parts = (self.kind_at(0), self.kind_at(1), self.kind_at(2));
        let (Some(Kind::Number(over)), Some(Kind::Mark('/')), Some(Kind::Number(under))) = parts else {
            return Ok(None);
        };
        let fraction = Ast::Quotient(Box::new(Self::literal(over)?), Box::new(Self::literal(under)?));
        if !is_integer_fraction(&fraction) {
            return Err(NotUnderstood);
        }
        self.at += 3;
        Ok(Some(fraction))
    }

    /// Takes one digit of the number that comes next, leaving the others.
    pub(super) fn split_digit(&mut self) -> Option<String> {
        let Some(Kind::Number(digits)) = self.tokens.get_mut(self.at).map(|token| &mut token.kind) else {
            return None;
        };
        if digits.len() < 2 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let rest = digits.split_off(1);
        Some(std::mem::replace(digits, rest))
    }

    /// Reads `0.1\overline{6}`.
    pub(super) fn repeating(&mut self, fixed: &str, period: &str) -> Parsed {
        self.at += 1;
        let Ast::Number(start) = Self::literal(fixed)? else {
            return Err(NotUnderstood);
        };
        let digits: UBig = integer(period)?;
        let nines = power_of_ten(period.len()) - UBig::ONE;
        let tail = RBig::from_parts(IBig::from(digits), nines * power_of_ten(start.decimals));
        Ok(Ast::Number(Literal {
            value: start.value + tail,
            decimals: 0,
            significant: 0,
        }))
    }

    /// Returns the literal of digits with an optional point and exponent.
    pub(super) fn literal(text: &str) -> Parsed {
        if let Some(value) = short_integer(text) {
            return Ok(Ast::Number(Literal {
                value: RBig::from(UBig::from(value)),
                decimals: 0,
                significant: 0,
            }));
        }
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: UBig = integer(&format!("0{whole}{fraction}"))?;
        let exponent: i64 = exponent.parse().map_err(|_| NotUnderstood)?;
        if exponent.abs() > EXPONENT {
            return Err(NotUnderstood);
        }
        let shift = usize::try_from(exponent.unsigned_abs()).map_err(|_| NotUnderstood)?;
        let mut value = RBig::from_parts(IBig::from(digits), power_of_ten(fraction.len()));
        if exponent >= 0 {
            value *= RBig::from(power_of_ten(shift));
        } else {
            value /= RBig::from(power_of_ten(shift));
        }
        let significant = format!("{whole}{fraction}").trim_start_matches('0').len();
        Ok(Ast::Number(Literal {
            value,
            decimals: fraction.len(),
            // Scientific notation states its precision otherwise; it is never rounded.
            significant: if fraction.is_empty() || shift > 0 {
                0
            } else {
                significant
            },
        }))
    }
}

fn is_integer_fraction(fraction: &Ast) -> bool {
    let is_integer = |part: &Ast| matches!(part, Ast::Number(literal) if literal.decimals == 0);
    matches!(fraction, Ast::Quotient(over, under) if is_integer(over) && is_integer(under))
}

fn integer(digits: &str) -> Result<UBig, NotUnderstood> {
    if digits.len() > DIGITS {
        return Err(NotUnderstood);
    }
    digits.parse().map_err(|_| NotUnderstood)
}

/// Returns the value of digits that fit into a word.
fn short_integer(text: &str) -> Option<u64> {
    let is_short = text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_short.then(|| text.parse().ok()).flatten()
}

fn power_of_ten(exponent: usize) -> UBig {
    UBig::from(10_u8).pow(exponent)
}
