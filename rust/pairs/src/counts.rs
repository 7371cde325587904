//! How many groups teach, and why the others do not.

use std::collections::HashMap;

use crate::build::Rollout;

/// Groups by what they are good for; `tied + inert + decided = groups`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupCounts {
    /// All groups.
    pub groups: usize,
    /// Every reward is the same.
    pub tied: usize,
    /// A reward failed, or training set the group aside.
    pub inert: usize,
    /// Two rewards differ.
    pub decided: usize,
    /// Two rollouts of one group with different rewards: what there is before any limit.
    pub pairs: usize,
}

/// Returns the counts over all groups of some rollouts.
pub fn count_groups(rollouts: &[Rollout]) -> GroupCounts {
    let mut groups: HashMap<u64, Option<Vec<f64>>> = HashMap::new();
    for rollout in rollouts {
        let rewards = groups.entry(rollout.group).or_insert_with(|| Some(Vec::new()));
        match (rewards.as_mut(), rollout.live_reward()) {
            (Some(rewards), Some(reward)) => rewards.push(reward),
            _ => *rewards = None,
        }
    }
    let mut counts = GroupCounts {
        groups: groups.len(),
        ..GroupCounts::default()
    };
    for rewards in groups.into_values() {
        match rewards.map(decided_pairs) {
            None => counts.inert += 1,
            Some(0) => counts.tied += 1,
            Some(pairs) => {
                counts.decided += 1;
                counts.pairs += pairs;
            }
        }
    }
    counts
}

/// Returns how many unordered pairs of some finite rewards differ.
fn decided_pairs(mut rewards: Vec<f64>) -> usize {
    let among = |members: usize| members * members.saturating_sub(1) / 2;
    rewards.sort_by(f64::total_cmp);
    // In rising order, not below is equal.
    let tied: usize = rewards
        .chunk_by(|left, right| left >= right)
        .map(|equal| among(equal.len()))
        .sum();
    among(rewards.len()) - tied
}
