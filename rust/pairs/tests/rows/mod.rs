//! Rollouts as tests write them.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::num::{NonZeroU32, NonZeroU64};

use twogrpo_pairs::{Pair, PairSpec, Rollout, Strategy};

/// Every strategy.
pub const STRATEGIES: [Strategy; 7] = [
    Strategy::OneRandom,
    Strategy::All,
    Strategy::BestWorst,
    Strategy::BestRandom,
    Strategy::SweetSpot,
    Strategy::Hardest,
    Strategy::NearestLength,
];

/// A rollout of prompt 1 with a reward.
pub fn rollout(rollout_id: i64, group_id: i64, reward: f64) -> Rollout {
    Rollout {
        rollout_id,
        group_id,
        run: 0,
        attempt: 1,
        prompt: NonZeroU32::new(1),
        model: None,
        reward,
        response: None,
        policy_version: None,
        length: 1,
        is_inert: false,
        is_cut: false,
    }
}

/// One group of some rewards, its rollout ids counting from 10.
pub fn group(rewards: &[f64]) -> Vec<Rollout> {
    rewards
        .iter()
        .zip(10..)
        .map(|(reward, id)| rollout(id, 0, *reward))
        .collect()
}

/// The rollout with another response.
pub fn answering(mut rollout: Rollout, response: u64) -> Rollout {
    rollout.response = NonZeroU64::new(response);
    rollout
}

/// A request without limits.
pub fn unlimited(strategy: Strategy) -> PairSpec {
    PairSpec {
        strategy,
        max_per_prompt: Some(usize::MAX),
        ..PairSpec::default()
    }
}

/// The rollouts of a pair.
pub fn both<'a>(rows: &'a [Rollout], pair: &Pair) -> [&'a Rollout; 2] {
    [pair.chosen, pair.rejected].map(|row| &rows[row as usize])
}

/// The ids of a pair's rollouts.
pub fn ids(rows: &[Rollout], pairs: &[Pair]) -> Vec<(i64, i64)> {
    let ids = pairs
        .iter()
        .map(|pair| both(rows, pair).map(|rollout| rollout.rollout_id));
    ids.map(|[chosen, rejected]| (chosen, rejected)).collect()
}
