//! Single values: exact, in percent, with units.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::{Judge, Judged, Outcome};
use crate::normal::{Poly, Precision, Scalar, product, sameness};

/// A plain value, free of percent signs and units.
pub(super) struct Measure {
    pub(super) value: Poly,
    pub(super) precision: Option<Precision>,
}

impl Measure {
    fn of(scalar: &Scalar) -> Self {
        Self {
            value: scalar.value.clone(),
            precision: scalar.precision.clone(),
        }
    }

    fn scaled(self, factor: &RBig) -> Self {
        Self {
            value: self.value.scaled(factor),
            precision: self.precision.map(|precision| precision.scaled(factor)),
        }
    }

    fn in_base_units(scalar: &Scalar) -> Self {
        let factor = scalar.unit.as_ref().map_or(RBig::ONE, |unit| unit.factor.clone());
        Self::of(scalar).scaled(&factor)
    }
}

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
                self.measures(&Measure::in_base_units(pred), &Measure::in_base_units(gold), "unit")
            }
            (Some(_), None) | (None, Some(_)) if self.is_strict() => Ok(Outcome::Different),
            // Letters glued to a number may be a unit or names; a reward is not given for either guess.
            (Some(unit), None) if unit.is_glued && !self.is_lenient() => Ok(Outcome::Different),
            (Some(unit), None) | (None, Some(unit)) if unit.is_degree() && self.is_lenient() => {
                self.degrees(pred, gold)
            }
            _ => {
                let is_number = pred.value.as_constant().is_some();
                let rule = if is_number { "number" } else { "symbolic" };
                self.measures(&Measure::of(pred), &Measure::of(gold), rule)
            }
        }
    }

    /// Compares degrees with a plain number, which may be degrees or radians.
    fn degrees(&mut self, pred: &Scalar, gold: &Scalar) -> Judged {
        let plain = self.measures(&Measure::of(pred), &Measure::of(gold), "unit")?;
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

    /// Compares where exactly one side has a percent sign.
    ///
    /// The sign stands for hundredths. An answer may leave out a gold's sign, and never gains a factor of a hundred by
    /// one of its own, except in evaluation.
    fn percentages(&mut self, pred: &Scalar, gold: &Scalar) -> Judged {
        if self.is_strict() || pred.unit != gold.unit {
            return Ok(Outcome::Different);
        }
        let hundredths = self.measures(&Measure::of(pred), &Measure::of(gold), "percent")?;
        if hundredths.is_equal() || !(gold.is_percent || self.is_lenient()) {
            return Ok(hundredths);
        }
        let hundred = RBig::from(UBig::from(100_u8));
        let as_written = |scalar: &Scalar| {
            let measure = Measure::of(scalar);
            if scalar.is_percent {
                measure.scaled(&hundred)
            } else {
                measure
            }
        };
        self.measures(&as_written(pred), &as_written(gold), "percent")
    }

    fn measures(&mut self, pred: &Measure, gold: &Measure, rule: &'static str) -> Judged {
        let outcome = self.values(&pred.value, &gold.value, rule)?;
        let is_rounded = !outcome.is_equal() && self.is_lenient() && self.rounds_to(pred, gold);
        Ok(if is_rounded {
            Outcome::Equal("rounding")
        } else {
            outcome
        })
    }

    pub(super) fn values(&mut self, left: &Poly, right: &Poly, rule: &'static str) -> Judged {
        if self.is_strict() && left != right {
            return Ok(Outcome::Different);
        }
        Ok(Outcome::of(sameness(left, right, self.fuel)?, rule))
    }
}
