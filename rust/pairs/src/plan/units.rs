//! Which items share an optimizer step.

use super::{Item, PlanOptions};
use crate::error::PairsError;
use crate::random::permutation;

/// Items that share an optimizer step, as indices into the items given.
pub type Unit<'rows> = &'rows [usize];

/// Returns the rows of all items, those of a unit side by side and in order.
pub fn rows_by_unit(items: &[Item]) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..items.len()).collect();
    rows.sort_by_cached_key(|row| unit_of(items, *row));
    rows
}

/// Returns the units in the seeded order of an epoch; an item without a unit is one of its own.
///
/// Units are numbered by their first row before they are shuffled, so that their names have no say.
pub fn shuffled_units<'rows>(items: &[Item], rows: &'rows [usize], options: &PlanOptions) -> Vec<Unit<'rows>> {
    let are_together = |left: &usize, right: &usize| {
        let unit = unit_of(items, *left);
        unit.is_some() && unit == unit_of(items, *right)
    };
    let mut units: Vec<Unit> = rows.chunk_by(are_together).collect();
    units.sort_by_cached_key(|unit| unit.first().copied());
    let order = permutation(units.len(), options.seed, options.epoch);
    order
        .into_iter()
        .filter_map(|index| units.get(index).copied())
        .collect()
}

/// Returns the units of each optimizer step, the last of which may be smaller.
///
/// A step ends where the next unit would take it above `rollouts_per_step`.
pub fn split<'units, 'rows>(
    items: &[Item],
    units: &'units [Unit<'rows>],
    rollouts_per_step: Option<usize>,
) -> Result<Vec<&'units [Unit<'rows>]>, PairsError> {
    let limit = rollouts_per_step.unwrap_or(usize::MAX);
    if let Some(unit) = units.iter().find(|unit| unit.len() > limit) {
        let first = unit.first().and_then(|row| items.get(*row));
        return Err(PairsError::LargeUnit {
            item_id: first.map_or(0, |item| item.item_id),
            members: unit.len(),
            rollouts_per_step: limit,
        });
    }
    let (mut steps, mut rest) = (Vec::new(), units);
    while !rest.is_empty() {
        let mut used = 0;
        let fits = |unit: &&Unit| {
            used += unit.len();
            used <= limit
        };
        let (step, later) = rest.split_at(rest.iter().take_while(fits).count());
        steps.push(step);
        rest = later;
    }
    Ok(steps)
}

fn unit_of(items: &[Item], row: usize) -> Option<i64> {
    items.get(row).and_then(|item| item.unit)
}
