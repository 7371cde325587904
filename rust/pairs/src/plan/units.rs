//! Which items share an optimizer step.

use std::collections::HashMap;

use super::{Item, PlanOptions};
use crate::random::permutation;

/// Returns, for each optimizer step, its units of item indices, in a seeded order of units.
///
/// A step ends where the next unit would take it above `rollouts_per_step`; the last one may be smaller.
pub fn steps_of_units(items: &[Item], options: &PlanOptions) -> Vec<Vec<Vec<usize>>> {
    let mut units = units(items);
    let limit = options.rollouts_per_step.unwrap_or(usize::MAX);
    let mut steps: Vec<Vec<Vec<usize>>> = Vec::new();
    let mut used = 0;
    for index in permutation(units.len(), options.seed, options.epoch) {
        let unit = units.get_mut(index).map(std::mem::take).unwrap_or_default();
        if steps.is_empty() || used + unit.len() > limit {
            steps.push(Vec::new());
            used = 0;
        }
        used += unit.len();
        if let Some(step) = steps.last_mut() {
            step.push(unit);
        }
    }
    steps
}

/// Returns item indices by unit, units in the order in which they first occur.
fn units(items: &[Item]) -> Vec<Vec<usize>> {
    let mut place: HashMap<i64, usize> = HashMap::new();
    let mut units: Vec<Vec<usize>> = Vec::new();
    for (row, item) in items.iter().enumerate() {
        let next = units.len();
        let index = item.unit.map_or(next, |unit| *place.entry(unit).or_insert(next));
        match units.get_mut(index) {
            Some(unit) => unit.push(row),
            None => units.push(vec![row]),
        }
    }
    units
}
