//! Arithmetic that an answer leaves to its reader.
//!
//! A question often contains its answer unevaluated: `47+86` is no answer to "what is 47+86?". Numbers, fractions that
//! are no integer, signs, mixed numbers, `a \times 10^n` and percentages are literals; each further operation on
//! constants counts.

use dashu_int::UBig;
use dashu_ratio::RBig;

use crate::ast::Ast;
use crate::fuel::Fuel;
use crate::normal::{Form, Normaliser, Trouble};

/// Returns the number of operations on constants that could be carried out.
pub fn undone(ast: &Ast, fuel: &mut Fuel) -> Result<usize, Trouble> {
    let left = undone_inside(ast, fuel)?;
    // Names that cancel leave a number; they are looked for in the value of the whole alone.
    let is_open = left == 0 && is_operation(ast) && !is_literal(ast);
    let is_hidden = is_open && value_if_rational(ast, fuel)?.is_some();
    Ok(left + usize::from(is_hidden))
}

fn undone_inside(ast: &Ast, fuel: &mut Fuel) -> Result<usize, Trouble> {
    if is_literal(ast) {
        return Ok(0);
    }
    let parts: Vec<&Ast> = match ast {
        // Of a chain, only what it arrives at is the answer.
        Ast::Chain(members, _) => members.last().into_iter().collect(),
        other => other.parts(),
    };
    let mut inside = 0;
    for part in &parts {
        inside += undone_inside(part, fuel)?;
    }
    let own = match ast {
        Ast::Sum(terms) if matches!(terms.first(), Some(Ast::Matrix(_))) => terms.len() - 1,
        Ast::Sum(_) => joined(ast, &RBig::ZERO, fuel)?,
        Ast::Product(_) => joined(ast, &RBig::ONE, fuel)?,
        Ast::Quotient(over, under) => usize::from(divides(over, under, fuel)?),
        Ast::Call(_, arguments) => usize::from(arguments.iter().all(is_constant)),
        Ast::Power(base, exponent) => usize::from(can_be_raised(base, exponent)),
        _ => 0,
    };
    let is_rational = own > 0 || (is_operation(ast) && rational(ast, fuel)?.is_some());
    Ok(inside + own.max(usize::from(is_rational)))
}

/// Returns whether a number is written out.
fn is_literal(ast: &Ast) -> bool {
    match ast {
        Ast::Number(_)
        | Ast::Symbol(_)
        | Ast::Based(..)
        | Ast::Mixed(..)
        | Ast::Infinity
        | Ast::Text(_)
        | Ast::NamedSet(_) => true,
        Ast::Neg(inner) | Ast::Percent(inner) | Ast::Unit(inner, _) | Ast::PlusMinus(inner, _) => is_literal(inner),
        Ast::Quotient(over, under) => match (integer(over), integer(under)) {
            (Some(over), Some(under)) if under != RBig::ZERO => *(over / under).denominator() != UBig::ONE,
            _ => false,
        },
        Ast::Product(factors) => match factors.as_slice() {
            [Ast::Number(_), Ast::Power(ten, exponent)] => {
                integer(ten) == Some(RBig::from(UBig::from(10_u8))) && integer(exponent).is_some()
            }
            _ => false,
        },
        _ => false,
    }
}

/// Returns the value of a signed whole number.
fn integer(ast: &Ast) -> Option<RBig> {
    match ast {
        Ast::Number(literal) if literal.decimals == 0 => Some(literal.value.clone()),
        Ast::Neg(inner) => integer(inner).map(|value| -value),
        _ => None,
    }
}

fn is_operation(ast: &Ast) -> bool {
    use Ast::{Apply, Call, Power, Product, Quotient, Root, Sum};
    matches!(
        ast,
        Sum(_) | Product(_) | Quotient(..) | Power(..) | Root(..) | Call(..) | Apply(..)
    )
}

/// Returns whether a power could be multiplied out, or left out as in `x^1`.
fn can_be_raised(base: &Ast, exponent: &Ast) -> bool {
    integer(exponent).is_some_and(|exponent| is_constant_sum(base) || exponent == RBig::ONE || exponent == RBig::ZERO)
}

fn is_constant_sum(ast: &Ast) -> bool {
    matches!(ast, Ast::Sum(_)) && is_constant(ast)
}

fn is_constant(ast: &Ast) -> bool {
    match ast {
        Ast::Symbol(name) => matches!(name.as_str(), "\\pi" | "e" | "i"),
        Ast::Number(_) => true,
        other => other.parts().into_iter().all(is_constant),
    }
}

/// Returns the value if it is rational and without names.
fn rational(ast: &Ast, fuel: &mut Fuel) -> Result<Option<RBig>, Trouble> {
    fuel.spend(ast_size(ast))?;
    if is_constant(ast) {
        value_if_rational(ast, fuel)
    } else {
        Ok(None)
    }
}

/// Returns the number of parts.
fn ast_size(ast: &Ast) -> u64 {
    ast.parts().into_iter().fold(1, |sum, part| sum + ast_size(part))
}

/// Returns the value if it is rational.
fn value_if_rational(ast: &Ast, fuel: &mut Fuel) -> Result<Option<RBig>, Trouble> {
    match (Normaliser {
        fuel,
        keeps_rough: false,
    })
    .form(ast)
    {
        Ok(Form::Scalar(scalar)) => Ok(scalar.value.as_constant()),
        Err(Trouble::Limit) => Err(Trouble::Limit),
        _ => Ok(None),
    }
}

fn rationals(parts: &[Ast], fuel: &mut Fuel) -> Result<Vec<RBig>, Trouble> {
    let mut found = Vec::new();
    for part in parts {
        found.extend(rational(part, fuel)?);
    }
    Ok(found)
}

/// Returns how often the rational terms of a sum, or factors of a product, could be put together.
///
/// Brackets make no difference, and what leaves the rest as it is, as in `n + 0`, could be left out.
fn joined(ast: &Ast, neutral: &RBig, fuel: &mut Fuel) -> Result<usize, Trouble> {
    let mut parts = Vec::new();
    flatten(ast, std::mem::discriminant(ast), &mut parts);
    let mut found = 0;
    let mut is_idle = false;
    for part in &parts {
        if let Some(value) = rational(part, fuel)? {
            found += 1;
            is_idle |= value == *neutral;
        }
    }
    Ok(if is_idle && parts.len() > 1 {
        found
    } else {
        found.saturating_sub(1)
    })
}

/// Collects the terms of a sum or the factors of a product, those of sums in sums and products in products included.
fn flatten<'a>(ast: &'a Ast, kind: std::mem::Discriminant<Ast>, out: &mut Vec<&'a Ast>) {
    let inner = match ast {
        Ast::Neg(inner) => inner,
        other => other,
    };
    match inner {
        Ast::Sum(parts) | Ast::Product(parts) if std::mem::discriminant(inner) == kind => {
            for part in parts {
                flatten(part, kind, out);
            }
        }
        _ => out.push(inner),
    }
}

/// Returns whether the rational factors above divide by those below without remainder.
fn divides(over: &Ast, under: &Ast, fuel: &mut Fuel) -> Result<bool, Trouble> {
    let over = coefficient(over, fuel)?;
    let under = coefficient(under, fuel)?;
    let is_one = under == RBig::ONE || under == -RBig::ONE;
    Ok(!is_one && under != RBig::ZERO && *(over / under).denominator() == UBig::ONE)
}

fn coefficient(ast: &Ast, fuel: &mut Fuel) -> Result<RBig, Trouble> {
    let parts = match ast {
        Ast::Product(factors) => factors.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut product = RBig::ONE;
    for value in rationals(parts, fuel)? {
        product = crate::normal::times(&product, &value, fuel)?;
    }
    Ok(product)
}
