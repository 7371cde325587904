//! From scored groups to pairs.

use std::collections::HashMap;

use crate::error::PairsError;
use crate::random::{below, hash};
use crate::repeated::first_repeated;
use crate::spec::{CutResponses, PairSpec, Strategy};

/// Default of `max_per_prompt` where groups have more than two members.
const MAX_PER_PROMPT: usize = 4;

/// One scored rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// Which group it belongs to; equal numbers are one group.
    pub group: u64,
    /// Which prompt it answers; equal numbers are one prompt.
    pub prompt: u64,
    /// Its identity in the store.
    pub rollout_id: i64,
    /// Its reward; none where scoring failed.
    pub reward: Option<f64>,
    /// Whether its group was inert in training.
    pub is_inert: bool,
    /// Whether it was cut at the token limit.
    pub is_cut: bool,
    /// Tokens of the response.
    pub length: u32,
    /// Optimizer steps behind the weights that sampled it, where known.
    pub policy_version: Option<i32>,
}

impl Rollout {
    /// Returns the reward, or none where it failed or training set the rollout aside.
    pub(crate) fn live_reward(&self) -> Option<f64> {
        self.reward.filter(|reward| reward.is_finite() && !self.is_inert)
    }
}

/// A preferred rollout and a dispreferred one.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// A hash of both rollout ids, 63 bits.
    pub pair_id: i64,
    /// Index of the preferred rollout among the rows given.
    pub chosen: usize,
    /// Index of the dispreferred one.
    pub rejected: usize,
    /// Reward of the chosen less reward of the rejected, above 0.
    pub margin: f64,
    /// Policy versions between the two, where both are known.
    pub staleness: Option<u32>,
}

/// Returns the pairs of all groups, in the order of a hash of seed and pair.
///
/// A group with a failed reward or an inert row makes none; equal rewards never pair. The result does not depend on
/// the order of the rows.
pub fn build_pairs(rollouts: &[Rollout], spec: &PairSpec) -> Result<Vec<Pair>, PairsError> {
    spec.validate()?;
    check_ids(rollouts)?;
    let mut pairs: Vec<(u64, Pair, usize)> = Vec::new();
    let rows = rows_by_group(rollouts);
    for group in rows.chunk_by(|left, right| group_of(rollouts, *left) == group_of(rollouts, *right)) {
        if !is_live(rollouts, group) {
            continue;
        }
        for pair in select(rollouts, candidates(rollouts, group, spec), spec) {
            let order = hash(&[spec.seed, pair.pair_id.cast_unsigned()]);
            pairs.push((order, pair, group.len()));
        }
    }
    pairs.sort_by_key(|(order, pair, _)| (*order, pair.pair_id));
    Ok(cap(rollouts, pairs, spec))
}

fn check_ids(rollouts: &[Rollout]) -> Result<(), PairsError> {
    let mut ids: Vec<i64> = rollouts.iter().map(|rollout| rollout.rollout_id).collect();
    match first_repeated(&mut ids) {
        Some(rollout_id) => Err(PairsError::DuplicateRollout { rollout_id }),
        None => Ok(()),
    }
}

/// Returns the row indices of all rollouts, those of a group side by side, in the order of their ids.
fn rows_by_group(rollouts: &[Rollout]) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..rollouts.len()).collect();
    rows.sort_by_cached_key(|row| rollouts.get(*row).map(|rollout| (rollout.group, rollout.rollout_id)));
    rows
}

fn group_of(rollouts: &[Rollout], row: usize) -> Option<u64> {
    rollouts.get(row).map(|rollout| rollout.group)
}

fn is_live(rollouts: &[Rollout], group: &[usize]) -> bool {
    group
        .iter()
        .filter_map(|index| rollouts.get(*index))
        .all(|rollout| rollout.live_reward().is_some())
}

/// Returns every pair of a group that the request allows.
fn candidates(rollouts: &[Rollout], group: &[usize], spec: &PairSpec) -> Vec<Pair> {
    let ordered = |chosen: usize| {
        group
            .iter()
            .filter_map(move |rejected| pair(rollouts, chosen, *rejected, spec))
    };
    group.iter().flat_map(|chosen| ordered(*chosen)).collect()
}

fn pair(rollouts: &[Rollout], chosen: usize, rejected: usize, spec: &PairSpec) -> Option<Pair> {
    let (good, bad) = (rollouts.get(chosen)?, rollouts.get(rejected)?);
    let margin = good.reward? - bad.reward?;
    let fits_cut = match spec.cut_responses {
        CutResponses::Include => true,
        CutResponses::Exclude => !good.is_cut && !bad.is_cut,
        CutResponses::OnlyRejected => !good.is_cut,
    };
    (margin > 0.0 && margin > spec.margin && fits_cut && fits_length(good, bad, spec)).then(|| Pair {
        pair_id: pair_id(good.rollout_id, bad.rollout_id),
        chosen,
        rejected,
        margin,
        staleness: good
            .policy_version
            .zip(bad.policy_version)
            .map(|(good, bad)| good.abs_diff(bad)),
    })
}

fn fits_length(good: &Rollout, bad: &Rollout, spec: &PairSpec) -> bool {
    let (short, long) = (good.length.min(bad.length), good.length.max(bad.length));
    spec.length_ratio_max
        .is_none_or(|ratio| f64::from(long) <= ratio * f64::from(short))
}

fn pair_id(chosen: i64, rejected: i64) -> i64 {
    (hash(&[chosen.cast_unsigned(), rejected.cast_unsigned()]) >> 1).cast_signed()
}

/// Returns what the strategy takes of a group's candidates.
fn select(rollouts: &[Rollout], mut candidates: Vec<Pair>, spec: &PairSpec) -> Vec<Pair> {
    match spec.strategy {
        Strategy::All => candidates,
        Strategy::OneRandom => {
            // Drawn by the group's pairs themselves, so that other groups and the order of rows have no say.
            let key = candidates
                .iter()
                .fold(spec.seed, |key, pair| hash(&[key, pair.pair_id.cast_unsigned()]));
            let index = usize::try_from(below(key, candidates.len().max(1) as u64)).unwrap_or(0);
            if index < candidates.len() {
                vec![candidates.swap_remove(index)]
            } else {
                Vec::new()
            }
        }
        Strategy::BestWorst => {
            let reward = |index: usize| {
                rollouts
                    .get(index)
                    .and_then(|rollout| rollout.reward)
                    .unwrap_or(f64::NAN)
            };
            let best = candidates.into_iter().max_by(|a, b| {
                // The widest margin is the best against the worst; a hash decides among equals.
                let key = |pair: &Pair| hash(&[spec.seed, pair.pair_id.cast_unsigned()]);
                let by_reward = reward(a.chosen).total_cmp(&reward(b.chosen));
                a.margin.total_cmp(&b.margin).then(by_reward).then(key(a).cmp(&key(b)))
            });
            best.into_iter().collect()
        }
    }
}

/// Returns the pairs in their order, less those beyond a prompt's or a rollout's limit.
fn cap(rollouts: &[Rollout], pairs: Vec<(u64, Pair, usize)>, spec: &PairSpec) -> Vec<Pair> {
    let per_rollout = spec.max_per_rollout.unwrap_or(usize::MAX);
    let mut of_prompt: HashMap<u64, usize> = HashMap::new();
    let mut of_rollout = vec![0; rollouts.len()];
    let mut kept = Vec::with_capacity(pairs.len());
    for (_, pair, group_size) in pairs {
        let default = if group_size > 2 { MAX_PER_PROMPT } else { usize::MAX };
        let per_prompt = spec.max_per_prompt.unwrap_or(default);
        let Some(prompt) = rollouts.get(pair.chosen).map(|rollout| rollout.prompt) else {
            continue;
        };
        let Ok([chosen, rejected]) = of_rollout.get_disjoint_mut([pair.chosen, pair.rejected]) else {
            continue;
        };
        let used = of_prompt.entry(prompt).or_default();
        if *used < per_prompt && *chosen < per_rollout && *rejected < per_rollout {
            for count in [used, chosen, rejected] {
                *count += 1;
            }
            kept.push(pair);
        }
    }
    kept
}
