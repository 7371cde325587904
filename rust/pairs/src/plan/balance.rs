//! Micro-batches of equal work, as many for each rank.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::pack::best_fit_decreasing;
use super::{Item, MicroBatch};

/// Tokens of a sequence after which attention costs as much again as everything else; a rough figure for models of
/// 0.5 to 7 billion parameters. It only shapes the balance, never the cap.
const ATTENTION_LENGTH: u64 = 8192;

/// How many more rounds of micro-batches are tried before balance is given up for feasibility.
const EXTRA_ROUNDS: usize = 2;

/// Returns each rank's micro-batches of some rows, under the token budget.
pub fn micro_batches(items: &[Item], mut rows: Vec<usize>, token_budget: u32, ranks: usize) -> Vec<Vec<MicroBatch>> {
    let length = |row: usize| items.get(row).map_or(0, |item| item.length);
    rows.sort_by_key(|row| (Reverse(length(*row)), *row));
    let lengths: Vec<u32> = rows.iter().map(|row| length(*row)).collect();
    let packed = best_fit_decreasing(&lengths, token_budget);
    let fewest = packed.len().next_multiple_of(ranks);
    let mut bins = (0..=EXTRA_ROUNDS)
        .find_map(|round| longest_first(&lengths, fewest + round * ranks * usize::from(fewest > 0), token_budget))
        .unwrap_or(packed);
    bins.resize(bins.len().next_multiple_of(ranks), Vec::new());
    let batches = bins.into_iter().map(|bin| bin.into_iter().filter_map(|at| rows.get(at).copied()).collect()).collect();
    spread(items, batches, ranks)
}

/// Work of a sequence of some tokens: linear, and quadratic in attention.
fn work(length: u32) -> u64 {
    let length = u64::from(length);
    length * ATTENTION_LENGTH + length * length
}

/// Returns `count` bins filled longest first, each length into the bin with the least work that has room; none where
/// a length finds no room.
fn longest_first(lengths: &[u32], count: usize, capacity: u32) -> Option<Vec<Vec<usize>>> {
    let mut bins = vec![Vec::new(); count];
    let mut heap: BinaryHeap<Reverse<(u64, usize, u32)>> = (0..count).map(|bin| Reverse((0, bin, 0))).collect();
    let mut full = Vec::new();
    for (index, &length) in lengths.iter().enumerate() {
        let (done, bin, used) = loop {
            let Reverse(lightest) = heap.pop()?;
            if lightest.2 + length <= capacity {
                break lightest;
            }
            full.push(Reverse(lightest));
        };
        bins.get_mut(bin)?.push(index);
        heap.push(Reverse((done + work(length), bin, used + length)));
        heap.extend(full.drain(..));
    }
    Some(bins)
}

/// Returns the batches shared out over the ranks: the heaviest first, to the rank with the least work and a place left.
fn spread(items: &[Item], mut batches: Vec<MicroBatch>, ranks: usize) -> Vec<Vec<MicroBatch>> {
    let load = |batch: &MicroBatch| batch.iter().filter_map(|row| items.get(*row)).map(|item| work(item.length)).sum::<u64>();
    let places = batches.len() / ranks;
    batches.sort_by_key(|batch| (Reverse(load(batch)), batch.first().copied()));
    let mut shares: Vec<(u64, Vec<MicroBatch>)> = vec![(0, Vec::new()); ranks];
    for batch in batches {
        let lightest = shares.iter_mut().filter(|(_, taken)| taken.len() < places).min_by_key(|(done, _)| *done);
        if let Some((done, taken)) = lightest {
            *done += load(&batch);
            taken.push(batch);
        }
    }
    shares.into_iter().map(|(_, taken)| taken).collect()
}
