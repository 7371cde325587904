//! What is to be planned, column by column.

use crate::error::PairsError;
use crate::repeated::first_repeated;

/// Sequences to train on, or several that must meet in one forward pass counted together: columns of equal length.
#[derive(Debug, Clone, Copy)]
pub struct Items<'a> {
    /// The caller's name for each.
    pub ids: &'a [i64],
    /// Tokens it takes of the budget, prompt included.
    pub lengths: &'a [u32],
    /// Tokens it counts for in the denominator.
    pub loss_tokens: &'a [u32],
    /// Whether leaving it out would change the gradient.
    pub contributes: &'a [bool],
    /// Items of one unit share an optimizer step.
    pub units: &'a [i64],
    /// Whether it has a unit; without one it stands alone.
    pub has_unit: &'a [bool],
}

impl Items<'_> {
    /// Returns how many items there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns the length of an item that no micro-batch can hold.
    pub(super) fn excess(&self, row: u32, token_budget: u32) -> Option<u32> {
        let length = *self.lengths.get(row as usize)?;
        let contributes = *self.contributes.get(row as usize)?;
        (contributes && length > token_budget).then_some(length)
    }

    pub(super) fn id(&self, row: u32) -> i64 {
        self.ids.get(row as usize).copied().unwrap_or_default()
    }

    pub(super) fn unit(&self, row: u32) -> Option<i64> {
        let is_known = self.has_unit.get(row as usize).copied().unwrap_or_default();
        self.units.get(row as usize).filter(|_| is_known).copied()
    }

    /// Returns the number of items, if every column has as many, 32 bits count them and no id comes twice.
    pub(super) fn check(&self) -> Result<u32, PairsError> {
        let rows = self.len();
        let others = [
            self.lengths.len(),
            self.loss_tokens.len(),
            self.contributes.len(),
            self.units.len(),
            self.has_unit.len(),
        ];
        if let Some(found) = others.into_iter().find(|found| *found != rows) {
            return Err(PairsError::UnequalColumns { found, expected: rows });
        }
        if let Some(item_id) = first_repeated(self.ids.iter().copied()) {
            return Err(PairsError::DuplicateItem { item_id });
        }
        u32::try_from(rows).map_err(|_| PairsError::TooMany { found: rows })
    }
}
