//! Micro-batches of equal work, as many for each rank.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::MicroBatch;
use super::pack::best_fit_decreasing;
use super::shares::{Key, length_and_row};

/// Tokens of a sequence after which attention costs as much again as everything else; a rough figure for models of
/// 0.5 to 7 billion parameters. It only shapes the balance, never the cap.
const ATTENTION_LENGTH: u64 = 8192;

/// How many of the lightest bins may lack room before balance is given up: where so many do, hardly any has it, and
/// asking them all again for every length would take time quadratic in the bins.
const FULL_BINS: usize = 64;

/// A micro-batch and its work.
type Load = (u64, MicroBatch);

/// Returns each rank's micro-batches of some rows, the longest first, under the token budget, which none exceeds.
pub fn micro_batches(keys: &[Key], token_budget: u32, ranks: usize) -> Vec<Vec<MicroBatch>> {
    let rows: Vec<(u32, u32)> = keys.iter().map(|key| length_and_row(*key)).collect();
    let lengths: Vec<u32> = rows.iter().map(|(length, _)| *length).collect();
    let (count, bins) = balanced_bins(&lengths, token_budget, ranks);
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
    for ((length, row), bin) in rows.into_iter().zip(bins) {
        if let Some((done, batch)) = loads.get_mut(bin as usize) {
            *done = done.saturating_add(work(length));
            batch.push(row);
        }
    }
    spread(loads, ranks)
}

/// Returns a number of bins, a multiple of the ranks, and the bin of each length.
///
/// As few bins as the sum of lengths allows, balanced; where the cap would break, one round of bins more, or as many as
/// best fit needs; where that breaks it too, the unbalanced bins of best fit, which never do.
fn balanced_bins(lengths: &[u32], token_budget: u32, ranks: usize) -> (usize, Vec<u32>) {
    let total: usize = lengths.iter().map(|length| *length as usize).sum();
    let bound = total.div_ceil(token_budget as usize).next_multiple_of(ranks);
    let balanced = |count: usize| longest_first(lengths, count, token_budget).map(|bins| (count, bins));
    balanced(bound).unwrap_or_else(|| {
        let packed = best_fit_decreasing(lengths, token_budget);
        let fewest = packed
            .iter()
            .max()
            .map_or(0, |last| *last as usize + 1)
            .next_multiple_of(ranks);
        balanced(fewest.max(bound + ranks)).unwrap_or((fewest, packed))
    })
}

/// Work of a sequence of some tokens: linear, and quadratic in attention.
fn work(length: u32) -> u64 {
    let length = u64::from(length);
    length.saturating_mul(ATTENTION_LENGTH + length)
}

/// Returns the bin of each length, each put into the bin with the least work that has room; none where few have it.
fn longest_first(lengths: &[u32], count: usize, capacity: u32) -> Option<Vec<u32>> {
    let mut lightest: BinaryHeap<Reverse<(u64, u32, u32)>> = (0..u32::MAX)
        .take(count)
        .map(|bin| Reverse((0, bin, capacity)))
        .collect();
    let mut full = Vec::new();
    let place = |length: &u32| loop {
        let mut top = lightest.peek_mut()?;
        if top.0.2 >= *length {
            top.0.0 = top.0.0.saturating_add(work(*length));
            top.0.2 -= length;
            let bin = top.0.1;
            drop(top);
            lightest.extend(full.drain(..));
            return Some(bin);
        }
        if full.len() == FULL_BINS {
            return None;
        }
        full.push(PeekMut::pop(top));
    };
    lengths.iter().map(place).collect()
}

/// Returns the batches shared out over the ranks: the heaviest first, to the rank with the least work and a place left.
fn spread(mut loads: Vec<Load>, ranks: usize) -> Vec<Vec<MicroBatch>> {
    let places = loads.len() / ranks;
    loads.sort_by_key(|(load, batch)| (Reverse(*load), batch.first().copied()));
    let mut shares: Vec<(u64, Vec<MicroBatch>)> = vec![(0, Vec::new()); ranks];
    for (load, batch) in loads {
        let lightest = shares
            .iter_mut()
            .filter(|(_, taken)| taken.len() < places)
            .min_by_key(|(done, _)| *done);
        if let Some((done, taken)) = lightest {
            *done = done.saturating_add(load);
            taken.push(batch);
        }
    }
    shares.into_iter().map(|(_, taken)| taken).collect()
}
