//! Left sides that say nothing but what a value is called.

use crate::ast::Ast;

/// Symbols that are numbers or operators, and no names where they stand beside others.
const NO_NAMES: [&str; 5] = ["\\pi", "e", "i", "d", "\\partial"];

/// Returns the name that a left side gives, if it is nothing but a name.
///
/// Beside single letters these are `f(x)`, `(x, y)`, segments such as `AB`, derivatives, `\Delta p`, and quotients and
/// powers of names as in `\frac{V_o}{V_i}` and `y^s`. A product of plain letters is none: `xy = 6` is an equation.
pub fn name_of(ast: &Ast) -> Option<String> {
    match ast {
        Ast::Symbol(name) => Some(name.clone()),
        Ast::Bracket('(', items, ')') | Ast::List(items) => {
            let names: Option<Vec<String>> = items.iter().map(name_of).collect();
            Some(format!("({})", names?.join(",")))
        }
        Ast::Quotient(over, under) => Some(format!("{}/{}", quantity(over)?, quantity(under)?)),
        Ast::Power(base, exponent) => match (base.as_ref(), exponent.as_ref()) {
            (Ast::Symbol(_), Ast::Symbol(_)) => Some(format!("{}^{}", quantity(base)?, quantity(exponent)?)),
            _ => None,
        },
        Ast::Ratio(parts) => {
            let names: Option<Vec<String>> = parts.iter().map(quantity).collect();
            Some(names?.join(":"))
        }
        other => quantity(other),
    }
}

/// Returns the name of something that may stand above or below a fraction bar.
fn quantity(ast: &Ast) -> Option<String> {
    match ast {
        Ast::Symbol(name) if !NO_NAMES.contains(&name.as_str()) => Some(name.clone()),
        Ast::Apply(name, arguments) => {
            let names: Option<Vec<String>> = arguments.iter().map(argument).collect();
            Some(format!("{name}({})", names?.join(",")))
        }
        Ast::Product(factors) => match factors.as_slice() {
            [Ast::Symbol(operator), of] if matches!(operator.as_str(), "d" | "\\partial" | "\\Delta") => {
                Some(format!("{operator} {}", quantity(of)?))
            }
            _ => factors.iter().map(point).collect(),
        },
        Ast::Call(name, arguments) if name == "abs" => match arguments.as_slice() {
            [segment @ Ast::Product(_)] => quantity(segment),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the name of a point.
fn point(ast: &Ast) -> Option<&str> {
    match ast {
        Ast::Symbol(name) if name.chars().all(char::is_uppercase) => Some(name),
        _ => None,
    }
}

fn argument(ast: &Ast) -> Option<String> {
    match ast {
        Ast::Number(literal) => Some(literal.value.to_string()),
        other => name_of(other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fuel::Fuel;
    use crate::lexer::lex;
    use crate::parser::parse;

    fn name(text: &str) -> Option<String> {
        let equation = format!("{text}=1");
        match parse(lex(&equation, &mut Fuel::default()).unwrap()).unwrap().ast {
            Ast::Chain(members, _) => name_of(members.first().unwrap()),
            _ => None,
        }
    }

    #[test]
    fn what_only_names_a_value_is_a_name() {
        for text in [
            "x",
            "x_1",
            "f(x)",
            "x(t)",
            "f(0)",
            "(x,y)",
            "(f(n), g(n))",
            "AB",
            "|AB|",
            "\\Delta p",
            "\\frac{dy}{dx}",
            "\\frac{V_o(s)}{V_i(s)}",
            "\\frac{NO}{BO}",
            "V_1:V_2",
            "y^s",
            "y'",
        ] {
            assert!(name(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_could_be_solved_or_computed_is_none() {
        for text in [
            "xy",
            "2x",
            "x+y",
            "x^2",
            "5",
            "\\frac{x}{2}",
            "|x|",
            "\\frac{\\pi}{x}",
            "e^x",
            "(1,y)",
            "f(2x)",
        ] {
            assert_eq!(name(text), None, "{text}");
        }
    }
}
