//! Which items share an optimizer step.

use std::ops::Range;

use super::PlanOptions;
use super::items::Items;
use crate::error::PairsError;
use crate::random::permutation;

/// The units of some items.
pub struct Units {
    /// Rows of all items, those of a unit side by side and in order; none where they are so already.
    rows: Option<Vec<u32>>,
    /// Where each unit starts, and where the last one ends; units in the order of their first rows.
    starts: Vec<u32>,
    /// Units in the seeded order of an epoch.
    order: Vec<u32>,
}

impl Units {
    /// Returns the units of as many items; an item without a unit is one of its own.
    ///
    /// Units are numbered by their first row before they are shuffled, so that their names have no say.
    pub fn shuffled(items: &Items<'_>, count: u32, options: &PlanOptions) -> Self {
        let starts: Vec<u32> = (0..count).filter(|row| !follows(items, *row)).collect();
        let mut units: Vec<i64> = starts.iter().filter_map(|row| items.unit(*row)).collect();
        units.sort_unstable();
        let is_split = units.windows(2).any(|pair| pair.first() == pair.last());
        drop(units);
        let (rows, mut starts) = if is_split {
            gathered(items, count)
        } else {
            (None, starts)
        };
        let order = permutation(starts.len(), options.seed, options.epoch);
        starts.push(count);
        Self { rows, starts, order }
    }

    /// Returns how many units there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns the rows of the unit at a place of the seeded order.
    pub fn rows(&self, place: usize) -> impl Iterator<Item = u32> {
        let row = |place: u32| match &self.rows {
            Some(rows) => rows.get(place as usize).copied().unwrap_or_default(),
            None => place,
        };
        self.span(place).map(row)
    }

    /// Returns the places of each optimizer step in the seeded order; the last step may be smaller.
    ///
    /// A step ends where the next unit would take it above `rollouts_per_step`.
    pub fn split(&self, items: &Items<'_>, rollouts_per_step: Option<usize>) -> Result<Vec<Range<usize>>, PairsError> {
        let limit = rollouts_per_step.unwrap_or(usize::MAX);
        let (mut steps, mut start, mut used) = (Vec::new(), 0, 0usize);
        for place in 0..self.len() {
            let members = self.span(place).len();
            if members > limit {
                return Err(PairsError::LargeUnit {
                    item_id: self.rows(place).next().map_or(0, |row| items.id(row)),
                    members,
                    rollouts_per_step: limit,
                });
            }
            if used + members > limit {
                steps.push(start..place);
                (start, used) = (place, 0);
            }
            used += members;
        }
        if start < self.len() {
            steps.push(start..self.len());
        }
        Ok(steps)
    }

    fn span(&self, place: usize) -> Range<u32> {
        let unit = self.order.get(place).map_or(usize::MAX - 1, |unit| *unit as usize);
        let ends = self.starts.get(unit).zip(self.starts.get(unit + 1));
        ends.map_or(0..0, |(start, end)| *start..*end)
    }
}

/// Returns whether an item is of the unit of the one before it.
fn follows(items: &Items<'_>, row: u32) -> bool {
    let before = row.checked_sub(1).and_then(|before| items.unit(before));
    before.is_some() && before == items.unit(row)
}

/// Returns the rows of units whose items do not stand side by side, and where each of these units starts.
fn gathered(items: &Items<'_>, count: u32) -> (Option<Vec<u32>>, Vec<u32>) {
    let mut keys: Vec<(Option<i64>, u32)> = (0..count).map(|row| (items.unit(row), row)).collect();
    keys.sort_unstable();
    // The first row of its unit in front of each row brings the units into the order of their first rows.
    let mut firsts: Vec<(u32, u32)> = Vec::with_capacity(keys.len());
    for unit in keys.chunk_by(|left, right| left.0.is_some() && left.0 == right.0) {
        let first = unit.first().map_or(0, |(_, row)| *row);
        firsts.extend(unit.iter().map(|(_, row)| (first, *row)));
    }
    drop(keys);
    firsts.sort_unstable();
    let starts = (0..count).zip(&firsts).filter(|(_, (first, row))| first == row);
    let starts = starts.map(|(place, _)| place).collect();
    (Some(firsts.into_iter().map(|(_, row)| row).collect()), starts)
}
