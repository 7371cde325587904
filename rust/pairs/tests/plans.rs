//! Plans against what is known of them: golden hashes, the fewest bins there can be, and the errors.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use twogrpo_pairs::{Item, Oversize, PairsError, PlanOptions, plan_batches};

fn single(item_id: i64, length: u32) -> Item {
    Item {
        item_id,
        length,
        loss_tokens: length,
        contributes: true,
        unit: None,
    }
}

fn options(token_budget: u32) -> PlanOptions {
    PlanOptions {
        token_budget,
        rollouts_per_step: None,
        ranks: 1,
        seed: 0,
        epoch: 0,
        oversize: Oversize::Error,
    }
}

/// Lengths that look random and are the same everywhere.
fn lengths(count: u32, longest: u32) -> Vec<u32> {
    (0..count)
        .scan(12345u32, |state, _| {
            *state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
            Some(1 + (*state >> 8) % longest)
        })
        .collect()
}

fn items(lengths: &[u32]) -> Vec<Item> {
    lengths
        .iter()
        .zip(0..)
        .map(|(length, item_id)| single(item_id, *length))
        .collect()
}

#[test]
fn a_plan_is_the_same_on_every_platform() {
    let options = PlanOptions {
        rollouts_per_step: Some(50),
        ranks: 2,
        seed: 7,
        epoch: 3,
        ..options(512)
    };
    let plan = plan_batches(&items(&lengths(1000, 300)), &options).unwrap();
    assert_eq!(format!("{:016x}", plan.hash), "8db01132a166ef8b");
}

#[test]
fn another_epoch_is_another_order() {
    let items = items(&lengths(100, 30));
    let hash = |epoch| {
        plan_batches(
            &items,
            &PlanOptions {
                epoch,
                rollouts_per_step: Some(10),
                ..options(64)
            },
        )
        .unwrap()
        .hash
    };
    assert_ne!(hash(0), hash(1));
}

#[test]
fn packing_takes_at_most_one_bin_more_than_the_fewest() {
    for case in 0..60 {
        let lengths = lengths(9 + case, 60)[usize::try_from(case).unwrap()..].to_vec();
        let plan = plan_batches(&items(&lengths), &options(64)).unwrap();
        let fewest = fewest_bins(&lengths, &mut Vec::new(), 64, lengths.len());
        let used = plan.steps[0].ranks[0].len();
        assert!(
            (fewest..=fewest + 1).contains(&used),
            "{lengths:?}: {used} bins, {fewest} would do"
        );
    }
}

/// The fewest bins that hold the lengths, found by trying every placement.
fn fewest_bins(lengths: &[u32], free: &mut Vec<u32>, capacity: u32, best: usize) -> usize {
    let Some((length, rest)) = lengths.split_first() else {
        return free.len();
    };
    if free.len() >= best {
        return best;
    }
    let mut best = best;
    for bin in 0..free.len() {
        if free[bin] >= *length {
            free[bin] -= length;
            best = best.min(fewest_bins(rest, free, capacity, best));
            free[bin] += length;
        }
    }
    free.push(capacity - length);
    best = best.min(fewest_bins(rest, free, capacity, best));
    free.pop();
    best
}

#[test]
fn work_is_balanced_over_ranks() {
    let options = PlanOptions {
        ranks: 4,
        ..options(2048)
    };
    let items = items(&lengths(512, 600));
    let plan = plan_batches(&items, &options).unwrap();
    let loads: Vec<u32> = plan.steps[0]
        .ranks
        .iter()
        .map(|batches| batches.concat().iter().map(|row| items[*row].length).sum())
        .collect();
    let (most, mean) = (*loads.iter().max().unwrap(), loads.iter().sum::<u32>() / 4);
    assert!(f64::from(most) <= 1.02 * f64::from(mean), "{loads:?}");
}

#[test]
fn a_step_of_nothing_but_ties_keeps_its_denominators() {
    let tied: Vec<Item> = items(&[5, 6])
        .into_iter()
        .map(|item| Item {
            contributes: false,
            ..item
        })
        .collect();
    let plan = plan_batches(&tied, &options(64)).unwrap();
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.steps[0].ranks.concat().is_empty());
    assert_eq!(
        (plan.steps[0].denominators.rollouts, plan.steps[0].denominators.tokens),
        (2, 11)
    );
}

#[test]
fn no_items_make_no_step() {
    assert!(plan_batches(&[], &options(64)).unwrap().steps.is_empty());
}

#[test]
fn an_item_over_the_budget_is_an_error_that_names_it() {
    let error = plan_batches(&items(&[10, 65]), &options(64)).unwrap_err();
    assert_eq!(
        error,
        PairsError::Oversize {
            item_id: 1,
            length: 65,
            token_budget: 64
        }
    );
}

#[test]
fn an_item_over_the_budget_takes_its_unit_with_it() {
    let mut pair = items(&[10, 65, 20]);
    pair[0].unit = Some(9);
    pair[1].unit = Some(9);
    let plan = plan_batches(
        &pair,
        &PlanOptions {
            oversize: Oversize::Drop,
            ..options(64)
        },
    )
    .unwrap();
    assert_eq!(plan.steps[0].ranks.concat().concat(), vec![2]);
    assert_eq!(plan.steps[0].denominators.dropped_rollouts, 2);
    assert_eq!(plan.steps[0].denominators.rollouts, 3);
}

#[test]
fn an_item_that_contributes_nothing_may_be_of_any_length() {
    let mut long = items(&[10, 65]);
    long[1].contributes = false;
    assert_eq!(
        plan_batches(&long, &options(64)).unwrap().steps[0]
            .denominators
            .skipped_rollouts,
        1
    );
}

#[test]
fn the_same_item_twice_is_an_error() {
    let twice = vec![single(3, 1), single(4, 1), single(3, 2)];
    assert_eq!(
        plan_batches(&twice, &options(64)).unwrap_err(),
        PairsError::DuplicateItem { item_id: 3 }
    );
}

#[test]
fn a_unit_over_the_size_of_a_step_is_an_error_that_names_it() {
    let mut pair = items(&[1, 2, 3]);
    pair[1].unit = Some(9);
    pair[2].unit = Some(9);
    let error = plan_batches(
        &pair,
        &PlanOptions {
            rollouts_per_step: Some(1),
            ..options(64)
        },
    )
    .unwrap_err();
    assert_eq!(
        error,
        PairsError::LargeUnit {
            item_id: 1,
            members: 2,
            rollouts_per_step: 1
        }
    );
}

#[test]
fn members_of_a_unit_need_not_be_neighbours() {
    let mut halves = items(&[1; 20]);
    halves
        .iter_mut()
        .zip((0..10).chain(0..10))
        .for_each(|(item, unit)| item.unit = Some(unit));
    let plan = plan_batches(
        &halves,
        &PlanOptions {
            rollouts_per_step: Some(2),
            ..options(64)
        },
    )
    .unwrap();
    for step in &plan.steps {
        let rows = step.ranks.concat().concat();
        assert_eq!(rows[0] % 10, rows[1] % 10);
    }
}

#[test]
fn one_large_step_is_packed_nearly_full() {
    let items = items(&lengths(50_000, 300));
    let plan = plan_batches(&items, &options(2048)).unwrap();
    let batches = &plan.steps[0].ranks[0];
    let fewest = items
        .iter()
        .map(|item| item.length as usize)
        .sum::<usize>()
        .div_ceil(2048);
    assert!(
        batches.len() <= fewest + fewest / 1000,
        "{} micro-batches, at least {fewest}",
        batches.len()
    );
}

#[test]
fn without_a_step_size_the_seed_has_no_say() {
    let items = items(&lengths(100, 30));
    let hash = |seed| plan_batches(&items, &PlanOptions { seed, ..options(64) }).unwrap().hash;
    assert_eq!(hash(0), hash(1));
}

#[test]
fn lengths_near_the_largest_number_do_not_overflow() {
    let plan = plan_batches(&items(&[u32::MAX, u32::MAX - 1, 7]), &options(u32::MAX)).unwrap();
    assert_eq!(plan.steps[0].ranks[0].len(), 3);
}

#[test]
fn numbers_out_of_range_are_named() {
    let error = plan_batches(
        &items(&[1]),
        &PlanOptions {
            ranks: 0,
            ..options(64)
        },
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "ranks=0 is out of range; expected at least 1");
}
