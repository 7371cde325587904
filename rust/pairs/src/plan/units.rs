//! Which items share an optimizer step.

use std::ops::Range;

use super::PlanOptions;
use super::items::Items;
use crate::error::PairsError;
use crate::random::permutation;
use crate::repeated::first_repeated;

/// The units of some items, in the order of their first rows.
pub struct Units {
    /// Rows of all items, those of a unit side by side and in order; none where they are so already.
    rows: Option<Vec<u32>>,
    /// Where each unit starts, and where the last one ends.
    starts: Vec<u32>,
}

impl Units {
    /// Returns the units of as many items; an item without a unit is one of its own.
    pub fn of(items: &Items<'_>, count: u32) -> Self {
        let starts: Vec<u32> = (0..count).filter(|row| !follows(items, *row)).collect();
        let names: Vec<i64> = starts.iter().filter_map(|row| items.unit(*row)).collect();
        let is_split = first_repeated(names.into_iter()).is_some();
        let (rows, mut starts) = if is_split {
            gathered(items, count)
        } else {
            (None, starts)
        };
        starts.push(count);
        Self { rows, starts }
    }

    /// Returns how many units there are.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Returns the rows of a unit.
    pub fn rows(&self, unit: usize) -> impl Iterator<Item = u32> + Clone {
        let row = |place: u32| match &self.rows {
            Some(rows) => rows.get(place as usize).copied().unwrap_or_default(),
            None => place,
        };
        self.span(unit).map(row)
    }

    /// Returns how many items a unit has.
    pub fn size(&self, unit: usize) -> usize {
        self.span(unit).len()
    }

    /// Returns the number of optimizer steps, the last of which may be smaller, and the step of each unit.
    ///
    /// Units are shuffled by their places, so that their names have no say. A step ends where the next unit would take
    /// it above `rollouts_per_step`.
    pub fn steps(&self, items: &Items<'_>, options: &PlanOptions) -> Result<(usize, Vec<u32>), PairsError> {
        let limit = options.rollouts_per_step.unwrap_or(usize::MAX);
        if self.starts.last().is_some_and(|items| *items as usize <= limit) {
            return Ok((self.len().min(1), vec![0; self.len()]));
        }
        let (mut step, mut used) = (0, 0);
        let mut steps = vec![0; self.len()];
        for unit in permutation(self.len(), options.seed, options.epoch) {
            let members = self.size(unit as usize);
            if members > limit {
                return Err(PairsError::LargeUnit {
                    item_id: self.rows(unit as usize).next().map_or(0, |row| items.id(row)),
                    members,
                    rollouts_per_step: limit,
                });
            }
            if used + members > limit {
                (step, used) = (step + 1, 0);
            }
            used += members;
            if let Some(of_unit) = steps.get_mut(unit as usize) {
                *of_unit = step;
            }
        }
        Ok((step as usize + 1, steps))
    }

    fn span(&self, unit: usize) -> Range<u32> {
        match self.starts.get(unit..unit.saturating_add(2)) {
            Some([start, end]) => *start..*end,
            _ => 0..0,
        }
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
