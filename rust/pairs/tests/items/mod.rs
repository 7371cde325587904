//! Items as tests write them, one by one.

#![allow(dead_code, reason = "each test file uses some of it")]

use twogrpo_pairs::{Items, Oversize, PairsError, Plan, PlanOptions, plan_batches};

#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub id: i64,
    pub length: u32,
    pub loss_tokens: u32,
    pub contributes: bool,
    pub unit: Option<i64>,
}

/// An item without a unit that counts for its length.
pub fn single(id: i64, length: u32) -> Item {
    Item {
        id,
        length,
        loss_tokens: length,
        contributes: true,
        unit: None,
    }
}

/// Items of some lengths, their ids counting from 0.
pub fn items(lengths: &[u32]) -> Vec<Item> {
    lengths
        .iter()
        .zip(0..)
        .map(|(length, id)| single(id, *length))
        .collect()
}

/// Lengths that look random and are the same everywhere.
pub fn lengths(count: u32, longest: u32) -> Vec<u32> {
    (0..count)
        .scan(12345u32, |state, _| {
            *state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
            Some(1 + (*state >> 8) % longest)
        })
        .collect()
}

/// One step on one rank.
pub fn options(token_budget: u32) -> PlanOptions {
    PlanOptions {
        token_budget,
        rollouts_per_step: None,
        ranks: 1,
        seed: 0,
        epoch: 0,
        oversize: Oversize::Error,
    }
}

/// The plan of some items.
pub fn plan(items: &[Item], options: &PlanOptions) -> Result<Plan, PairsError> {
    let ids: Vec<i64> = items.iter().map(|item| item.id).collect();
    let lengths: Vec<u32> = items.iter().map(|item| item.length).collect();
    let loss_tokens: Vec<u32> = items.iter().map(|item| item.loss_tokens).collect();
    let contributes: Vec<bool> = items.iter().map(|item| item.contributes).collect();
    let units: Vec<i64> = items.iter().map(|item| item.unit.unwrap_or_default()).collect();
    let has_unit: Vec<bool> = items.iter().map(|item| item.unit.is_some()).collect();
    let columns = Items {
        ids: &ids,
        lengths: &lengths,
        loss_tokens: &loss_tokens,
        contributes: &contributes,
        units: &units,
        has_unit: &has_unit,
    };
    plan_batches(&columns, options)
}
