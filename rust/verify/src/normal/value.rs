//! From a syntax tree of one value to its normal form.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::Trouble;
use super::algebra::{product, sum};
use super::charge::bits;
use super::function::call;
use super::poly::{Atom, Poly};
use super::power::{power, root};
use crate::ast::Ast;
use crate::fuel::Fuel;
use crate::limits;

/// Steps that one node of the tree costs beside its arithmetic.
const NODE_STEPS: u64 = 6;

/// Names that are functions when something in parentheses follows.
const FUNCTION_NAMES: [&str; 8] = ["f", "g", "h", "F", "G", "\\phi", "\\Phi", "\\psi"];

/// Returns the normal form of one value for a test.
#[cfg(test)]
pub fn value_of(ast: &Ast, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    value(ast, true, fuel)
}

/// Returns the normal form of one value; `is_upper` takes the upper of open signs.
pub fn value(ast: &Ast, is_upper: bool, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    fuel.spend(NODE_STEPS)?;
    let of = |part: &Ast, fuel: &mut Fuel| value(part, is_upper, fuel);
    match ast {
        Ast::Number(literal) if bits(&literal.value) > limits::INTEGER_BITS => Err(Trouble::Limit),
        Ast::Number(literal) => Ok(Poly::constant(literal.value.clone())),
        Ast::Symbol(name) => Ok(Poly::named(name)),
        Ast::Neg(inner) => negative(&of(inner, fuel)?, fuel),
        Ast::PlusMinus(inner, is_minus_first) => {
            let inner = of(inner, fuel)?;
            if is_upper == *is_minus_first {
                negative(&inner, fuel)
            } else {
                Ok(inner)
            }
        }
        Ast::Sum(terms) => {
            let mut values = Vec::with_capacity(terms.len());
            for term in terms {
                values.push(Ok(of(term, fuel)?));
            }
            sum(values, fuel)
        }
        Ast::Product(factors) => {
            let mut out: Option<Poly> = None;
            for factor in factors {
                let factor = of(factor, fuel)?;
                out = Some(match out {
                    Some(known) => product(&known, &factor, fuel)?,
                    None => factor,
                });
            }
            Ok(out.unwrap_or_else(|| Poly::integer(1)))
        }
        Ast::Quotient(over, under) => quotient(&of(over, fuel)?, &of(under, fuel)?, fuel),
        Ast::Mixed(whole, fraction) => sum([of(whole, fuel), of(fraction, fuel)], fuel),
        Ast::Percent(inner) => {
            let hundredth = Poly::constant(RBig::from_parts(IBig::ONE, UBig::from(100_u8)));
            product(&of(inner, fuel)?, &hundredth, fuel)
        }
        Ast::Power(base, exponent) => {
            let (base, exponent) = (of(base, fuel)?, of(exponent, fuel)?);
            power(&base, &exponent, fuel)
        }
        Ast::Root(degree, radicand) => {
            let (degree, radicand) = (of(degree, fuel)?, of(radicand, fuel)?);
            root(&degree, &radicand, fuel)
        }
        Ast::Unit(inner, unit) if unit.is_degree() => {
            let turn = RBig::from_parts(IBig::ONE, UBig::from(180_u8));
            product(&of(inner, fuel)?, &Poly::atom(Atom::Pi).scaled(&turn), fuel)
        }
        Ast::Call(name, arguments) => {
            let arguments = arguments
                .iter()
                .map(|argument| of(argument, fuel))
                .collect::<Result<Vec<_>, _>>()?;
            call(name, &arguments, fuel)
        }
        Ast::Apply(name, arguments) => {
            let is_at_number = matches!(arguments.as_slice(), [Ast::Number(_)]);
            let arguments = arguments
                .iter()
                .map(|argument| of(argument, fuel))
                .collect::<Result<Vec<_>, _>>()?;
            applied(name, arguments, is_at_number, fuel)
        }
        Ast::NamedSet(letter) => Ok(Poly::named(&format!("\\mathbb {letter}"))),
        Ast::Based(digits, base) => Ok(Poly::named(&format!("{digits} in base {base}"))),
        _ => Err(Trouble::Unsupported),
    }
}

fn negative(value: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    fuel.spend(value.weight())?;
    Ok(value.negated())
}

fn quotient(over: &Poly, under: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let inverse = power(under, &Poly::integer(-1), fuel)?;
    product(over, &inverse, fuel)
}

/// Reads `f(x)` and `y(0)` as functions and `x(y + 1)` as a product.
fn applied(name: &str, mut arguments: Vec<Poly>, is_at_number: bool, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let plain = name.trim_end_matches('\'');
    let stem = plain.split('_').next().unwrap_or_default();
    let is_function =
        is_at_number || arguments.len() != 1 || plain.len() < name.len() || FUNCTION_NAMES.contains(&stem);
    match arguments.pop() {
        Some(only) if !is_function => product(&Poly::named(name), &only, fuel),
        last => {
            arguments.extend(last);
            fuel.spend(arguments.iter().map(Poly::weight).sum())?;
            Ok(Poly::call(name, arguments))
        }
    }
}
