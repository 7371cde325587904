//! The pairs that a draw of a prompt makes.

use std::collections::HashSet;

use crate::groups::{Draw, Groups};
use crate::random::hash;
use crate::rollout::Rollout;
use crate::spec::{CutResponses, PairSpec, Strategy};

/// Across steps a draw looks back over the draws of its prompt until it sees so many rollouts, so that work grows with
/// the rollouts of a prompt and not with their square.
const WINDOW: usize = 64;

/// Tells the hash that breaks ties from the one that orders pairs: one for both would put the pairs of groups with
/// much to choose from in front.
const CHOICE: u64 = 1;

/// A preferred rollout and a dispreferred one.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// A hash of both rollout ids, 63 bits.
    pub pair_id: i64,
    /// Index of the preferred rollout among those given.
    pub chosen: u32,
    /// Index of the dispreferred one.
    pub rejected: u32,
    /// Reward of the chosen less reward of the rejected, above 0.
    pub margin: f64,
    /// Policy versions between the two, where both are known and of one run.
    pub staleness: Option<u32>,
}

/// Chooses pairs as a request says.
pub struct Chooser<'a> {
    groups: &'a Groups<'a>,
    spec: &'a PairSpec,
}

/// What a draw chooses from: a pair has one rollout of its own at least.
struct Pool {
    own: Vec<u32>,
    earlier: Vec<u32>,
}

/// What a strategy looks for, the least first, and a hash among equals.
#[derive(Clone, Copy)]
struct Rank(f64, f64, u64);

impl Rank {
    fn is_before(self, other: Self) -> bool {
        let numbers = self.0.total_cmp(&other.0).then(self.1.total_cmp(&other.1));
        numbers.then(self.2.cmp(&other.2)).is_lt()
    }
}

impl<'a> Chooser<'a> {
    /// Returns what chooses pairs of some groups.
    pub fn new(groups: &'a Groups<'a>, spec: &'a PairSpec) -> Self {
        Self { groups, spec }
    }

    /// Calls `take` with each pair that the draws of one prompt, the oldest first, make before any limit.
    ///
    /// Where every pair is asked for, pairs of rollouts that are not open are left out: what a draw makes of the others
    /// does not depend on them.
    pub fn for_each(&self, draws: &[Draw<'_>], is_open: impl Fn(u32) -> bool, mut take: impl FnMut(Pair)) {
        for index in 0..draws.len() {
            let mut pool = self.pool(draws.get(..=index).unwrap_or_default());
            if self.spec.strategy == Strategy::All {
                pool.own.retain(|row| is_open(*row));
                pool.earlier.retain(|row| is_open(*row));
                self.allowed(&pool, &mut take);
            } else if let Some(pair) = self.best(&pool) {
                take(pair);
            }
        }
    }

    /// Returns what the last of some draws chooses from.
    fn pool(&self, draws: &[Draw<'_>]) -> Pool {
        let Some((draw, before)) = draws.split_last() else {
            return Pool {
                own: Vec::new(),
                earlier: Vec::new(),
            };
        };
        let mut seen = HashSet::new();
        let own = self.distinct(draw, &mut seen);
        let mut earlier = Vec::new();
        for draw in before.iter().rev().take_while(|_| self.spec.cross_step) {
            if own.len() + earlier.len() >= WINDOW {
                break;
            }
            earlier.extend(self.distinct(draw, &mut seen));
        }
        Pool { own, earlier }
    }

    /// Returns a draw's members, under `dedupe` one of those with a response that has not been seen.
    fn distinct(&self, draw: &Draw<'_>, seen: &mut HashSet<u64>) -> Vec<u32> {
        let mut members = draw.members.to_vec();
        if self.spec.dedupe {
            let of = |row: &u32| self.groups.row(*row);
            let order = |row: &u32| of(row).map(|rollout| hash([self.spec.seed, rollout.rollout_id.cast_unsigned()]));
            members.sort_by_key(order);
            members.retain(|row| {
                of(row)
                    .and_then(|rollout| rollout.response)
                    .is_none_or(|response| seen.insert(response.get()))
            });
        }
        members
    }

    /// Calls `take` with each pair of a pool that the request allows.
    fn allowed(&self, pool: &Pool, mut take: impl FnMut(Pair)) {
        for (index, row) in pool.own.iter().enumerate() {
            let partners = pool.own.iter().skip(index + 1).chain(&pool.earlier);
            partners.filter_map(|other| self.pair(*row, *other)).for_each(&mut take);
        }
    }

    /// Returns the pair of a pool that the strategy looks for.
    fn best(&self, pool: &Pool) -> Option<Pair> {
        let target = match self.spec.strategy {
            Strategy::SweetSpot => self.sweet_spot(pool),
            _ => 0.0,
        };
        let mut best: Option<(Rank, Pair)> = None;
        self.allowed(pool, |pair| {
            let Some(rank) = self.rank(&pair, target) else { return };
            if best.as_ref().is_none_or(|(least, _)| rank.is_before(*least)) {
                best = Some((rank, pair));
            }
        });
        best.map(|(_, pair)| pair)
    }

    fn rank(&self, pair: &Pair, target: f64) -> Option<Rank> {
        let (chosen, rejected) = (self.groups.row(pair.chosen)?, self.groups.row(pair.rejected)?);
        // A zero with a sign would not be the equal of one without.
        let highest = 0.0 - chosen.reward;
        let (first, second) = match self.spec.strategy {
            Strategy::All | Strategy::OneRandom => (0.0, 0.0),
            Strategy::BestWorst => (-pair.margin, highest),
            Strategy::BestRandom => (highest, 0.0),
            Strategy::SweetSpot => (highest, (rejected.reward - target).abs()),
            Strategy::Hardest => (pair.margin, 0.0),
            Strategy::NearestLength => (f64::from(chosen.length.abs_diff(rejected.length)), 0.0),
        };
        let tie = hash([self.spec.seed, CHOICE, pair.pair_id.cast_unsigned()]);
        Some(Rank(first, second, tie))
    }

    /// Returns the mean of a pool's rewards less two of their standard deviations (population).
    fn sweet_spot(&self, pool: &Pool) -> f64 {
        let rewards = || {
            let rows = pool.own.iter().chain(&pool.earlier);
            rows.filter_map(|row| self.groups.row(*row).map(|rollout| rollout.reward))
        };
        let count = f64::from(u32::try_from(rewards().count()).unwrap_or(u32::MAX).max(1));
        let mean = rewards().sum::<f64>() / count;
        let variance = rewards().map(|reward| (reward - mean) * (reward - mean)).sum::<f64>() / count;
        mean - 2.0 * variance.sqrt()
    }

    /// Returns the pair of two rollouts, if their rewards decide it and the request allows it.
    fn pair(&self, one: u32, other: u32) -> Option<Pair> {
        let spec = self.spec;
        let (left, right) = (self.groups.row(one)?, self.groups.row(other)?);
        let is_left = left.reward > right.reward;
        let (chosen, rejected) = if is_left { (one, other) } else { (other, one) };
        let (good, bad) = if is_left { (left, right) } else { (right, left) };
        let margin = good.reward - bad.reward;
        let staleness = staleness(good, bad);
        let fits_cut = match spec.cut_responses {
            CutResponses::Include => true,
            CutResponses::Exclude => !good.is_cut && !bad.is_cut,
            CutResponses::OnlyRejected => !good.is_cut,
        };
        let is_fresh = spec
            .max_staleness
            .is_none_or(|most| staleness.is_some_and(|versions| versions <= most));
        let fits_model = !spec.same_model || (good.model.is_some() && good.model == bad.model);
        let is_wide = margin > 0.0 && margin > spec.margin;
        (is_wide && fits_cut && is_fresh && fits_model && fits_length(good, bad, spec)).then(|| Pair {
            pair_id: pair_id(good.rollout_id, bad.rollout_id),
            chosen,
            rejected,
            margin,
            staleness,
        })
    }
}

/// Returns the policy versions between two rollouts; those of two runs count from different weights.
fn staleness(good: &Rollout, bad: &Rollout) -> Option<u32> {
    let versions = good.policy_version.zip(bad.policy_version);
    versions
        .filter(|_| good.run == bad.run)
        .map(|(good, bad)| good.abs_diff(bad))
}

fn fits_length(good: &Rollout, bad: &Rollout, spec: &PairSpec) -> bool {
    let (short, long) = (good.length.min(bad.length), good.length.max(bad.length));
    spec.length_ratio_max
        .is_none_or(|ratio| f64::from(long) <= ratio * f64::from(short))
}

fn pair_id(chosen: i64, rejected: i64) -> i64 {
    (hash([chosen.cast_unsigned(), rejected.cast_unsigned()]) >> 1).cast_signed()
}
