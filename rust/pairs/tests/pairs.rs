//! Pairs against what is known of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod rows;

use std::collections::HashMap;
use std::num::NonZeroU32;

use rows::{STRATEGIES, answering, group, ids, rollout, unlimited};
use twogrpo_pairs::{GroupCounts, PairSpec, PairsError, Rollout, Strategy, build_pairs, count_groups};

/// The ids of the pairs that some rollouts make.
fn built(rows: &[Rollout], spec: &PairSpec) -> Vec<(i64, i64)> {
    ids(rows, &build_pairs(rows, spec).unwrap())
}

fn across(strategy: Strategy) -> PairSpec {
    PairSpec {
        cross_step: true,
        ..unlimited(strategy)
    }
}

/// Draws of one prompt with two rollouts of equal reward each, one draw a step.
fn tied_draws(rewards: &[f64]) -> Vec<Rollout> {
    let draw = |(reward, step): (&f64, i32)| {
        [0, 1].map(|member| Rollout {
            policy_version: Some(step),
            ..rollout(i64::from(2 * step + member), i64::from(step), *reward)
        })
    };
    rewards.iter().zip(0..).flat_map(draw).collect()
}

#[test]
fn ids_are_the_same_on_every_platform() {
    let pairs = build_pairs(&group(&[0.0, 1.0]), &PairSpec::default()).unwrap();
    assert_eq!(
        (pairs[0].pair_id, pairs[0].chosen, pairs[0].rejected),
        (6_587_214_905_389_456_117, 1, 0)
    );
}

#[test]
fn choices_are_the_same_on_every_platform() {
    let rows = group(&[0.0, 0.25, 0.5, 0.5, 0.75, 1.0, 1.0]);
    let lengths: Vec<Rollout> = rows
        .into_iter()
        .zip([9, 4, 7, 1, 3, 8, 2])
        .map(|(row, length)| Rollout { length, ..row })
        .collect();
    let chosen = STRATEGIES.map(|strategy| {
        built(
            &lengths,
            &PairSpec {
                seed: 8,
                strategy,
                ..PairSpec::default()
            },
        )
    });
    assert_eq!(chosen, GOLDEN.map(<[(i64, i64)]>::to_vec));
}

const GOLDEN: [&[(i64, i64)]; 7] = [
    &[(13, 10)],
    &[(16, 10), (15, 11), (16, 11), (15, 14)],
    &[(15, 10)],
    &[(16, 12)],
    &[(15, 10)],
    &[(11, 10)],
    &[(15, 10)],
];

#[test]
fn equal_bests_are_chosen_between_by_the_seed() {
    let rows = group(&[1.0, 1.0, 1.0, 0.0]);
    for strategy in STRATEGIES.into_iter().filter(|strategy| *strategy != Strategy::All) {
        let mut seen: Vec<i64> = (0..40)
            .map(|seed| {
                built(
                    &rows,
                    &PairSpec {
                        seed,
                        strategy,
                        ..PairSpec::default()
                    },
                )[0]
                .0
            })
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [10, 11, 12], "{strategy:?}");
    }
}

#[test]
fn on_binary_rewards_the_sweet_spot_is_a_random_wrong_answer() {
    let rows = group(&[1.0, 0.0, 1.0, 0.0]);
    for seed in 0..20 {
        let of = |strategy| {
            built(
                &rows,
                &PairSpec {
                    seed,
                    strategy,
                    ..PairSpec::default()
                },
            )
        };
        assert_eq!(of(Strategy::SweetSpot), of(Strategy::BestRandom));
    }
}

#[test]
fn the_sweet_spot_is_two_deviations_below_the_mean() {
    // Mean 0.755, deviation 0.191: the target is 0.373, which 0.5 is nearer to than 0.
    let mut rewards = [0.8; 20];
    (rewards[0], rewards[1], rewards[19]) = (0.0, 0.5, 1.0);
    let rows = group(&rewards);
    assert_eq!(built(&rows, &unlimited(Strategy::SweetSpot)), [(29, 11)]);
    assert_eq!(built(&rows, &unlimited(Strategy::BestWorst)), [(29, 10)]);
}

#[test]
fn hardest_is_the_smallest_margin_that_is_none() {
    let rows = group(&[0.0, 0.5, 0.5, 0.6, 1.0]);
    let pairs = built(&rows, &unlimited(Strategy::Hardest));
    assert_eq!(pairs.len(), 1);
    assert_eq!((pairs[0].0, [11, 12].contains(&pairs[0].1)), (13, true));
}

#[test]
fn nearest_length_looks_at_tokens() {
    let rows: Vec<Rollout> = group(&[1.0, 1.0, 0.0, 0.0])
        .into_iter()
        .zip([10, 50, 18, 90])
        .map(|(row, length)| Rollout { length, ..row })
        .collect();
    assert_eq!(built(&rows, &unlimited(Strategy::NearestLength)), [(10, 12)]);
}

#[test]
fn tied_draws_pair_across_steps() {
    let rows = tied_draws(&[0.0, 1.0]);
    assert!(built(&rows, &unlimited(Strategy::All)).is_empty());
    let mut pairs = built(&rows, &across(Strategy::All));
    pairs.sort_unstable();
    assert_eq!(pairs, [(2, 0), (2, 1), (3, 0), (3, 1)]);
    assert_eq!(built(&rows, &across(Strategy::OneRandom)).len(), 1);
}

#[test]
fn every_draw_after_the_first_makes_a_pair_of_its_own() {
    let rows = tied_draws(&[0.0, 1.0, 0.0, 1.0]);
    let pairs = build_pairs(&rows, &across(Strategy::OneRandom)).unwrap();
    let mut later: Vec<u32> = pairs.iter().map(|pair| pair.chosen.max(pair.rejected) / 2).collect();
    later.sort_unstable();
    assert_eq!(later, [1, 2, 3]);
}

#[test]
fn staleness_is_limited() {
    let rows = tied_draws(&[0.0, 0.0, 1.0]);
    let spec = |most| PairSpec {
        max_staleness: most,
        ..across(Strategy::All)
    };
    let staleness = |most| {
        let pairs = build_pairs(&rows, &spec(most)).unwrap();
        let mut found: Vec<u32> = pairs.iter().filter_map(|pair| pair.staleness).collect();
        found.sort_unstable();
        found
    };
    assert_eq!(staleness(None), [1, 1, 1, 1, 2, 2, 2, 2]);
    assert_eq!(staleness(Some(1)), [1; 4]);
    assert_eq!(staleness(Some(0)), []);
}

#[test]
fn versions_of_two_runs_are_not_compared() {
    let mut rows = tied_draws(&[0.0, 1.0]);
    rows[2].run = 7;
    rows[3].run = 7;
    let pairs = build_pairs(&rows, &across(Strategy::All)).unwrap();
    assert_eq!(pairs.iter().map(|pair| pair.staleness).collect::<Vec<_>>(), [None; 4]);
    let limited = PairSpec {
        max_staleness: Some(u32::MAX),
        ..across(Strategy::All)
    };
    assert!(built(&rows, &limited).is_empty());
}

#[test]
fn an_unknown_version_never_pairs_under_a_limit_of_staleness() {
    let rows = group(&[1.0, 0.0]);
    let spec = PairSpec {
        max_staleness: Some(u32::MAX),
        ..PairSpec::default()
    };
    assert!(built(&rows, &spec).is_empty());
    assert_eq!(built(&rows, &PairSpec::default()).len(), 1);
}

#[test]
fn draws_of_an_unknown_prompt_stand_alone() {
    let rows: Vec<Rollout> = tied_draws(&[0.0, 1.0])
        .into_iter()
        .map(|row| Rollout { prompt: None, ..row })
        .collect();
    assert!(built(&rows, &across(Strategy::All)).is_empty());
}

#[test]
fn one_model_is_asked_for() {
    let mut rows = group(&[1.0, 0.0, 0.0]);
    rows[0].model = NonZeroU32::new(1);
    rows[1].model = NonZeroU32::new(2);
    let spec = PairSpec {
        same_model: true,
        ..unlimited(Strategy::All)
    };
    assert!(built(&rows, &spec).is_empty());
    rows[2].model = NonZeroU32::new(1);
    assert_eq!(built(&rows, &spec), [(10, 12)]);
}

#[test]
fn equal_responses_count_once() {
    let rows: Vec<Rollout> = group(&[1.0, 1.0, 0.0, 0.0, 0.5])
        .into_iter()
        .zip([5, 5, 6, 6, 5])
        .map(|(row, response)| answering(row, response))
        .collect();
    let spec = |dedupe| PairSpec {
        dedupe,
        ..unlimited(Strategy::All)
    };
    assert_eq!(built(&rows, &spec(false)).len(), 8);
    assert_eq!(built(&rows, &spec(true)).len(), 1);
}

#[test]
fn two_draws_with_the_same_two_responses_make_one_pair() {
    let twice = |first: i64, rewards: [f64; 2]| {
        [0, 1].map(|member| {
            let row = rollout(first + member, first, rewards[usize::try_from(member).unwrap()]);
            answering(row, u64::try_from(member + 1).unwrap())
        })
    };
    let rows = [twice(0, [1.0, 0.0]), twice(10, [1.0, 0.0]), twice(20, [0.0, 1.0])].concat();
    let spec = |dedupe| PairSpec {
        dedupe,
        ..PairSpec::default()
    };
    assert_eq!(built(&rows, &spec(false)).len(), 3);
    assert_eq!(built(&rows, &spec(true)).len(), 1);
}

#[test]
fn a_prompt_drawn_many_times_costs_no_square() {
    // All pairs of 40,000 rollouts would be 4e8; a window of 64 makes 2.5e6 candidates.
    let rewards: Vec<f64> = (0..20_000).map(|step| f64::from(step % 2)).collect();
    let rows = tied_draws(&rewards);
    let spec = PairSpec {
        cross_step: true,
        strategy: Strategy::All,
        ..PairSpec::default()
    };
    let pairs = build_pairs(&rows, &spec).unwrap();
    assert_eq!(pairs.len(), 4);
    assert!(pairs.iter().all(|pair| pair.staleness.unwrap() < 32));
}

#[test]
fn limits_are_exact_where_more_pairs_are_made_than_are_held() {
    // 300 x 300 decided pairs, several times as many as are held at once.
    let rewards: Vec<f64> = (0..600).map(|member| f64::from(member % 2)).collect();
    let rows = group(&rewards);
    for most in [1, 40] {
        let spec = PairSpec {
            max_per_rollout: Some(most),
            ..unlimited(Strategy::All)
        };
        let mut used = HashMap::new();
        let mut allowed = built(&rows, &unlimited(Strategy::All));
        allowed.retain(|(chosen, rejected)| {
            let has_room = [chosen, rejected]
                .iter()
                .all(|id| used.get(*id).is_none_or(|count| *count < most));
            for id in [chosen, rejected] {
                *used.entry(*id).or_insert(0) += usize::from(has_room);
            }
            has_room
        });
        assert_eq!(built(&rows, &spec), allowed, "max_per_rollout {most}");
        assert!(allowed.len() > 250 * most);
    }
}

#[test]
fn a_large_group_is_looked_through_a_few_times() {
    // 4 million decided pairs: to look at all of them again for each of the 2,000 that are kept would not end.
    let rewards: Vec<f64> = (0..4000).map(|member| f64::from(member % 2)).collect();
    let spec = PairSpec {
        max_per_prompt: Some(1 << 20),
        max_per_rollout: Some(1),
        ..unlimited(Strategy::All)
    };
    assert_eq!(built(&group(&rewards), &spec).len(), 2000);
}

#[test]
fn a_reward_that_is_no_number_silences_its_group() {
    assert!(built(&group(&[1.0, 0.0, f64::NAN]), &PairSpec::default()).is_empty());
}

#[test]
fn staleness_is_the_distance_of_versions_however_far_apart() {
    let mut rows = group(&[1.0, 0.0]);
    rows[0].policy_version = Some(i32::MIN);
    rows[1].policy_version = Some(i32::MAX);
    assert_eq!(
        build_pairs(&rows, &PairSpec::default()).unwrap()[0].staleness,
        Some(u32::MAX)
    );
}

#[test]
fn the_same_rollout_twice_is_an_error() {
    let twice = [group(&[1.0]), group(&[0.0])].concat();
    assert_eq!(
        build_pairs(&twice, &PairSpec::default()),
        Err(PairsError::DuplicateRollout { rollout_id: 10 })
    );
}

#[test]
fn a_group_of_two_prompts_is_an_error() {
    let mut rows = group(&[1.0, 0.0]);
    rows[0].prompt = NonZeroU32::new(2);
    assert_eq!(
        build_pairs(&rows, &PairSpec::default()),
        Err(PairsError::MixedGroup { group_id: 0 })
    );
}

#[test]
fn a_rollout_is_small() {
    assert_eq!(size_of::<Rollout>(), 64);
}

#[test]
fn counts_of_one_group_of_three_kinds_of_reward() {
    let counts = count_groups(&group(&[1.0, 0.5, 0.0, 0.0])).unwrap();
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
