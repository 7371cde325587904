//! Properties of pairs over random rollouts and requests.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroU64};

use proptest::prelude::*;
use rows::{STRATEGIES, both, ids, unlimited};
use twogrpo_pairs::{CutResponses, PairSpec, Rollout, Strategy as Choice, build_pairs, count_groups};
use xxhash_rust::xxh3::xxh3_64;

const CUTS: [CutResponses; 3] = [CutResponses::Include, CutResponses::Exclude, CutResponses::OnlyRejected];

/// Rollouts of up to six groups of three prompts, at most 40, so that no draw looks back over all of a window.
fn rollouts() -> impl Strategy<Value = Vec<Rollout>> {
    let group = (0..6i64, 0..4u8, any::<bool>(), 1..40u32, prop::bool::weighted(0.97));
    let origin = (0..3i32, 0..3u32, 1..5u64, 0..2u32);
    prop::collection::vec((group, origin), 0..40).prop_map(|rows| {
        let built = rows.into_iter().zip(1000..).map(|((group, origin), rollout_id)| {
            let ((group_id, reward, is_cut, length, is_scored), (version, model, response, run)) = (group, origin);
            Rollout {
                rollout_id,
                group_id,
                run,
                attempt: 1,
                prompt: NonZeroU32::new(u32::try_from(1 + group_id / 2).unwrap()),
                model: NonZeroU32::new(model),
                reward: if is_scored { f64::from(reward) } else { f64::NAN },
                response: NonZeroU64::new(response),
                policy_version: (version > 0).then_some(version),
                length,
                is_inert: false,
                is_cut,
            }
        });
        built.collect()
    })
}

fn specs() -> impl Strategy<Value = PairSpec> {
    let choice = (prop::sample::select(&STRATEGIES), 0..3u8, any::<u64>());
    let crossing = (any::<bool>(), prop::option::of(0..3u32), any::<bool>(), any::<bool>());
    let limits = (
        prop::option::of(1..4usize),
        prop::option::of(1..3usize),
        prop::sample::select(&CUTS),
        prop::option::of(1..4u8),
    );
    (choice, crossing, limits).prop_map(|(choice, crossing, limits)| PairSpec {
        strategy: choice.0,
        margin: f64::from(choice.1) / 2.0,
        seed: choice.2,
        cross_step: crossing.0,
        max_staleness: crossing.1,
        same_model: crossing.2,
        dedupe: crossing.3,
        max_per_prompt: limits.0,
        max_per_rollout: limits.1,
        cut_responses: limits.2,
        length_ratio_max: limits.3.map(f64::from),
    })
}

/// Whether a request allows a pair, as its documentation says it.
fn is_allowed(spec: &PairSpec, chosen: &Rollout, rejected: &Rollout) -> bool {
    let is_known = chosen.policy_version.is_some() && rejected.policy_version.is_some() && chosen.run == rejected.run;
    let versions = chosen
        .policy_version
        .unwrap_or(0)
        .abs_diff(rejected.policy_version.unwrap_or(0));
    let (short, long) = (chosen.length.min(rejected.length), chosen.length.max(rejected.length));
    let is_same_group = (chosen.run, chosen.group_id) == (rejected.run, rejected.group_id);
    [
        chosen.reward - rejected.reward > spec.margin,
        is_same_group || (spec.cross_step && chosen.prompt == rejected.prompt),
        spec.max_staleness.is_none_or(|most| is_known && versions <= most),
        !spec.same_model || (chosen.model.is_some() && chosen.model == rejected.model),
        !spec.dedupe || chosen.response != rejected.response,
        spec.cut_responses != CutResponses::Exclude || !(chosen.is_cut || rejected.is_cut),
        spec.cut_responses != CutResponses::OnlyRejected || !chosen.is_cut,
        spec.length_ratio_max
            .is_none_or(|most| f64::from(long) <= most * f64::from(short)),
    ]
    .into_iter()
    .all(|fits| fits)
}

fn live(rows: &[Rollout]) -> Vec<&Rollout> {
    let is_live = |row: &&Rollout| {
        let group = rows
            .iter()
            .filter(|other| (other.run, other.group_id) == (row.run, row.group_id));
        group.into_iter().all(|other| other.reward.is_finite())
    };
    rows.iter().filter(is_live).collect()
}

/// Every pair of live rollouts that a request allows, as (chosen, rejected).
fn allowed<'a>(rows: &'a [Rollout], spec: &PairSpec) -> Vec<[&'a Rollout; 2]> {
    let live = live(rows);
    let pairs = live
        .iter()
        .flat_map(|chosen| live.iter().map(|rejected| [*chosen, *rejected]));
    pairs
        .filter(|[chosen, rejected]| is_allowed(spec, chosen, rejected))
        .collect()
}

fn hash(numbers: &[u64]) -> u64 {
    xxh3_64(
        &numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect::<Vec<u8>>(),
    )
}

proptest! {
    #[test]
    fn every_pair_is_one_that_the_request_allows(rows in rollouts(), spec in specs()) {
        let allowed: BTreeSet<(i64, i64)> =
            allowed(&rows, &spec).iter().map(|[chosen, rejected]| (chosen.rollout_id, rejected.rollout_id)).collect();
        for pair in build_pairs(&rows, &spec).unwrap() {
            let [chosen, rejected] = both(&rows, &pair);
            prop_assert!(allowed.contains(&(chosen.rollout_id, rejected.rollout_id)));
            prop_assert!((pair.margin - (chosen.reward - rejected.reward)).abs() < 1e-12);
            let versions = chosen.policy_version.zip(rejected.policy_version).filter(|_| chosen.run == rejected.run);
            prop_assert_eq!(pair.staleness, versions.map(|(good, bad)| good.abs_diff(bad)));
        }
    }

    #[test]
    fn limits_hold_and_no_pair_comes_twice(rows in rollouts(), spec in specs()) {
        let (mut prompts, mut uses) = (BTreeMap::new(), BTreeMap::new());
        let (mut seen, mut responses) = (BTreeSet::new(), BTreeSet::new());
        for pair in build_pairs(&rows, &spec).unwrap() {
            let [chosen, rejected] = both(&rows, &pair);
            *prompts.entry(chosen.prompt).or_insert(0) += 1;
            let ids = [chosen.rollout_id, rejected.rollout_id];
            for id in ids {
                *uses.entry(id).or_insert(0) += 1;
            }
            prop_assert!(seen.insert((ids.into_iter().min(), ids.into_iter().max())));
            let texts = [chosen.response, rejected.response];
            let is_new = responses.insert((chosen.prompt, texts.into_iter().min(), texts.into_iter().max()));
            prop_assert!(is_new || !spec.dedupe);
        }
        prop_assert!(prompts.values().all(|count| spec.max_per_prompt.is_none_or(|most| *count <= most)));
        prop_assert!(uses.values().all(|count| spec.max_per_rollout.is_none_or(|most| *count <= most)));
    }

    #[test]
    fn pairs_stand_in_the_order_of_a_hash_of_seed_and_pair(rows in rollouts(), spec in specs()) {
        let orders: Vec<u64> = build_pairs(&rows, &spec)
            .unwrap()
            .iter()
            .map(|pair| hash(&[spec.seed, pair.pair_id.cast_unsigned()]))
            .collect();
        prop_assert!(orders.is_sorted());
    }

    #[test]
    fn the_order_of_rows_and_the_numbers_of_names_have_no_say(rows in rollouts(), spec in specs()) {
        let renamed = |number: NonZeroU32| NonZeroU32::new(1000 - number.get());
        let other: Vec<Rollout> = rows
            .iter()
            .rev()
            .map(|row| Rollout {
                run: 1 - row.run,
                prompt: row.prompt.and_then(renamed),
                model: row.model.and_then(renamed),
                ..row.clone()
            })
            .collect();
        let (pairs, again) = (build_pairs(&rows, &spec).unwrap(), build_pairs(&other, &spec).unwrap());
        prop_assert_eq!(ids(&rows, &pairs), ids(&other, &again));
    }

    #[test]
    fn all_without_limits_builds_every_pair_that_is_allowed(rows in rollouts(), spec in specs()) {
        let spec = PairSpec { dedupe: false, max_per_rollout: None, seed: spec.seed, ..PairSpec { ..spec } };
        let spec = PairSpec { strategy: Choice::All, max_per_prompt: Some(usize::MAX), ..spec };
        let built: BTreeSet<(i64, i64)> = ids(&rows, &build_pairs(&rows, &spec).unwrap()).into_iter().collect();
        let all = allowed(&rows, &spec);
        prop_assert_eq!(built, all.iter().map(|[chosen, rejected]| (chosen.rollout_id, rejected.rollout_id)).collect());
    }

    #[test]
    fn a_group_makes_the_pair_that_its_strategy_looks_for(rows in rollouts(), spec in specs()) {
        let spec = PairSpec { cross_step: false, dedupe: false, max_per_rollout: None, ..spec };
        let spec = PairSpec { max_staleness: None, max_per_prompt: Some(usize::MAX), ..spec };
        let mut groups: BTreeMap<(u32, i64), Vec<[&Rollout; 2]>> = BTreeMap::new();
        for pair in allowed(&rows, &spec) {
            groups.entry((pair[0].run, pair[0].group_id)).or_default().push(pair);
        }
        for strategy in STRATEGIES.into_iter().filter(|strategy| *strategy != Choice::All) {
            let built = build_pairs(&rows, &PairSpec { strategy, ..spec.clone() }).unwrap();
            prop_assert_eq!(built.len(), groups.len());
            for pair in &built {
                let [chosen, rejected] = both(&rows, pair);
                let group = (chosen.run, chosen.group_id);
                let members = rows.iter().filter(|row| (row.run, row.group_id) == group);
                let rewards: Vec<f64> = members.map(|row| row.reward).collect();
                let sought = |good: &Rollout, bad: &Rollout| sought(strategy, good, bad, sweet_spot(&rewards));
                let least = groups[&group].iter().map(|[good, bad]| sought(good, bad)).fold(f64::INFINITY, f64::min);
                prop_assert!(sought(chosen, rejected) - least < 1e-9, "{strategy:?} took {chosen:?}, {rejected:?}");
            }
        }
    }

    #[test]
    fn across_steps_every_draw_makes_at_most_one_pair_and_no_fewer_than_alone(rows in rollouts(), spec in specs()) {
        let spec = PairSpec { dedupe: false, max_per_rollout: None, max_per_prompt: Some(usize::MAX), ..spec };
        prop_assume!(spec.strategy != Choice::All);
        let count = |cross_step| build_pairs(&rows, &PairSpec { cross_step, ..spec.clone() }).unwrap().len();
        let groups: BTreeSet<(u32, i64)> = rows.iter().map(|row| (row.run, row.group_id)).collect();
        prop_assert!(count(false) <= count(true) && count(true) <= groups.len());
    }

    #[test]
    fn one_random_takes_one_pair_of_every_decided_group(rows in rollouts(), seed: u64) {
        let spec = PairSpec { seed, ..unlimited(Choice::OneRandom) };
        prop_assert_eq!(build_pairs(&rows, &spec).unwrap().len(), count_groups(&rows).unwrap().decided);
    }

    #[test]
    fn all_without_limits_builds_every_pair_that_is_counted(rows in rollouts()) {
        prop_assert_eq!(
            build_pairs(&rows, &unlimited(Choice::All)).unwrap().len(),
            count_groups(&rows).unwrap().pairs
        );
    }
}

/// What a strategy wants the least of.
fn sought(strategy: Choice, good: &Rollout, bad: &Rollout, target: f64) -> f64 {
    match strategy {
        Choice::OneRandom | Choice::All => 0.0,
        Choice::BestWorst => bad.reward - good.reward,
        Choice::BestRandom => -good.reward,
        Choice::SweetSpot => -1e3 * good.reward + (bad.reward - target).abs(),
        Choice::Hardest => good.reward - bad.reward,
        Choice::NearestLength => f64::from(good.length.abs_diff(bad.length)),
    }
}

fn sweet_spot(rewards: &[f64]) -> f64 {
    let count = f64::from(u32::try_from(rewards.len()).unwrap());
    let mean = rewards.iter().sum::<f64>() / count;
    let square = rewards.iter().map(|reward| reward * reward).sum::<f64>() / count;
    mean - 2.0 * (square - mean * mean).max(0.0).sqrt()
}
