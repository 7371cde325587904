//! Plans against what is known of them: golden hashes, the fewest bins there can be, and the errors.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod items;

use items::{Item, items, lengths, options, plan, single};
use twogrpo_pairs::{Items, Oversize, PairsError, PlanOptions, plan_batches};

#[test]
fn a_plan_is_the_same_on_every_platform() {
    let options = PlanOptions {
        rollouts_per_step: Some(50),
        ranks: 2,
        seed: 7,
        epoch: 3,
        ..options(512)
    };
    let planned = plan(&items(&lengths(1000, 300)), &options).unwrap();
    assert_eq!(format!("{:016x}", planned.hash), "8db01132a166ef8b");
}

#[test]
fn one_step_of_many_items_is_the_same_on_every_platform() {
    let items = items(&lengths(50_000, 300));
    let hash = |ranks, budget| {
        let options = PlanOptions {
            ranks,
            ..options(budget)
        };
        format!("{:016x}", plan(&items, &options).unwrap().hash)
    };
    assert_eq!(
        [hash(1, 2048), hash(8, 2048), hash(1, 301)],
        ["e0ef1987a1d70096", "03caf492bb94af5e", "0934b94c842a55c1"]
    );
}

#[test]
fn another_epoch_is_another_order() {
    let items = items(&lengths(100, 30));
    let hash = |epoch| {
        plan(
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
        let planned = plan(&items(&lengths), &options(64)).unwrap();
        let fewest = fewest_bins(&lengths, &mut Vec::new(), 64, lengths.len());
        let used = planned.steps[0].ranks[0].len();
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
    let planned = plan(&items, &options).unwrap();
    let loads: Vec<u32> = planned.steps[0]
        .ranks
        .iter()
        .map(|batches| batches.concat().iter().map(|row| items[*row as usize].length).sum())
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
    let planned = plan(&tied, &options(64)).unwrap();
    assert_eq!(planned.steps.len(), 1);
    assert!(planned.steps[0].ranks.concat().is_empty());
    assert_eq!(
        (
            planned.steps[0].denominators.rollouts,
            planned.steps[0].denominators.tokens
        ),
        (2, 11)
    );
}

#[test]
fn no_items_make_no_step() {
    assert!(plan(&[], &options(64)).unwrap().steps.is_empty());
}

#[test]
fn an_item_over_the_budget_is_an_error_that_names_it() {
    let error = plan(&items(&[10, 65]), &options(64)).unwrap_err();
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
    let planned = plan(
        &pair,
        &PlanOptions {
            oversize: Oversize::Drop,
            ..options(64)
        },
    )
    .unwrap();
    assert_eq!(planned.steps[0].ranks.concat().concat(), vec![2]);
    assert_eq!(planned.steps[0].denominators.dropped_rollouts, 2);
    assert_eq!(planned.steps[0].denominators.rollouts, 3);
}

#[test]
fn an_item_that_contributes_nothing_may_be_of_any_length() {
    let mut long = items(&[10, 65]);
    long[1].contributes = false;
    assert_eq!(
        plan(&long, &options(64)).unwrap().steps[0]
            .denominators
            .skipped_rollouts,
        1
    );
}

#[test]
fn the_same_item_twice_is_an_error() {
    let twice = vec![single(3, 1), single(4, 1), single(3, 2)];
    assert_eq!(
        plan(&twice, &options(64)).unwrap_err(),
        PairsError::DuplicateItem { item_id: 3 }
    );
}

#[test]
fn a_unit_over_the_size_of_a_step_is_an_error_that_names_it() {
    let mut pair = items(&[1, 2, 3]);
    pair[1].unit = Some(9);
    pair[2].unit = Some(9);
    let error = plan(
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
    let planned = plan(
        &halves,
        &PlanOptions {
            rollouts_per_step: Some(2),
            ..options(64)
        },
    )
    .unwrap();
    for step in &planned.steps {
        let rows = step.ranks.concat().concat();
        assert_eq!(rows[0] % 10, rows[1] % 10);
    }
}

#[test]
fn one_large_step_is_packed_nearly_full() {
    let items = items(&lengths(50_000, 300));
    let planned = plan(&items, &options(2048)).unwrap();
    let batches = &planned.steps[0].ranks[0];
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
    let hash = |seed| plan(&items, &PlanOptions { seed, ..options(64) }).unwrap().hash;
    assert_eq!(hash(0), hash(1));
}

#[test]
fn lengths_near_the_largest_number_do_not_overflow() {
    let planned = plan(&items(&[u32::MAX, u32::MAX - 1, 7]), &options(u32::MAX)).unwrap();
    assert_eq!(planned.steps[0].ranks[0].len(), 3);
}

#[test]
fn numbers_out_of_range_are_named() {
    let refused = |options| plan(&items(&[1, 1]), &options).unwrap_err().to_string();
    let ranks = |ranks| PlanOptions { ranks, ..options(64) };
    assert_eq!(
        refused(options(0)),
        "token_budget=0 is out of range; expected at least 1"
    );
    assert_eq!(refused(ranks(0)), "ranks=0 is out of range; expected 1 to 65,536");
    assert_eq!(
        refused(ranks(1 << 62)),
        "ranks=4611686018427387904 is out of range; expected 1 to 65,536"
    );
}

#[test]
fn the_most_ranks_are_planned_for() {
    let planned = plan(
        &items(&[5, 7]),
        &PlanOptions {
            ranks: 1 << 16,
            ..options(64)
        },
    )
    .unwrap();
    assert_eq!(planned.steps[0].ranks.len(), 1 << 16);
    assert_eq!(planned.steps[0].ranks[..3].concat(), [vec![1], vec![0], vec![]]);
}

#[test]
fn ranks_with_nothing_to_do_in_most_steps_are_refused() {
    let options = PlanOptions {
        ranks: 1 << 16,
        rollouts_per_step: Some(1),
        ..options(64)
    };
    let error = plan(&items(&[1; 300]), &options).unwrap_err().to_string();
    assert!(
        error.starts_with("ranks=65536 over 300 optimizer steps is out of range; expected at most 16,777,216"),
        "{error}"
    );
}

#[test]
fn every_lengths_of_ten_items_take_at_most_one_bin_more_than_the_fewest() {
    for count in 1..=10 {
        for case in 0..200 {
            let lengths = lengths(count + case, 60)[usize::try_from(case).unwrap()..].to_vec();
            let planned = plan(&items(&lengths), &options(64)).unwrap();
            let fewest = fewest_bins(&lengths, &mut Vec::new(), 64, lengths.len());
            let used = planned.steps[0].ranks[0].len();
            assert!(
                (fewest..=fewest + 1).contains(&used),
                "{lengths:?}: {used} bins, {fewest} would do"
            );
        }
    }
}

#[test]
fn one_rank_or_many_have_the_same_steps() {
    let items = items(&lengths(300, 60));
    let hashes = |ranks, token_budget, seed| {
        let options = PlanOptions {
            ranks,
            seed,
            rollouts_per_step: Some(32),
            ..options(token_budget)
        };
        let planned = plan(&items, &options).unwrap();
        (planned.steps_hash, planned.hash)
    };
    let (steps, all) = hashes(1, 128, 0);
    for (ranks, budget) in [(3, 128), (1, 256)] {
        let (same, other) = hashes(ranks, budget, 0);
        assert_eq!(same, steps);
        assert_ne!(other, all);
    }
    assert_ne!(hashes(1, 128, 1).0, steps);
}

#[test]
fn equal_lengths_in_other_steps_are_other_steps() {
    let items = items(&[8; 40]);
    let hash = |seed| {
        let options = PlanOptions {
            seed,
            rollouts_per_step: Some(10),
            ..options(64)
        };
        plan(&items, &options).unwrap().steps_hash
    };
    assert_ne!(hash(0), hash(1));
}

#[test]
fn units_are_found_wherever_their_items_stand() {
    let neighbours: Vec<Item> = (0..20)
        .map(|row| Item {
            unit: Some(100 - row / 2),
            ..single(row, 8)
        })
        .collect();
    let mut mixed = neighbours.clone();
    mixed.swap(1, 19);
    let options = PlanOptions {
        rollouts_per_step: Some(2),
        ..options(64)
    };
    for items in [neighbours, mixed] {
        let planned = plan(&items, &options).unwrap();
        assert_eq!(planned.steps.len(), 10);
        for step in &planned.steps {
            let units: Vec<_> = step
                .ranks
                .concat()
                .concat()
                .iter()
                .map(|row| items[*row as usize].unit)
                .collect();
            assert!(units.len() == 2 && units[0] == units[1], "{units:?}");
        }
    }
}

#[test]
fn columns_of_unequal_length_are_refused() {
    let columns = Items {
        ids: &[1, 2],
        lengths: &[1],
        loss_tokens: &[1, 1],
        contributes: &[true, true],
        units: &[0, 0],
        has_unit: &[false, false],
    };
    assert_eq!(
        plan_batches(&columns, &options(64)),
        Err(PairsError::UnequalColumns { found: 1, expected: 2 })
    );
}
