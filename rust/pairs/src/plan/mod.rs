//! From items to optimizer steps of packed micro-batches, balanced over ranks.
//!
//! A plan is a pure function of items, options, seed and epoch. Items that cannot contribute are left out of the
//! micro-batches and still counted in the denominators of their step.

mod balance;
mod pack;
mod units;

use xxhash_rust::xxh3::Xxh3;

use crate::error::PairsError;
use crate::repeated::first_repeated;
use balance::micro_batches;
use units::{Unit, rows_by_unit, shuffled_units, split};

/// One sequence to train on, or several that must meet in one forward pass, counted together.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The caller's name for it.
    pub item_id: i64,
    /// Tokens it takes of the budget, prompt included.
    pub length: u32,
    /// Tokens it counts for in the denominator.
    pub loss_tokens: u32,
    /// Whether leaving it out would change the gradient.
    pub contributes: bool,
    /// Items of one unit share an optimizer step.
    pub unit: Option<i64>,
}

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
    /// Processes that train side by side.
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
pub type MicroBatch = Vec<usize>;

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
    /// A hash of everything in it: with a step's index the whole state of a plan.
    pub hash: u64,
}

/// Returns the plan of some items.
///
/// Their order has a say in which units meet in a step where `rollouts_per_step` is set, and in nothing that a loss
/// depends on where it is not.
pub fn plan_batches(items: &[Item], options: &PlanOptions) -> Result<Plan, PairsError> {
    validate(items, options)?;
    let rows = rows_by_unit(items);
    let units = shuffled_units(items, &rows, options);
    let mut hasher = Xxh3::new();
    let planned = |units| {
        let step = plan_step(items, units, options);
        hash_step(&mut hasher, items, &step);
        step
    };
    let steps = split(items, &units, options.rollouts_per_step)?
        .into_iter()
        .map(planned)
        .collect();
    Ok(Plan {
        steps,
        hash: hasher.digest(),
    })
}

fn validate(items: &[Item], options: &PlanOptions) -> Result<(), PairsError> {
    let positive = [
        ("token_budget", options.token_budget as usize),
        ("ranks", options.ranks),
        ("rollouts_per_step", options.rollouts_per_step.unwrap_or(1)),
    ];
    if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
        return Err(PairsError::OutOfRange {
            key,
            found: "0".to_owned(),
            expected: "at least 1",
        });
    }
    let mut ids: Vec<i64> = items.iter().map(|item| item.item_id).collect();
    if let Some(item_id) = first_repeated(&mut ids) {
        return Err(PairsError::DuplicateItem { item_id });
    }
    let too_long = items
        .iter()
        .find(|item| item.contributes && item.length > options.token_budget);
    match too_long {
        Some(item) if options.oversize == Oversize::Error => Err(PairsError::Oversize {
            item_id: item.item_id,
            length: item.length,
            token_budget: options.token_budget,
        }),
        _ => Ok(()),
    }
}

fn plan_step(items: &[Item], units: &[Unit], options: &PlanOptions) -> Step {
    let mut denominators = Denominators::default();
    let mut kept = Vec::new();
    for unit in units {
        let members = || unit.iter().filter_map(|row| items.get(*row).map(|item| (*row, item)));
        let fits = members().all(|(_, item)| !item.contributes || item.length <= options.token_budget);
        for (row, item) in members() {
            denominators.rollouts += 1;
            denominators.tokens += u64::from(item.loss_tokens);
            if !item.contributes {
                denominators.skipped_rollouts += 1;
                denominators.skipped_tokens += u64::from(item.loss_tokens);
            } else if fits {
                kept.push(row);
            } else {
                denominators.dropped_rollouts += 1;
            }
        }
    }
    Step {
        ranks: micro_batches(items, kept, options.token_budget, options.ranks),
        denominators,
    }
}

fn hash_step(hasher: &mut Xxh3, items: &[Item], step: &Step) {
    let mut put = |number: u64| hasher.update(&number.to_le_bytes());
    let Denominators {
        rollouts,
        tokens,
        skipped_rollouts,
        skipped_tokens,
        dropped_rollouts,
    } = step.denominators;
    [rollouts, tokens, skipped_rollouts, skipped_tokens, dropped_rollouts]
        .into_iter()
        .for_each(&mut put);
    for batches in &step.ranks {
        // Counts before contents: two plans that differ never hash the same numbers.
        put(batches.len() as u64);
        for rows in batches {
            put(rows.len() as u64);
            rows.iter()
                .filter_map(|row| items.get(*row))
                .for_each(|item| put(item.item_id.cast_unsigned()));
        }
    }
}
