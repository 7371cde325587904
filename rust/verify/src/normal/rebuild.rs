//! A normal form built anew from its parts, with some of them replaced.

use dashu_ratio::RBig;

use super::Trouble;
use super::algebra::{product, sum};
use super::function::call;
use super::logarithm::{LOG_UNIT, logarithm};
use super::poly::{Atom, Poly};
use super::power::power;
use crate::fuel::Fuel;

/// What a plain `\log` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The natural logarithm.
    Natural,
    /// The logarithm to base ten.
    Ten,
    /// Left open.
    #[cfg(test)]
    Open,
}

/// Returns whether a plain `\log` stands anywhere in a value.
pub fn has_open_base(poly: &Poly) -> bool {
    poly.any_atom(&|atom, _| matches!(atom, Atom::Call(name, _) if &**name == LOG_UNIT))
}

/// Returns a value with every plain `\log` taken to one base.
pub fn rebuilt(poly: &Poly, base: Base, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    fuel.spend(poly.weight())?;
    let mut terms = Vec::with_capacity(poly.len());
    for (atoms, value) in poly.terms() {
        let mut term = Poly::constant(value.clone());
        for (atom, exponent) in atoms {
            let exponent = rebuilt(exponent, base, fuel)?;
            let factor = power(&rebuilt_atom(atom, base, fuel)?, &exponent, fuel)?;
            term = product(&term, &factor, fuel)?;
        }
        terms.push(Ok(term));
    }
    sum(terms, fuel)
}

fn rebuilt_atom(atom: &Atom, base: Base, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    match atom {
        Atom::Integer(value) => Ok(Poly::constant(RBig::from(value.clone()))),
        Atom::Call(name, _) if &**name == LOG_UNIT => match base {
            Base::Natural => Ok(Poly::integer(1)),
            Base::Ten => power(&logarithm(&Poly::integer(10), fuel)?, &Poly::integer(-1), fuel),
            #[cfg(test)]
            Base::Open => Ok(Poly::atom(atom.clone())),
        },
        Atom::Call(name, arguments) => {
            let arguments: Result<Vec<Poly>, Trouble> =
                arguments.iter().map(|argument| rebuilt(argument, base, fuel)).collect();
            call(name, &arguments?, fuel)
        }
        Atom::Sum(inner) => rebuilt(inner, base, fuel),
        other => Ok(Poly::atom(other.clone())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::lexer::lex;
    use crate::normal::value_of;
    use crate::parser::parse;

    #[test]
    fn a_normal_form_is_its_own_normal_form() {
        for text in [
            "\\frac{1}{1+\\sqrt{2}}+x^{2/3}",
            "2^{n+1}-3\\cdot 2^n",
            "\\sin(x+\\frac{\\pi}{3})^3",
            "\\log_3 x+\\log y",
            "\\frac{(n+2)!}{k!}",
            "|3-2x|+\\lfloor x+\\frac52\\rfloor",
            "\\sqrt{x^2-2xy+y^2}",
            "\\arctan(-2)+\\tanh x",
        ] {
            let fuel = &mut Fuel::default();
            let value = value_of(&parse(lex(text, fuel).unwrap()).unwrap().ast, fuel).unwrap();
            assert_eq!(rebuilt(&value, Base::Open, fuel).unwrap(), value, "{text}");
        }
    }
}
