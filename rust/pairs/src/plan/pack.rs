//! Best-fit decreasing: how few bins under a hard cap hold some lengths.

use std::collections::BTreeSet;

/// Returns bins of indices into `lengths`, which fall and do not exceed `capacity`.
///
/// Each length goes into the bin that it fills best; the number of bins is at most 11/9 of the fewest, plus one.
pub fn best_fit_decreasing(lengths: &[u32], capacity: u32) -> Vec<Vec<usize>> {
    let mut bins: Vec<Vec<usize>> = Vec::new();
    let mut free: BTreeSet<(u32, usize)> = BTreeSet::new();
    for (index, &length) in lengths.iter().enumerate() {
        let best = free.range((length, 0)..).next().copied();
        let (space, bin) = best.unwrap_or((capacity, bins.len()));
        free.remove(&(space, bin));
        if best.is_none() {
            bins.push(Vec::new());
        }
        if let Some(members) = bins.get_mut(bin) {
            members.push(index);
        }
        free.insert((space.saturating_sub(length), bin));
    }
    bins
}
