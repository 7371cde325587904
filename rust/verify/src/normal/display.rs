//! Normal forms in words, for explanations.

use std::fmt;

use super::form::{Form, Scalar, Shape};

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
                    Shape::Row | Shape::Matrix => ("[".to_owned(), "]".to_owned()),
                    Shape::List => (String::new(), String::new()),
                };
                write!(out, "{open}{}{close}", joined(items, ", "))
            }
            Self::Equation(name, members) => {
                let name = name.as_ref().map_or(String::new(), |name| format!("{name} = "));
                write!(out, "{name}{}", joined(members, " = "))
            }
            Self::Range(name, interval) => write!(out, "{name} in {interval}"),
            Self::Inequality(difference, is_closed) => {
                write!(out, "{difference} {} 0", if *is_closed { ">=" } else { ">" })
            }
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
