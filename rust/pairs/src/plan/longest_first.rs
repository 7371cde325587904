//! The longest sequences first, each to the micro-batch with the least work.

use super::balance::work;
use super::shares::{Key, length_and_row};

/// How many of the lightest bins may lack room before balance is given up: where so many do, hardly any has it, and
/// asking them all again for every length would take time quadratic in the bins.
const FULL_BINS: usize = 64;

/// The work of a bin, its number and its room; bins sort by their work and then by number.
type Bin = (u64, u32, u32);

/// Returns the bin of each key, each put into the bin with the least work that has room; none where few have it.
///
/// Keys are sorted, so that their lengths fall.
pub fn longest_first(keys: &[Key], count: usize, capacity: u32) -> Option<Vec<u32>> {
    let mut bins = Bins::empty(count, capacity);
    let mut placed = Vec::with_capacity(keys.len());
    for key in keys {
        let (length, _) = length_and_row(*key);
        let (done, bin, room) = bins.take(length)?;
        bins.put((done.saturating_add(work(length)), bin, room - length));
        placed.push(bin);
    }
    Some(placed)
}

/// Bins of which the lightest is taken and comes back heavier.
///
/// Those that have come back are sorted only when one of them is the lightest: many at once, and as lengths change
/// little from one to the next they come back nearly in order. A heap would sort each of them on its own, all over its
/// memory.
struct Bins {
    /// The lightest last.
    sorted: Vec<Bin>,
    /// Those that have come back, in any order, and the lightest of them.
    heavier: Vec<Bin>,
    least: Option<Bin>,
    /// Bins lighter than all others that lacked room, the lightest first, and the most room that one of them has.
    full: Vec<Bin>,
    most_room: u32,
}

impl Bins {
    fn empty(count: usize, capacity: u32) -> Self {
        let mut sorted: Vec<Bin> = (0..u32::MAX).take(count).map(|bin| (0, bin, capacity)).collect();
        sorted.reverse();
        Self {
            sorted,
            heavier: Vec::new(),
            least: None,
            full: Vec::new(),
            most_room: 0,
        }
    }

    /// Takes the lightest bin with room for a length; none if too many lighter ones lack it, or all do.
    fn take(&mut self, length: u32) -> Option<Bin> {
        if self.most_room >= length {
            self.sorted.extend(self.full.drain(..).rev());
            self.most_room = 0;
        }
        loop {
            let bin = self.lightest()?;
            if bin.2 >= length {
                return Some(bin);
            }
            if self.full.len() == FULL_BINS {
                return None;
            }
            self.full.push(bin);
            self.most_room = self.most_room.max(bin.2);
        }
    }

    /// Puts back a bin that is no lighter than it was.
    fn put(&mut self, bin: Bin) {
        self.heavier.push(bin);
        self.least = Some(self.least.map_or(bin, |least| least.min(bin)));
    }

    fn lightest(&mut self) -> Option<Bin> {
        let is_due = |least| self.sorted.last().is_none_or(|bin| *bin > least);
        if self.least.is_some_and(is_due) {
            self.merge();
        }
        self.sorted.pop()
    }

    /// Sorts the bins that have come back in among the others; those heavier than all of them are not touched.
    fn merge(&mut self) {
        let heaviest = self.heavier.iter().max();
        let from = self.sorted.partition_point(|bin| Some(bin) > heaviest);
        self.sorted.append(&mut self.heavier);
        if let Some(merged) = self.sorted.get_mut(from..) {
            merged.sort_by(|left, right| right.cmp(left));
        }
        self.least = None;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::shares::key;

    /// The rule as it reads: of all bins in the order of their work, the first with room.
    fn by_rule(lengths: &[u32], count: usize, capacity: u32) -> Option<Vec<u32>> {
        let numbers = 0..u32::try_from(count).unwrap();
        let mut bins: Vec<Bin> = numbers.map(|bin| (0, bin, capacity)).collect();
        let place = |length: &u32| {
            bins.sort_unstable();
            let lighter = bins.iter().take(FULL_BINS + 1);
            let place = lighter.into_iter().position(|(_, _, room)| room >= length)?;
            bins[place].0 += work(*length);
            bins[place].2 -= length;
            Some(bins[place].1)
        };
        lengths.iter().map(place).collect()
    }

    fn sorted_keys(lengths: &[u32]) -> Vec<Key> {
        lengths.iter().zip(0..).map(|(length, row)| key(*length, row)).collect()
    }

    proptest! {
        #[test]
        fn the_lightest_bin_with_room_is_taken(
            mut lengths in prop::collection::vec(0..60u32, 0..400),
            longest in 1..60u32,
            count in 1..150usize,
            capacity in 59..400u32,
        ) {
            for length in &mut lengths {
                *length = (*length).min(longest);
            }
            lengths.sort_unstable_by(|left, right| right.cmp(left));
            prop_assert_eq!(longest_first(&sorted_keys(&lengths), count, capacity), by_rule(&lengths, count, capacity));
        }

        #[test]
        fn bins_that_are_nearly_full_are_asked_again_for_shorter_lengths(
            mut lengths in prop::collection::vec(1..12u32, 300..700),
            spare in 0..20u32,
        ) {
            lengths.sort_unstable_by(|left, right| right.cmp(left));
            let count = (lengths.iter().sum::<u32>() + spare).div_ceil(13) as usize;
            prop_assert_eq!(longest_first(&sorted_keys(&lengths), count, 13), by_rule(&lengths, count, 13));
        }
    }
}
