//! What follows from an equation or inequality by elementary steps.

use std::collections::BTreeMap;

use dashu_ratio::RBig;

use crate::fuel::Fuel;
use crate::normal::{Atom, Form, Poly, Shape, Trouble, product};

/// Returns `a` and `b` of a polynomial `a * name + b`; none if it is not linear in the name.
pub(super) fn linear(poly: &Poly, name: &str) -> Option<(Poly, Poly)> {
    let (mut slope, mut rest) = (Poly::zero(), Poly::zero());
    for (monomial, coefficient) in poly.terms() {
        let place = monomial
            .iter()
            .position(|(atom, exponent)| is_named(atom, name) && exponent.as_integer() == Some(1));
        let mut monomial = monomial.to_vec();
        if let Some(place) = place {
            monomial.remove(place);
            slope.add_term(monomial, coefficient.clone());
        } else {
            rest.add_term(monomial, coefficient.clone());
        }
    }
    let is_left = |part: &Poly| part.any_atom(&|atom, _| is_named(atom, name));
    (!slope.is_zero() && !is_left(&slope) && !is_left(&rest)).then_some((slope, rest))
}

fn is_named(atom: &Atom, name: &str) -> bool {
    matches!(atom, Atom::Symbol(known) if **known == *name)
}

/// Returns the interval of `difference > 0`, which holds one name and is linear in it; `>=` if closed.
pub(super) fn solved(difference: &Poly, is_closed: bool) -> Option<Form> {
    let names = difference.names();
    let (Some(name), 1) = (names.first(), names.len()) else {
        return None;
    };
    let (slope, rest) = linear(difference, name)?;
    let slope = slope.as_constant()?;
    let bound = Form::plain(rest.scaled(&(-RBig::ONE / &slope)));
    let (open, close) = if is_closed { ('[', ']') } else { ('(', ')') };
    let interval = if slope > RBig::ZERO {
        Form::Several(Shape::Bracket(open, ')'), vec![bound, Form::Infinity(false)])
    } else {
        Form::Several(Shape::Bracket('(', close), vec![Form::Infinity(true), bound])
    };
    Some(Form::Range(name.clone(), Box::new(interval)))
}

/// Returns the polynomial without the names that all its terms share, and without names in denominators.
pub(super) fn without_common_factor(poly: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let mut lowest: BTreeMap<Atom, (RBig, usize)> = BTreeMap::new();
    for (monomial, _) in poly.terms() {
        for (atom, exponent) in monomial {
            if let (Atom::Symbol(_), Some(exponent)) = (atom, exponent.as_constant()) {
                let (low, count) = lowest.entry(atom.clone()).or_insert((exponent.clone(), 0));
                *count += 1;
                if exponent < *low {
                    *low = exponent;
                }
            }
        }
    }
    let shared = lowest.into_iter().filter_map(|(atom, (low, count))| {
        // A term without the name holds it to the power of zero.
        let low = if count < poly.len() { low.min(RBig::ZERO) } else { low };
        (low != RBig::ZERO).then(|| (atom, Poly::constant(-low)))
    });
    product(poly, &Poly::term(RBig::ONE, shared.collect()), fuel)
}
