//! Best-fit decreasing: how few bins under a hard cap hold some lengths.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::iter::repeat_n;

use super::shares::{Key, length_and_row};

/// Returns the bin of each key, bins numbered from 0; keys are sorted, and their lengths do not exceed `capacity`.
///
/// Each length goes into the bin that it fills best; the number of bins is at most 11/9 of the fewest, plus one. Equal
/// lengths are placed together: the bin that one of them fills best stays that bin for the next as long as it has room.
pub fn best_fit_decreasing(keys: &[Key], capacity: u32) -> Vec<u32> {
    let length_of = |key: &Key| length_and_row(*key).0;
    let mut packed = Packed {
        bins: Vec::with_capacity(keys.len()),
        by_room: BTreeMap::new(),
        opened: 0,
    };
    for run in keys.chunk_by(|left, right| length_of(left) == length_of(right)) {
        let length = run.first().map(length_of).unwrap_or_default();
        let mut left = run.len();
        while left > 0 {
            left -= packed.place(length, left, capacity);
        }
    }
    packed.bins
}

struct Packed {
    /// The bin of each length so far.
    bins: Vec<u32>,
    /// Bins by their room, the first one opened on top.
    by_room: BTreeMap<u32, BinaryHeap<Reverse<u32>>>,
    opened: u32,
}

impl Packed {
    /// Places some of `most` equal lengths into bins of equal room, opening new ones if none has room; returns how many.
    fn place(&mut self, length: u32, most: usize, capacity: u32) -> usize {
        let tightest = self.by_room.range(length..).next().map(|(room, _)| *room);
        let room = tightest.unwrap_or(capacity);
        // Nothing ever fills a bin for lengths of zero.
        let fill = room.checked_div(length).map_or(most, |fill| fill as usize);
        let mut bins = match tightest.and_then(|room| self.by_room.remove(&room)) {
            Some(bins) => bins,
            None => self.open(most.div_ceil(fill.max(1))),
        };
        let mut left = most;
        while left > 0 {
            let Some(Reverse(bin)) = bins.pop() else { break };
            let members = left.min(fill);
            self.bins.extend(repeat_n(bin, members));
            let taken = length.saturating_mul(u32::try_from(members).unwrap_or(u32::MAX));
            self.by_room.entry(room - taken).or_default().push(Reverse(bin));
            left -= members;
        }
        if !bins.is_empty() {
            self.by_room.entry(room).or_default().append(&mut bins);
        }
        most - left
    }

    /// Returns some new bins.
    fn open(&mut self, count: usize) -> BinaryHeap<Reverse<u32>> {
        let bins: BinaryHeap<_> = (self.opened..u32::MAX).take(count).map(Reverse).collect();
        self.opened = self.opened.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        bins
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::shares::key;

    /// The rule as it reads: the first of the bins that a length fills best, one length after another.
    fn by_rule(lengths: &[u32], capacity: u32) -> Vec<u32> {
        let mut room: Vec<u32> = Vec::new();
        let place = |length: &u32| {
            let fitting = (0..room.len()).filter(|bin| room[*bin] >= *length);
            let bin = fitting.min_by_key(|bin| room[*bin]).unwrap_or(room.len());
            room.resize(room.len().max(bin + 1), capacity);
            room[bin] -= length;
            u32::try_from(bin).unwrap_or(u32::MAX)
        };
        lengths.iter().map(place).collect()
    }

    proptest! {
        #[test]
        fn each_length_goes_into_the_bin_that_it_fills_best(
            mut lengths in prop::collection::vec(0..40u32, 0..300),
            longest in 0..40u32,
            capacity in 40..200u32,
        ) {
            for length in &mut lengths {
                *length = (*length).min(longest);
            }
            lengths.sort_unstable_by(|left, right| right.cmp(left));
            let keys: Vec<Key> = lengths.iter().zip(0..).map(|(length, row)| key(*length, row)).collect();
            prop_assert_eq!(best_fit_decreasing(&keys, capacity), by_rule(&lengths, capacity));
        }
    }
}
