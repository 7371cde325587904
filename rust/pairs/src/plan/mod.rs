//! From items to optimizer steps of packed micro-batches, balanced over ranks.
//!
//! A plan is a pure function of items, options, seed and epoch. Items that cannot contribute are left out of the
//! micro-batches and still counted in the denominators of their step.

mod balance;
mod hashes;
mod items;
mod longest_first;
mod pack;
mod shares;
mod sorting;
mod units;

use crate::error::PairsError;
use balance::micro_batches;
use hashes::Hashes;
pub use items::Items;
use shares::Shares;
use units::Units;

/// Most processes that train side by side.
const MAX_RANKS: usize = 1 << 16;

/// Most ranks over all optimizer steps: each holds a list of micro-batches, whether or not there is an item for it.
const MAX_SHARES: usize = 1 << 24;

/// What becomes of an item that is longer than the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oversize {
    /// It is an error.
    Error,
    /// Its unit is left out of the micro-batches, and counted.
    Drop,
}

/// How a plan is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanOptions {
    /// Most tokens of one micro-batch.
    pub token_budget: u32,
    /// Items of one optimizer step, skipped ones included; none puts all into one step.
    pub rollouts_per_step: Option<usize>,
    /// Processes that train side by side, at most 65,536.
    pub ranks: usize,
    /// Seed of the order.
    pub seed: u64,
    /// Pass over the items; another pass has another order.
    pub epoch: u64,
    /// What becomes of items that are too long.
    pub oversize: Oversize,
}

/// What a step's loss divides by, over all of its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Denominators {
    /// Items of the step.
    pub rollouts: u64,
    /// Their loss tokens.
    pub tokens: u64,
    /// Items left out because they contribute nothing.
    pub skipped_rollouts: u64,
    /// Their loss tokens.
    pub skipped_tokens: u64,
    /// Items left out because their unit does not fit.
    pub dropped_rollouts: u64,
}

/// Items of one forward and backward pass, as indices into the items given.
pub type MicroBatch = Vec<u32>;

/// One optimizer step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// Micro-batches of each rank; every rank has as many, possibly empty ones.
    pub ranks: Vec<Vec<MicroBatch>>,
    /// What its loss divides by.
    pub denominators: Denominators,
}

/// A whole plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its optimizer steps, in order.
    pub steps: Vec<Step>,
    /// A hash of everything in it.
    pub hash: u64,
    /// A hash of the items and denominators of every step: with a step's index the whole state of a plan, whatever
    /// the ranks and the budget that it is split by.
    pub steps_hash: u64,
}

/// Returns the plan of some items.
///
/// Their order has a say in which units meet in a step where `rollouts_per_step` is set, and in nothing that a loss
/// depends on where it is not.
pub fn plan_batches(items: &Items<'_>, options: &PlanOptions) -> Result<Plan, PairsError> {
    validate(options)?;
    let count = items.check()?;
    if options.oversize == Oversize::Error {
        refuse_oversize(items, count, options.token_budget)?;
    }
    let shares = Shares::of(items, &Units::of(items, count), options)?;
    refuse_empty_shares(shares.len(), options.ranks)?;
    let mut hashes = Hashes::default();
    let mut steps = Vec::new();
    shares.for_each(|share, keys| {
        let step = Step {
            ranks: micro_batches(keys, options.token_budget, options.ranks),
            denominators: share.denominators,
        };
        hashes.add(items, &step, share.members);
        steps.push(step);
    });
    let (hash, steps_hash) = hashes.digests();
    Ok(Plan {
        steps,
        hash,
        steps_hash,
    })
}

fn validate(options: &PlanOptions) -> Result<(), PairsError> {
    let ranges = [
        ("token_budget", options.token_budget as usize, usize::MAX, "at least 1"),
        ("ranks", options.ranks, MAX_RANKS, "1 to 65,536"),
        (
            "rollouts_per_step",
            options.rollouts_per_step.unwrap_or(1),
            usize::MAX,
            "at least 1",
        ),
    ];
    match ranges.iter().find(|(_, value, most, _)| !(1..=*most).contains(value)) {
        Some((key, found, _, expected)) => Err(PairsError::OutOfRange {
            key,
            found: found.to_string(),
            expected,
        }),
        None => Ok(()),
    }
}

/// Refuses a plan that would take memory for ranks with nothing to do in most of its steps.
fn refuse_empty_shares(steps: usize, ranks: usize) -> Result<(), PairsError> {
    if steps.saturating_mul(ranks) <= MAX_SHARES {
        return Ok(());
    }
    Err(PairsError::OutOfRange {
        key: "ranks",
        found: format!("{ranks} over {steps} optimizer steps"),
        expected: "at most 16,777,216 over all steps together; use fewer, or raise rollouts_per_step",
    })
}

fn refuse_oversize(items: &Items<'_>, count: u32, token_budget: u32) -> Result<(), PairsError> {
    match (0..count).find_map(|row| Some((row, items.excess(row, token_budget)?))) {
        Some((row, length)) => Err(PairsError::Oversize {
            item_id: items.id(row),
            length,
            token_budget,
        }),
        None => Ok(()),
    }
}
