//! Properties of pairs and plans over random inputs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use twogrpo_pairs::{
    CutResponses, Item, Oversize, PairSpec, PlanOptions, Rollout, Strategy as PairStrategy, build_pairs, count_groups,
    plan_batches,
};

const BUDGET: u32 = 64;

fn rollouts() -> impl Strategy<Value = Vec<Rollout>> {
    let row = (
        0..6u64,
        0..4u8,
        any::<bool>(),
        1..40u32,
        prop::option::weighted(0.95, Just(())),
        0..3i32,
    );
    prop::collection::vec(row, 0..40).prop_map(|rows| {
        let built = rows
            .into_iter()
            .enumerate()
            .map(|(index, (group, reward, is_cut, length, scored, version))| Rollout {
                group,
                prompt: group / 2,
                rollout_id: 1000 + i64::try_from(index).unwrap(),
                reward: scored.map(|()| f64::from(reward)),
                is_inert: false,
                is_cut,
                length,
                policy_version: Some(version),
            });
        built.collect()
    })
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let pair = (1..=BUDGET, 1..=BUDGET, any::<bool>(), any::<bool>());
    prop::collection::vec(pair, 0..40).prop_map(|pairs| {
        let item = |unit: usize, side: usize, length: u32, contributes: bool| Item {
            item_id: i64::try_from(2 * unit + side).unwrap(),
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
        token_budget: BUDGET,
        rollouts_per_step,
        ranks,
        seed,
        epoch: 0,
        oversize: Oversize::Error,
    }
}

fn ids(rollouts: &[Rollout], spec: &PairSpec) -> Vec<(i64, i64)> {
    let pairs = build_pairs(rollouts, spec).unwrap();
    pairs
        .iter()
        .map(|pair| (rollouts[pair.chosen].rollout_id, rollouts[pair.rejected].rollout_id))
        .collect()
}

proptest! {
    #[test]
    fn pairs_are_decided_and_of_one_live_group(rows in rollouts(), seed: u64) {
        for strategy in [PairStrategy::OneRandom, PairStrategy::All, PairStrategy::BestWorst] {
            let spec = PairSpec { strategy, seed, ..PairSpec::default() };
            for pair in build_pairs(&rows, &spec).unwrap() {
                let (chosen, rejected) = (&rows[pair.chosen], &rows[pair.rejected]);
                prop_assert_eq!(chosen.group, rejected.group);
                prop_assert!(chosen.reward > rejected.reward);
                prop_assert!(rows.iter().filter(|row| row.group == chosen.group).all(|row| row.reward.is_some()));
            }
        }
    }

    #[test]
    fn the_order_of_rows_has_no_say(rows in rollouts(), seed: u64) {
        for strategy in [PairStrategy::OneRandom, PairStrategy::All, PairStrategy::BestWorst] {
            let spec = PairSpec { strategy, seed, max_per_rollout: Some(1), ..PairSpec::default() };
            let reversed: Vec<Rollout> = rows.iter().rev().cloned().collect();
            prop_assert_eq!(ids(&rows, &spec), ids(&reversed, &spec));
        }
    }

    #[test]
    fn one_random_takes_one_pair_of_every_decided_group(rows in rollouts(), seed: u64) {
        let spec = PairSpec { seed, max_per_prompt: Some(usize::MAX), ..PairSpec::default() };
        prop_assert_eq!(build_pairs(&rows, &spec).unwrap().len(), count_groups(&rows).decided);
    }

    #[test]
    fn all_without_limits_builds_every_pair_that_is_counted(rows in rollouts()) {
        let spec = PairSpec { strategy: PairStrategy::All, max_per_prompt: Some(usize::MAX), ..PairSpec::default() };
        prop_assert_eq!(build_pairs(&rows, &spec).unwrap().len(), count_groups(&rows).pairs);
    }

    #[test]
    fn limits_hold(rows in rollouts(), per_prompt in 1..4usize, per_rollout in 1..3usize) {
        let spec = PairSpec {
            strategy: PairStrategy::All,
            max_per_prompt: Some(per_prompt),
            max_per_rollout: Some(per_rollout),
            cut_responses: CutResponses::OnlyRejected,
            length_ratio_max: Some(2.0),
            ..PairSpec::default()
        };
        let (mut prompts, mut uses) = (BTreeMap::new(), BTreeMap::new());
        for pair in build_pairs(&rows, &spec).unwrap() {
            let (chosen, rejected) = (&rows[pair.chosen], &rows[pair.rejected]);
            prop_assert!(!chosen.is_cut);
            prop_assert!(chosen.length.max(rejected.length) <= 2 * chosen.length.min(rejected.length));
            *prompts.entry(chosen.prompt).or_insert(0) += 1;
            *uses.entry(pair.chosen).or_insert(0) += 1;
            *uses.entry(pair.rejected).or_insert(0) += 1;
        }
        prop_assert!(prompts.values().all(|count| *count <= per_prompt));
        prop_assert!(uses.values().all(|count| *count <= per_rollout));
    }

    #[test]
    fn each_item_is_planned_once_or_skipped(items in items(), ranks in 1..4usize, pairs in prop::option::of(1..5usize), seed: u64) {
        let plan = plan_batches(&items, &options(ranks, pairs.map(|count| 2 * count), seed)).unwrap();
        let planned: Vec<usize> = plan.steps.iter().flat_map(|step| step.ranks.concat().concat()).collect();
        let distinct: BTreeSet<usize> = planned.iter().copied().collect();
        prop_assert_eq!(planned.len(), distinct.len());
        let contributing: BTreeSet<usize> = (0..items.len()).filter(|row| items[*row].contributes).collect();
        prop_assert_eq!(distinct, contributing);
        let sum = |of: fn(&twogrpo_pairs::Denominators) -> u64| plan.steps.iter().map(|step| of(&step.denominators)).sum::<u64>();
        prop_assert_eq!(sum(|counts| counts.rollouts), items.len() as u64);
        prop_assert_eq!(sum(|counts| counts.tokens), items.iter().map(|item| u64::from(item.loss_tokens)).sum::<u64>());
        prop_assert_eq!(sum(|counts| counts.skipped_rollouts), items.iter().filter(|item| !item.contributes).count() as u64);
    }

    #[test]
    fn the_budget_is_a_hard_cap_and_ranks_are_equal(items in items(), ranks in 1..4usize, seed: u64) {
        let plan = plan_batches(&items, &options(ranks, Some(8), seed)).unwrap();
        for step in &plan.steps {
            prop_assert_eq!(step.ranks.len(), ranks);
            prop_assert!(step.ranks.iter().all(|batches| batches.len() == step.ranks[0].len()));
            for batch in step.ranks.concat() {
                prop_assert!(batch.iter().map(|row| items[*row].length).sum::<u32>() <= BUDGET);
            }
        }
    }

    #[test]
    fn a_pair_shares_its_optimizer_step(items in items(), seed: u64) {
        let plan = plan_batches(&items, &options(1, Some(6), seed)).unwrap();
        for step in &plan.steps {
            prop_assert!(step.denominators.rollouts <= 6);
            let units: BTreeSet<i64> = step.ranks.concat().concat().iter().map(|row| items[*row].unit.unwrap()).collect();
            for other in plan.steps.iter().filter(|other| *other != step) {
                let theirs: BTreeSet<i64> = other.ranks.concat().concat().iter().map(|row| items[*row].unit.unwrap()).collect();
                prop_assert!(units.is_disjoint(&theirs));
            }
        }
    }

    #[test]
    fn dropped_units_are_counted_and_the_rest_is_planned(items in items(), budget in 1..BUDGET, seed: u64) {
        let options = PlanOptions { token_budget: budget, oversize: Oversize::Drop, ..options(2, Some(4), seed) };
        let plan = plan_batches(&items, &options).unwrap();
        let planned: usize = plan.steps.iter().map(|step| step.ranks.concat().concat().len()).sum();
        let left_out = |step: &twogrpo_pairs::Step| step.denominators.skipped_rollouts + step.denominators.dropped_rollouts;
        prop_assert_eq!(planned as u64 + plan.steps.iter().map(left_out).sum::<u64>(), items.len() as u64);
        for row in plan.steps.iter().flat_map(|step| step.ranks.concat().concat()) {
            let unit = items.iter().filter(|item| item.unit == items[row].unit && item.contributes);
            prop_assert!(unit.map(|item| item.length).all(|length| length <= budget));
        }
    }

    #[test]
    fn another_number_of_ranks_splits_the_same_steps(items in items(), seed: u64) {
        let rows = |ranks| {
            let plan = plan_batches(&items, &options(ranks, Some(4), seed)).unwrap();
            plan.steps.iter().map(|step| step.ranks.concat().concat().into_iter().collect::<BTreeSet<_>>()).collect::<Vec<_>>()
        };
        prop_assert_eq!(rows(1), rows(3));
    }
}
