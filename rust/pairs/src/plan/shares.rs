//! What each optimizer step trains on, and what its loss divides by.

use super::items::Items;
use super::sorting::sort;
use super::units::Units;
use super::{Denominators, PlanOptions};
use crate::error::PairsError;
use crate::random::hash;

/// One row of a step and its length as one number: such numbers sort the longest first, and then in the order of rows.
pub type Key = u64;

/// One step's items.
#[derive(Debug, Clone, Default)]
pub struct Share {
    /// What its loss divides by.
    pub denominators: Denominators,
    /// A hash of the items that it trains on; a sum, as their order within the step means nothing.
    pub members: u64,
    rows: usize,
}

/// The items of all steps.
pub struct Shares {
    steps: Vec<Share>,
    keys: Vec<Key>,
}

impl Shares {
    /// Returns the items of each step.
    ///
    /// Items are read in their own order and dealt out to the steps: to look up those of one step after another would
    /// wait for memory at each.
    pub fn of(items: &Items<'_>, units: &Units, options: &PlanOptions) -> Result<Self, PairsError> {
        let (count, step_of) = units.steps(items, options)?;
        let mut steps = vec![Share::default(); count];
        for (unit, step) in step_of.iter().enumerate() {
            if let Some(step) = steps.get_mut(*step as usize) {
                step.denominators.rollouts += units.size(unit) as u64;
                step.rows += units.size(unit);
            }
        }
        let mut ends: Vec<usize> = Vec::with_capacity(count);
        ends.extend(steps.iter().scan(0, |end, step| {
            *end += step.rows;
            Some(*end - step.rows)
        }));
        let mut keys = vec![0; items.len()];
        for (unit, step) in step_of.into_iter().enumerate() {
            let fits = units
                .rows(unit)
                .all(|row| items.excess(row, options.token_budget).is_none());
            if let (Some(step), Some(end)) = (steps.get_mut(step as usize), ends.get_mut(step as usize)) {
                for row in units.rows(unit) {
                    if let Some(length) = step.count(items, row, fits) {
                        if let Some(free) = keys.get_mut(*end) {
                            *free = key(length, row);
                        }
                        *end += 1;
                    }
                }
            }
        }
        Ok(Self { steps, keys })
    }

    /// Returns how many steps there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Calls `take` with each step and the sorted keys of what it trains on.
    pub fn for_each(mut self, mut take: impl FnMut(Share, &[Key])) {
        let mut rest = self.keys.as_mut_slice();
        for step in self.steps {
            let (own, later) = rest.split_at_mut_checked(step.rows).unwrap_or_default();
            let counts = step.denominators;
            let left_out = counts.skipped_rollouts + counts.dropped_rollouts;
            let kept = usize::try_from(counts.rollouts - left_out).unwrap_or(usize::MAX);
            let kept = own.get_mut(..kept).unwrap_or_default();
            sort(kept);
            take(step, kept);
            rest = later;
        }
    }
}

impl Share {
    /// Counts an item; returns its length if it is trained on.
    fn count(&mut self, items: &Items<'_>, row: u32, fits: bool) -> Option<u32> {
        let index = row as usize;
        let tokens = u64::from(*items.loss_tokens.get(index)?);
        self.denominators.tokens += tokens;
        if !*items.contributes.get(index)? {
            self.denominators.skipped_rollouts += 1;
            self.denominators.skipped_tokens += tokens;
            return None;
        }
        if !fits {
            self.denominators.dropped_rollouts += 1;
            return None;
        }
        self.members = self.members.wrapping_add(hash([items.id(row).cast_unsigned()]));
        items.lengths.get(index).copied()
    }
}

/// Returns the key of a row of a length.
pub fn key(length: u32, row: u32) -> Key {
    (u64::from(u32::MAX - length) << 32) | u64::from(row)
}

/// Returns the length and the row of a key.
#[expect(clippy::cast_possible_truncation, reason = "both halves of the number are taken")]
pub fn length_and_row(key: Key) -> (u32, u32) {
    (u32::MAX - (key >> 32) as u32, key as u32)
}
