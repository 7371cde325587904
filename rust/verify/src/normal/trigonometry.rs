//! Sines and cosines, reduced by quarter turns, with the exact values that radicals give, and the angles of these.

use dashu_base::RemEuclid;
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::Trouble;
use super::algebra::multiple;
use super::poly::{Atom, Poly};
use super::power::root;
use crate::fuel::Fuel;

/// Returns the sine.
pub fn sine(x: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let (rest, turns, is_turned) = reduced(x, fuel)?;
    let value = if turns % 2 == 0 {
        plain("sin", &rest, fuel)
    } else {
        plain("cos", &rest, fuel)
    }?;
    Ok(if (turns >= 2) == is_turned {
        value
    } else {
        value.negated()
    })
}

/// Returns the cosine.
pub fn cosine(x: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let (rest, turns, _) = reduced(x, fuel)?;
    let value = if turns % 2 == 0 {
        plain("cos", &rest, fuel)
    } else {
        plain("sin", &rest, fuel)
    }?;
    Ok(if turns == 1 || turns == 2 {
        value.negated()
    } else {
        value
    })
}

/// Returns an angle less its quarter turns, the number of these, and whether its sign was changed before.
///
/// What stands beside the multiple of pi decides about the sign, so that an angle and its negative are reduced alike.
fn reduced(x: &Poly, fuel: &mut Fuel) -> Result<(Poly, u8, bool), Trouble> {
    fuel.spend(2 * x.weight())?;
    let share = share_of_pi(x);
    let rest = x.clone().minus(&Poly::atom(Atom::Pi).scaled(&share));
    let is_turned = rest.is_negative() || (rest.is_zero() && share < RBig::ZERO);
    let (share, rest) = if is_turned {
        (-share, rest.negated())
    } else {
        (share, rest)
    };
    let two = RBig::from(UBig::from(2_u8));
    let quarters = (&share * &two).floor();
    let turns = u8::try_from(&quarters.clone().rem_euclid(IBig::from(4))).unwrap_or_default();
    let left = share - RBig::from(quarters) / two;
    Ok((rest.plus(&Poly::atom(Atom::Pi).scaled(&left)), turns, is_turned))
}

/// Returns the rational multiple of pi in a sum.
fn share_of_pi(x: &Poly) -> RBig {
    let is_pi = |atoms: &[(Atom, Poly)]| matches!(atoms, [(Atom::Pi, one)] if one.as_integer() == Some(1));
    let found = x.terms().find(|(atoms, _)| is_pi(atoms));
    found.map_or(RBig::ZERO, |(_, value)| value.clone())
}

/// Returns a function of an angle that has no quarter turn left: exactly if it can be, else as an atom.
fn plain(name: &str, angle: &Poly, fuel: &mut Fuel) -> Result<Poly, Trouble> {
    let share = share_of_pi(angle);
    let is_multiple = angle.len() <= 1 && !share.is_zero() || angle.is_zero();
    if !is_multiple {
        return Ok(Poly::call(name, vec![angle.clone()]));
    }
    let half = RBig::from_parts(IBig::ONE, UBig::from(2_u8));
    let sine_share = if name == "sin" { share.clone() } else { &half - &share };
    if let Some(value) = exact_sine(&sine_share, fuel)? {
        return Ok(value);
    }
    // Of two functions that say the same of an acute angle, the one with the smaller angle stays.
    let other = &half - &share;
    let (name, share) = match name {
        _ if share <= other => (name, share),
        "sin" => ("cos", other),
        _ => ("sin", other),
    };
    Ok(Poly::call(name, vec![Poly::atom(Atom::Pi).scaled(&share)]))
}

/// Returns the sine of a share of pi between 0 and 1/2, if radicals of one level give it.
fn exact_sine(share: &RBig, fuel: &mut Fuel) -> Result<Option<Poly>, Trouble> {
    let sixtieths = share * RBig::from(UBig::from(60_u8));
    let Some(sixtieths) = sixtieths
        .is_int()
        .then(|| u8::try_from(sixtieths.numerator()).ok())
        .flatten()
    else {
        return Ok(None);
    };
    let mut radical = |value: i64| root(&Poly::integer(2), &Poly::integer(value), fuel);
    let (value, divisor) = match sixtieths {
        0 => (Poly::zero(), 1_u8),
        5 => (radical(6)?.minus(&radical(2)?), 4),
        6 => (radical(5)?.minus(&Poly::integer(1)), 4),
        10 => (Poly::integer(1), 2),
        15 => (radical(2)?, 2),
        18 => (radical(5)?.plus(&Poly::integer(1)), 4),
        20 => (radical(3)?, 2),
        25 => (radical(6)?.plus(&radical(2)?), 4),
        30 => (Poly::integer(1), 1),
        _ => return Ok(None),
    };
    multiple(&value, &RBig::from_parts(IBig::ONE, UBig::from(divisor)), fuel).map(Some)
}

/// Returns the tangent of so many sixtieths of pi, if it is a radical of one level.
fn exact_tangent(sixtieths: u8, fuel: &mut Fuel) -> Result<Option<Poly>, Trouble> {
    let three = root(&Poly::integer(2), &Poly::integer(3), fuel)?;
    Ok(Some(match sixtieths {
        0 => Poly::zero(),
        5 => Poly::integer(2).minus(&three),
        10 => multiple(&three, &RBig::from_parts(IBig::ONE, UBig::from(3_u8)), fuel)?,
        15 => Poly::integer(1),
        20 => three,
        25 => Poly::integer(2).plus(&three),
        _ => return Ok(None),
    }))
}

/// Returns the arc sine or arc tangent of a positive constant, if it is one of those known here.
pub fn exact_angle(name: &str, x: &Poly, fuel: &mut Fuel) -> Result<Option<Poly>, Trouble> {
    let is_radical = !x.any_atom(&|atom, _| !matches!(atom, Atom::Integer(_)));
    if !is_radical {
        return Ok(None);
    }
    for sixtieths in [0_u8, 5, 6, 10, 15, 18, 20, 25, 30] {
        let share = RBig::from_parts(IBig::from(sixtieths), UBig::from(60_u8));
        let value = match name {
            "arcsin" => exact_sine(&share, fuel)?,
            _ => exact_tangent(sixtieths, fuel)?,
        };
        if value.is_some_and(|value| value == *x) {
            return Ok(Some(Poly::atom(Atom::Pi).scaled(&share)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::lexer::lex;
    use crate::normal::value_of;
    use crate::parser::parse;

    fn form(text: &str) -> String {
        let fuel = &mut Fuel::default();
        value_of(&parse(lex(text, fuel).unwrap()).unwrap().ast, fuel)
            .unwrap()
            .to_string()
    }

    #[test]
    fn angles_are_reduced_by_quarter_turns_and_signs() {
        let pairs = [
            ("\\sin(90^{\\circ}-x)", "\\cos x"),
            ("\\sin(x+\\pi)", "-\\sin x"),
            ("\\cos(x-\\frac{3\\pi}{2})", "-\\sin x"),
            ("\\sin(-x)", "-\\sin x"),
            ("\\cos(\\frac{\\pi}{4}-x)", "\\sin(x+\\frac{\\pi}{4})"),
            ("\\sin 20^{\\circ}", "\\cos 70^{\\circ}"),
            ("\\cos 250^{\\circ}", "-\\sin 20^{\\circ}"),
            ("\\tan(x+\\pi)", "\\tan x"),
        ];
        for (left, right) in pairs {
            assert_eq!(form(left), form(right), "{left}");
        }
    }

    #[test]
    fn every_quarter_turn_has_its_value() {
        let values = [
            ("0", "0", "1"),
            ("1", "1", "0"),
            ("2", "0", "-1"),
            ("3", "-1", "0"),
            ("-1", "-1", "0"),
        ];
        for (quarters, sine, cosine) in values {
            assert_eq!(
                form(&format!("\\sin(\\frac{{{quarters}\\pi}}{{2}})")),
                sine,
                "{quarters}"
            );
            assert_eq!(
                form(&format!("\\cos(\\frac{{{quarters}\\pi}}{{2}})")),
                cosine,
                "{quarters}"
            );
        }
    }

    #[test]
    fn known_angles_are_exact_in_both_directions() {
        let pairs = [
            ("\\sin 15^{\\circ}", "\\frac{\\sqrt6-\\sqrt2}{4}"),
            ("\\cos 36^{\\circ}", "\\frac{1+\\sqrt5}{4}"),
            ("\\cos\\frac{5\\pi}{6}", "-\\frac{\\sqrt3}{2}"),
            ("\\arcsin\\frac{1}{2}", "\\frac{\\pi}{6}"),
            ("\\arccos(-\\frac{\\sqrt2}{2})", "\\frac{3\\pi}{4}"),
            ("\\arctan\\frac{1}{\\sqrt3}", "\\frac{\\pi}{6}"),
            ("\\arctan(-1)", "-\\frac{\\pi}{4}"),
        ];
        for (left, right) in pairs {
            assert_eq!(form(left), form(right), "{left}");
        }
    }
}
