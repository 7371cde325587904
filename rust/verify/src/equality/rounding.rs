//! Decimals that another value rounds to: for evaluation only.

use dashu_int::UBig;
use dashu_ratio::RBig;

use super::Judge;
use super::scalar::Measure;
use crate::evaluate::is_within;

/// Significant digits of a decimal gold from which a longer decimal may round to it.
const GOLD_DIGITS: usize = 3;
/// Significant digits from which a decimal stands for an exact value.
const EXACT_DIGITS: usize = 4;

impl Judge<'_> {
    /// Returns whether one side is a decimal that the other rounds to; a half may go either way.
    pub(super) fn rounds_to(&mut self, pred: &Measure, gold: &Measure) -> bool {
        let step = match (&pred.precision, &gold.precision) {
            (Some(longer), Some(stated)) if stated.digits >= GOLD_DIGITS && longer.step < stated.step => &stated.step,
            (Some(stated), None) if stated.digits >= EXACT_DIGITS && !is_integer(gold) => &stated.step,
            (None, Some(stated)) if stated.digits >= EXACT_DIGITS && !is_integer(pred) => &stated.step,
            _ => return false,
        };
        let half = step / RBig::from(UBig::from(2_u8));
        is_within(&pred.value.clone().minus(&gold.value), &half, self.fuel)
    }
}

fn is_integer(side: &Measure) -> bool {
    side.value.as_constant().is_some_and(|value| value.is_int())
}
