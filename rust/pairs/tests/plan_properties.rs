//! Properties of plans over random items.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod items;

use std::collections::BTreeSet;

use items::{Item, plan};
use proptest::prelude::*;
use twogrpo_pairs::{Oversize, PlanOptions};

const BUDGET: u32 = 64;

fn pairs() -> impl Strategy<Value = Vec<Item>> {
    let pair = (1..=BUDGET, 1..=BUDGET, any::<bool>(), any::<bool>());
    prop::collection::vec(pair, 0..40).prop_map(|pairs| {
        let item = |unit: usize, side: usize, length: u32, contributes: bool| Item {
            id: i64::try_from(2 * unit + side).unwrap(),
            length,
            loss_tokens: length / 2,
            contributes,
            unit: Some(i64::try_from(unit).unwrap()),
        };
        let both = |(unit, (left, right, a, b)): (usize, (u32, u32, bool, bool))| {
            [item(unit, 0, left, a), item(unit, 1, right, b)]
        };
        pairs.into_iter().enumerate().flat_map(both).collect()
    })
}

fn options(ranks: usize, rollouts_per_step: Option<usize>, seed: u64) -> PlanOptions {
    PlanOptions {
        rollouts_per_step,
        ranks,
        seed,
        ..items::options(BUDGET)
    }
}

proptest! {
    #[test]
    fn each_item_is_planned_once_or_skipped(items in pairs(), ranks in 1..4usize, pairs in prop::option::of(1..5usize), seed: u64) {
        let planned = plan(&items, &options(ranks, pairs.map(|count| 2 * count), seed)).unwrap();
        let rows: Vec<u32> = planned.steps.iter().flat_map(|step| step.ranks.concat().concat()).collect();
        let distinct: BTreeSet<u32> = rows.iter().copied().collect();
        prop_assert_eq!(rows.len(), distinct.len());
        let contributing: BTreeSet<u32> = (0..u32::try_from(items.len()).unwrap()).filter(|row| items[*row as usize].contributes).collect();
        prop_assert_eq!(distinct, contributing);
        let sum = |of: fn(&twogrpo_pairs::Denominators) -> u64| planned.steps.iter().map(|step| of(&step.denominators)).sum::<u64>();
        prop_assert_eq!(sum(|counts| counts.rollouts), items.len() as u64);
        prop_assert_eq!(sum(|counts| counts.tokens), items.iter().map(|item| u64::from(item.loss_tokens)).sum::<u64>());
        prop_assert_eq!(sum(|counts| counts.skipped_rollouts), items.iter().filter(|item| !item.contributes).count() as u64);
    }

    #[test]
    fn the_budget_is_a_hard_cap_and_ranks_are_equal(items in pairs(), ranks in 1..4usize, seed: u64) {
        let planned = plan(&items, &options(ranks, Some(8), seed)).unwrap();
        for step in &planned.steps {
            prop_assert_eq!(step.ranks.len(), ranks);
            prop_assert!(step.ranks.iter().all(|batches| batches.len() == step.ranks[0].len()));
            for batch in step.ranks.concat() {
                prop_assert!(batch.iter().map(|row| items[*row as usize].length).sum::<u32>() <= BUDGET);
            }
        }
    }

    #[test]
    fn a_pair_shares_its_optimizer_step(items in pairs(), seed: u64) {
        let planned = plan(&items, &options(1, Some(6), seed)).unwrap();
        for step in &planned.steps {
            prop_assert!(step.denominators.rollouts <= 6);
            let units: BTreeSet<i64> = step.ranks.concat().concat().iter().map(|row| items[*row as usize].unit.unwrap()).collect();
            for other in planned.steps.iter().filter(|other| *other != step) {
                let theirs: BTreeSet<i64> = other.ranks.concat().concat().iter().map(|row| items[*row as usize].unit.unwrap()).collect();
                prop_assert!(units.is_disjoint(&theirs));
            }
        }
    }

    #[test]
    fn dropped_units_are_counted_and_the_rest_is_planned(items in pairs(), budget in 1..BUDGET, seed: u64) {
        let options = PlanOptions { token_budget: budget, oversize: Oversize::Drop, ..options(2, Some(4), seed) };
        let planned = plan(&items, &options).unwrap();
        let rows: usize = planned.steps.iter().map(|step| step.ranks.concat().concat().len()).sum();
        let left_out = |step: &twogrpo_pairs::Step| step.denominators.skipped_rollouts + step.denominators.dropped_rollouts;
        prop_assert_eq!(rows as u64 + planned.steps.iter().map(left_out).sum::<u64>(), items.len() as u64);
        for row in planned.steps.iter().flat_map(|step| step.ranks.concat().concat()) {
            let unit = items.iter().filter(|item| item.unit == items[row as usize].unit && item.contributes);
            prop_assert!(unit.map(|item| item.length).all(|length| length <= budget));
        }
    }

    #[test]
    fn another_number_of_ranks_splits_the_same_steps(items in pairs(), seed: u64) {
        let rows = |ranks| {
            let planned = plan(&items, &options(ranks, Some(4), seed)).unwrap();
            planned.steps.iter().map(|step| step.ranks.concat().concat().into_iter().collect::<BTreeSet<_>>()).collect::<Vec<_>>()
        };
        prop_assert_eq!(rows(1), rows(3));
    }
}
