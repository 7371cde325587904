//! Pairs against what is known of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use twogrpo_pairs::{GroupCounts, PairSpec, PairsError, Rollout, Strategy, build_pairs, count_groups};

/// One group of some rewards, its rollout ids counting from 10.
fn group(rewards: &[Option<f64>]) -> Vec<Rollout> {
    let row = |(reward, rollout_id): (&Option<f64>, i64)| Rollout {
        group: 0,
        prompt: 0,
        rollout_id,
        reward: *reward,
        is_inert: false,
        is_cut: false,
        length: 1,
        policy_version: None,
    };
    rewards.iter().zip(10..).map(row).collect()
}

#[test]
fn ids_are_the_same_on_every_platform() {
    let pairs = build_pairs(&group(&[Some(0.0), Some(1.0)]), &PairSpec::default()).unwrap();
    assert_eq!(
        (pairs[0].pair_id, pairs[0].chosen, pairs[0].rejected),
        (6_587_214_905_389_456_117, 1, 0)
    );
}

#[test]
fn equal_bests_are_chosen_between_by_the_seed() {
    let rows = group(&[Some(1.0), Some(1.0), Some(1.0), Some(0.0)]);
    let chosen = |seed| {
        let spec = PairSpec {
            strategy: Strategy::BestWorst,
            seed,
            ..PairSpec::default()
        };
        build_pairs(&rows, &spec).unwrap()[0].chosen
    };
    let mut seen: Vec<usize> = (0..40).map(chosen).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [0, 1, 2]);
}

#[test]
fn a_reward_that_is_no_number_silences_its_group() {
    assert!(
        build_pairs(&group(&[Some(1.0), Some(0.0), Some(f64::NAN)]), &PairSpec::default())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn staleness_is_the_distance_of_versions_however_far_apart() {
    let mut rows = group(&[Some(1.0), Some(0.0)]);
    rows[0].policy_version = Some(i32::MIN);
    rows[1].policy_version = Some(i32::MAX);
    assert_eq!(
        build_pairs(&rows, &PairSpec::default()).unwrap()[0].staleness,
        Some(u32::MAX)
    );
}

#[test]
fn the_same_rollout_twice_is_an_error() {
    let twice = [group(&[Some(1.0)]), group(&[Some(0.0)])].concat();
    assert_eq!(
        build_pairs(&twice, &PairSpec::default()),
        Err(PairsError::DuplicateRollout { rollout_id: 10 })
    );
}

#[test]
fn counts_of_one_group_of_three_kinds_of_reward() {
    let counts = count_groups(&group(&[Some(1.0), Some(0.5), Some(0.0), Some(0.0)]));
    assert_eq!(
        counts,
        GroupCounts {
            groups: 1,
            decided: 1,
            pairs: 5,
            ..GroupCounts::default()
        }
    );
}
