//! Decimals that another value rounds to: for evaluation only.

use dashu_int::UBig;
use dashu_ratio::RBig;

use super::Judge;
use super::scalar::Measure;
use crate::evaluate::is_within;
use crate::normal::Precision;

/// Significant digits of a decimal gold from which a longer decimal may round to it.
const GOLD_DIGITS: usize = 3;
/// Significant digits from which a decimal stands for an exact value.
const EXACT_DIGITS: usize = 4;
/// Significant digits that are enough for either where the gold says that it is rough, as in `~0.83`.
const ROUGH_DIGITS: usize = 2;

impl Judge<'_> {
    /// Returns whether one side is a decimal that the other rounds to; a half may go either way.
    pub(super) fn rounds_to(&mut self, pred: &Measure, gold: &Measure) -> bool {
        let (pred_precision, gold_precision) = (&pred.precision, &gold.precision);
        let enough = |stated: &Precision, digits: usize| {
            let is_rough = gold_precision.as_ref().is_some_and(|gold| gold.is_rough);
            stated.digits >= if is_rough { ROUGH_DIGITS } else { digits }
        };
        let step = match (pred_precision, gold_precision) {
            (Some(longer), Some(stated)) if enough(stated, GOLD_DIGITS) && longer.step < stated.step => &stated.step,
            (Some(stated), None) if enough(stated, EXACT_DIGITS) && !is_integer(gold) => &stated.step,
            (None, Some(stated)) if enough(stated, EXACT_DIGITS) && !is_integer(pred) => &stated.step,
            _ => return false,
        };
        let half = step / RBig::from(UBig::from(2_u8));
        is_within(&pred.value.clone().minus(&gold.value), &half, self.fuel)
    }
}

fn is_integer(side: &Measure) -> bool {
    side.value.as_constant().is_some_and(|value| value.is_int())
}
