//! Normal forms in words, for explanations.

use std::fmt;

use super::form::{Form, Scalar, Shape};
use super::poly::{Atom, Poly};

impl fmt::Display for Form {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => {
                write!(out, "{}", scalar.value)?;
                write!(
                    out,
                    "{}{}",
                    if scalar.is_percent { " (percent)" } else { "" },
                    unit_mark(scalar)
                )
            }
            Self::Infinity(is_negative) => write!(out, "{}infinity", if *is_negative { "-" } else { "" }),
            Self::Based(digits, base) => write!(out, "{digits} in base {base}"),
            Self::Several(shape, items) => {
                let (open, close) = match shape {
                    Shape::Bracket(open, close) => (open.to_string(), close.to_string()),
                    Shape::Set => ("{".to_owned(), "}".to_owned()),
                    Shape::Union => ("union(".to_owned(), ")".to_owned()),
                    Shape::Difference => ("difference(".to_owned(), ")".to_owned()),
                    Shape::Ratio => ("ratio(".to_owned(), ")".to_owned()),
                    Shape::Row | Shape::Matrix => ("[".to_owned(), "]".to_owned()),
                    Shape::List => (String::new(), String::new()),
                };
                write!(out, "{open}{}{close}", joined(items, ", "))
            }
            Self::Equation(_, members) => write!(out, "{}", joined(members, " = ")),
            Self::Range(name, interval) => write!(out, "{name} in {interval}"),
            Self::Inequality(difference, is_closed) => {
                write!(out, "{difference} {} 0", if *is_closed { ">=" } else { ">" })
            }
            Self::Ordering(members, _) => write!(out, "{}", joined(members, " before ")),
            Self::NotEqual(difference) => write!(out, "{difference} != 0"),
            Self::NamedSet(letter) => write!(out, "the set {letter}"),
            Self::Text(words) => write!(out, "the words {words:?}"),
        }
    }
}

fn unit_mark(scalar: &Scalar) -> String {
    scalar.unit.as_ref().map_or_else(String::new, |unit| format!(" {unit}"))
}

fn joined(items: &[Form], separator: &str) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(separator)
}

impl fmt::Display for Poly {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return write!(out, "0");
        }
        for (index, (monomial, value)) in self.terms().enumerate() {
            if index > 0 {
                write!(out, " + ")?;
            }
            if monomial.is_empty() || !value.is_one() {
                write!(out, "{value}")?;
            }
            for (place, (atom, exponent)) in monomial.iter().enumerate() {
                let separator = if place > 0 || !value.is_one() { "*" } else { "" };
                write!(out, "{separator}{atom}")?;
                match exponent.as_integer() {
                    Some(1) => {}
                    Some(power) if power >= 0 => write!(out, "^{power}")?,
                    _ => write!(out, "^({exponent})")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(out, "{value}"),
            Self::Pi => write!(out, "pi"),
            Self::E => write!(out, "e"),
            Self::I => write!(out, "i"),
            Self::Symbol(name) => write!(out, "{name}"),
            Self::Sum(inner) => write!(out, "({})", **inner),
            Self::Call(name, arguments) => {
                let listed: Vec<String> = arguments.iter().map(ToString::to_string).collect();
                write!(out, "{name}({})", listed.join(", "))
            }
        }
    }
}
