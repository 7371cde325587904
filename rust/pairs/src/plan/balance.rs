//! Micro-batches of equal work, as many for each rank.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::repeat_with;

use super::MicroBatch;
use super::longest_first::longest_first;
use super::pack::best_fit_decreasing;
use super::shares::{Key, length_and_row};

/// Tokens of a sequence after which attention costs as much again as everything else; a rough figure for models of
/// 0.5 to 7 billion parameters. It only shapes the balance, never the cap.
const ATTENTION_LENGTH: u64 = 8192;

/// A micro-batch and its work.
type Load = (u64, MicroBatch);

/// Returns each rank's micro-batches of some rows, the longest first, under the token budget, which none exceeds.
pub fn micro_batches(keys: &[Key], token_budget: u32, ranks: usize) -> Vec<Vec<MicroBatch>> {
    let (count, bins) = balanced_bins(keys, token_budget, ranks);
    let mut members = vec![0; count];
    for bin in &bins {
        if let Some(members) = members.get_mut(*bin as usize) {
            *members += 1;
        }
    }
    let mut loads: Vec<Load> = members
        .into_iter()
        .map(|members| (0, Vec::with_capacity(members)))
        .collect();
    for (key, bin) in keys.iter().zip(bins) {
        let (length, row) = length_and_row(*key);
        if let Some((done, batch)) = loads.get_mut(bin as usize) {
            *done = done.saturating_add(work(length));
            batch.push(row);
        }
    }
    spread(loads, ranks)
}

/// Returns a number of bins, a multiple of the ranks, and the bin of each key.
///
/// As few bins as the sum of lengths allows, balanced; where the cap would break, one round of bins more, or as many as
/// best fit needs; where that breaks it too, the unbalanced bins of best fit, which never do.
fn balanced_bins(keys: &[Key], token_budget: u32, ranks: usize) -> (usize, Vec<u32>) {
    let total: usize = keys.iter().map(|key| length_and_row(*key).0 as usize).sum();
    let bound = total.div_ceil(token_budget as usize).next_multiple_of(ranks);
    let balanced = |count: usize| longest_first(keys, count, token_budget).map(|bins| (count, bins));
    balanced(bound).unwrap_or_else(|| {
        let packed = best_fit_decreasing(keys, token_budget);
        let fewest = packed
            .iter()
            .max()
            .map_or(0, |last| *last as usize + 1)
            .next_multiple_of(ranks);
        balanced(fewest.max(bound + ranks)).unwrap_or((fewest, packed))
    })
}

/// Work of a sequence of some tokens: linear, and quadratic in attention.
pub fn work(length: u32) -> u64 {
    let length = u64::from(length);
    length.saturating_mul(ATTENTION_LENGTH + length)
}

/// Returns the batches shared out over the ranks: the heaviest first, to the rank with the least work and a place left.
fn spread(mut loads: Vec<Load>, ranks: usize) -> Vec<Vec<MicroBatch>> {
    let places = loads.len() / ranks;
    loads.sort_by_key(|(load, batch)| (Reverse(*load), batch.first().copied()));
    let mut shares: Vec<Vec<MicroBatch>> = repeat_with(|| Vec::with_capacity(places)).take(ranks).collect();
    let mut lightest: BinaryHeap<Reverse<(u64, usize)>> = (0..ranks).map(|rank| Reverse((0, rank))).collect();
    for (load, batch) in loads {
        let Some(Reverse((done, rank))) = lightest.pop() else {
            break;
        };
        let Some(taken) = shares.get_mut(rank) else { break };
        taken.push(batch);
        if taken.len() < places {
            lightest.push(Reverse((done.saturating_add(load), rank)));
        }
    }
    shares
}
