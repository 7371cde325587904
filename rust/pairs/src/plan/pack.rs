//! Best-fit decreasing: how few bins under a hard cap hold some lengths.

use std::collections::BTreeSet;

/// Returns the bin of each length, bins numbered from 0; lengths fall and do not exceed `capacity`.
///
/// Each length goes into the bin that it fills best; the number of bins is at most 11/9 of the fewest, plus one.
pub fn best_fit_decreasing(lengths: &[u32], capacity: u32) -> Vec<u32> {
    let mut opened = 0;
    let mut free: BTreeSet<(u32, u32)> = BTreeSet::new();
    let place = |length: &u32| {
        let fitting = free.range((*length, 0)..).next().copied();
        let (space, bin) = fitting.unwrap_or((capacity, opened));
        free.remove(&(space, bin));
        free.insert((space.saturating_sub(*length), bin));
        opened = opened.max(bin + 1);
        bin
    };
    lengths.iter().map(place).collect()
}
