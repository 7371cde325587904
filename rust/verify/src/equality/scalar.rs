//! Single values: exact, in percent, with units, rounded.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::{Judge, Judged, Outcome};
use crate::normal::{Poly, Scalar, product, sameness};

/// Significant digits of a decimal gold from which a longer decimal may round to it.
const GOLD_DIGITS: usize = 3;
/// Significant digits from which a decimal stands for an exact fraction.
const EXACT_DIGITS: usize = 4;

impl Judge<'_> {
    pub(super) fn scalars(&mut self, pred: &Scalar, gold: &Scalar) -> Judged {
        if pred.is_percent != gold.is_percent {
            return self.percentages(pred, gold);
        }
        match (&pred.unit, &gold.unit) {
            (Some(unit), Some(gold_unit)) if unit != gold_unit => {
                if self.is_strict() || !unit.is_convertible(gold_unit) {
                    return Ok(Outcome::Different);
                }
                let (left, right) = (pred.value.scaled(&unit.factor), gold.value.scaled(&gold_unit.factor));
                return self.values(&left, &right, "unit");
            }
            (Some(_), None) | (None, Some(_)) if self.is_strict() => return Ok(Outcome::Different),
            // Letters glued to a number may be a unit or names; a reward is not given for either guess.
            (Some(unit), None) if unit.is_glued && !self.is_lenient() => return Ok(Outcome::Different),
            (Some(unit), None) | (None, Some(unit)) if unit.is_degree() && self.is_lenient() => {
                return self.degrees(pred, gold);
            }
            _ => {}
        }
        let rule = if pred.value.as_constant().is_some() {
            "number"
        } else {
            "symbolic"
        };
        let outcome = self.values(&pred.value, &gold.value, rule)?;
        let is_rounded = !outcome.is_equal() && self.is_lenient() && rounds_to(pred, gold);
        Ok(if is_rounded {
            Outcome::Equal("rounding")
        } else {
            outcome
        })
    }

    /// Compares degrees with a plain number, which may be degrees or radians.
    fn degrees(&mut self, pred: &Scalar, gold: &Scalar) -> Judged {
        let plain = self.values(&pred.value, &gold.value, "unit")?;
        if plain.is_equal() {
            return Ok(plain);
        }
        let turn = Poly::named("\\pi").scaled(&RBig::from_parts(IBig::ONE, UBig::from(180_u8)));
        let mut radians = |scalar: &Scalar| match scalar.unit {
            Some(_) => product(&scalar.value, &turn, self.fuel),
            None => Ok(scalar.value.clone()),
        };
        let (pred, gold) = (radians(pred)?, radians(gold)?);
        self.values(&pred, &gold, "unit")
    }

    fn values(&mut self, left: &Poly, right: &Poly, rule: &'static str) -> Judged {
        Ok(Outcome::of(sameness(left, right, self.fuel)?, rule))
    }

    /// Compares where exactly one side has a percent sign.
    fn percentages(&mut self, pred: &Scalar, gold: &Scalar) -> Judged {
        if self.is_strict() {
            return Ok(Outcome::Different);
        }
        let hundred = RBig::from(UBig::from(100_u8));
        let as_written = |scalar: &Scalar| {
            if scalar.is_percent {
                scalar.value.scaled(&hundred)
            } else {
                scalar.value.clone()
            }
        };
        // Rewards read a sign as hundredths; a policy may drop the gold's sign, and never add one of its own for free.
        let written = self.values(&as_written(pred), &as_written(gold), "percent")?;
        if self.is_lenient() {
            let hundredths = self.values(&pred.value, &gold.value, "percent")?;
            return Ok(if written.is_equal() { written } else { hundredths });
        }
        if gold.is_percent {
            Ok(written)
        } else {
            self.values(&pred.value, &gold.value, "percent")
        }
    }

    /// Returns whether two differences are the same up to a constant factor, which is above 0 if the sign matters.
    pub(super) fn proportional(&mut self, pred: &Poly, gold: &Poly, is_signed: bool) -> Judged {
        let (Some(left), Some(right)) = (pred.leading(), gold.leading()) else {
            return Ok(Outcome::Different);
        };
        let factor = right / left;
        if (is_signed && factor < RBig::ZERO) || (self.is_strict() && factor != RBig::ONE) {
            return Ok(Outcome::Different);
        }
        self.values(&pred.scaled(&factor), gold, "relation")
    }
}

/// Returns whether one side is a decimal that the other rounds to.
fn rounds_to(pred: &Scalar, gold: &Scalar) -> bool {
    let (Some(left), Some(right)) = (pred.value.as_constant(), gold.value.as_constant()) else {
        return false;
    };
    let decimals = match (pred.precision, gold.precision) {
        (Some((longer, _)), Some((decimals, digits))) if digits >= GOLD_DIGITS && longer > decimals => decimals,
        (Some((decimals, digits)), None) if digits >= EXACT_DIGITS && !is_integer(&right) => decimals,
        (None, Some((decimals, digits))) if digits >= EXACT_DIGITS && !is_integer(&left) => decimals,
        _ => return false,
    };
    let half = RBig::from_parts(IBig::ONE, UBig::from(2_u8) * UBig::from(10_u8).pow(decimals));
    let difference = left - right;
    difference <= half && -difference <= half
}

fn is_integer(value: &RBig) -> bool {
    *value.denominator() == UBig::ONE
}
