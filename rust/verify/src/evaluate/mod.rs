//! Equality by evaluation, where two normal forms differ and algebra has not decided.
//!
//! The difference of the two is evaluated: once if it is a constant, else at four points that a hash of the difference
//! chooses, one of them negative and one complex. Every number carries a bound on its error. Plain floating point may
//! only reject; acceptance needs 256 bits and agreement to 1e-60 of the largest term. What is undefined, or short of
//! precision, or over the budget, stays unknown.
//!
//! `approximate` is arithmetic with error bounds, over the numbers of `rough` (64-bit) or of `fine` (256-bit), the latter
//! with the functions of `elementary`; `inverse` has those of complex numbers. `walk` evaluates a normal form, `points`
//! chooses the values of its names, and `constant` answers questions of order.

mod approximate;
mod constant;
mod elementary;
mod fine;
mod inverse;
mod points;
mod rough;
mod walk;

pub use constant::{is_within, sign};

use crate::fuel::Fuel;
use crate::normal::{Atom, Poly, Sameness};

use approximate::Value;
use fine::Fine;
use points::Points;
use rough::Rough;

/// Largest relative difference, as a power of two, that counts as agreement: 2^-200 is below 1e-60.
const AGREEMENT: f64 = -200.0;
/// Least relative difference, as a power of two, by which plain floating point rejects: 2^-19 is above 1e-6.
const REJECTION: f64 = -19.0;

/// Steps that the points cost for each part of a difference.
const POINT_STEPS: u64 = 8;

/// Returns whether a difference of two values is zero, as far as evaluation can tell.
pub fn vanishes(difference: &Poly, fuel: &mut Fuel) -> Sameness {
    // The points are drawn from all that is written in the difference.
    let steps = POINT_STEPS.saturating_mul(difference.weight().saturating_add(4));
    if fuel.spend(steps).is_err() {
        return Sameness::Unknown;
    }
    let Some(points) = Points::of(difference) else {
        return Sameness::Unknown;
    };
    for point in points.each() {
        if let Finding::Different = found::<Rough>(difference, &point, REJECTION, fuel) {
            return Sameness::Different;
        }
    }
    let mut is_equal = true;
    for point in points.each() {
        match found::<Fine>(difference, &point, AGREEMENT, fuel) {
            Finding::Different => return Sameness::Different,
            Finding::Agrees => {}
            Finding::Open => is_equal = false,
        }
        if !is_equal {
            return Sameness::Unknown;
        }
    }
    // Integer parts are flat between their jumps: that they agree at some points says nothing.
    if has_steps(difference) {
        Sameness::Unknown
    } else {
        Sameness::Equal
    }
}

/// Returns whether an integer part of something with names is taken.
fn has_steps(difference: &Poly) -> bool {
    let mut found = false;
    difference.each_atom(&mut |atom, _| {
        if let Atom::Call(name, arguments) = atom {
            found |= &**name == "floor" && arguments.iter().any(|argument| !argument.names().is_empty());
        }
    });
    found
}

/// What one evaluation of a difference shows.
enum Finding {
    /// It is zero within the agreement asked for.
    Agrees,
    /// It is not zero.
    Different,
    /// It cannot be said.
    Open,
}

/// Evaluates a difference at one point; `bound` is the relative size, as a power of two, up to which it counts as zero.
fn found<V: Value>(difference: &Poly, point: &points::Point, bound: f64, fuel: &mut Fuel) -> Finding {
    let Some((value, largest)) = walk::sum::<V>(difference, point, fuel) else {
        return Finding::Open;
    };
    let limit = largest + bound;
    if value.error > limit {
        Finding::Open
    } else if value.size() <= limit {
        Finding::Agrees
    } else if value.size() > value.error + 1.0 {
        Finding::Different
    } else {
        Finding::Open
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::lexer::lex;
    use crate::normal::value_of;
    use crate::parser::parse;

    fn compared(left: &str, right: &str) -> Sameness {
        let fuel = &mut Fuel::default();
        let mut poly = |text: &str| value_of(&parse(lex(text, fuel).unwrap()).unwrap().ast, fuel).unwrap();
        let (left, right) = (poly(left), poly(right));
        vanishes(&left.minus(&right), fuel)
    }

    #[test]
    fn equal_constants_agree() {
        let pairs = [
            ("\\sqrt{3+2\\sqrt2}", "1+\\sqrt2"),
            ("\\sqrt[3]{2+\\sqrt5}+\\sqrt[3]{\\sqrt5-2}", "\\sqrt5"),
            ("\\sin\\frac{\\pi}{3}", "\\frac{\\sqrt3}{2}"),
            ("\\arctan 1", "\\frac{\\pi}{4}"),
            ("4\\arctan\\frac15-\\arctan\\frac1{239}", "\\frac{\\pi}{4}"),
            ("\\ln(2+\\sqrt3)", "-\\ln(2-\\sqrt3)"),
            ("e^{i\\pi}", "-1"),
            ("\\cos 36^{\\circ}", "\\frac{1+\\sqrt5}{4}"),
            ("\\sqrt{-3+4i}", "1+2i"),
            ("\\arcsin\\frac12", "\\frac{\\pi}{6}"),
            ("\\tan\\frac{\\pi}{8}", "\\sqrt2-1"),
        ];
        for (left, right) in pairs {
            assert_eq!(compared(left, right), Sameness::Equal, "{left} and {right}");
        }
    }

    #[test]
    fn near_misses_are_told_apart() {
        let pairs = [
            ("e^{\\pi\\sqrt{163}}", "262537412640768744"),
            ("\\sqrt{3+2\\sqrt2}", "1+\\sqrt3"),
            ("1-\\frac1e", "1+\\frac1e"),
            ("\\ln 2", "0.6931471805599453"),
            ("\\sin 1", "0.841470984807896507"),
        ];
        for (left, right) in pairs {
            assert_eq!(compared(left, right), Sameness::Different, "{left} and {right}");
        }
    }

    #[test]
    fn functions_agree_at_every_point_or_not_at_all() {
        assert_eq!(compared("\\sin 2x", "2\\sin x\\cos x"), Sameness::Equal);
        assert_eq!(compared("e^{x+y}", "e^x e^y"), Sameness::Equal);
        assert_eq!(compared("\\frac{1-\\cos 2x}{2}", "\\sin^2 x"), Sameness::Equal);
        assert_eq!(compared("\\sqrt{x^2}", "x"), Sameness::Different);
        assert_eq!(compared("|x|", "x"), Sameness::Different);
        assert_eq!(compared("\\ln x^2", "2\\ln x"), Sameness::Different);
        assert_eq!(compared("\\sqrt{xy}", "\\sqrt x\\sqrt y"), Sameness::Different);
    }

    #[test]
    fn what_is_undefined_or_not_known_stays_open() {
        assert_eq!(compared("\\ln(\\sqrt{3+2\\sqrt2}-1-\\sqrt2)", "z"), Sameness::Unknown);
        assert_eq!(compared("f(x)", "f(x+1)"), Sameness::Unknown);
        assert_eq!(compared("\\sin(2^{300})", "\\cos(2^{300})"), Sameness::Unknown);
    }

    #[test]
    fn a_budget_that_is_used_up_leaves_it_open() {
        let nested = parse(lex("\\sqrt{3+2\\sqrt2}-1-\\sqrt2", &mut Fuel::default()).unwrap()).unwrap();
        let difference = value_of(&nested.ast, &mut Fuel::default()).unwrap();
        assert_eq!(vanishes(&difference, &mut Fuel::default()), Sameness::Equal);
        assert_eq!(vanishes(&difference, &mut Fuel::with_budget(500)), Sameness::Unknown);
    }
}
