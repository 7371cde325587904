//! How many groups teach, and why the others do not.

use crate::error::PairsError;
use crate::groups::{Groups, Members};
use crate::rollout::Rollout;

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
pub fn count_groups(rollouts: &[Rollout]) -> Result<GroupCounts, PairsError> {
    let groups = Groups::of(rollouts)?;
    let mut counts = GroupCounts::default();
    for members in groups.iter() {
        counts.groups += 1;
        match decided_pairs(&groups, members) {
            None => counts.inert += 1,
            Some(0) => counts.tied += 1,
            Some(pairs) => {
                counts.decided += 1;
                counts.pairs += pairs;
            }
        }
    }
    Ok(counts)
}

/// Returns how many unordered pairs of a group's rewards differ, or none where a member cannot be compared.
fn decided_pairs(groups: &Groups<'_>, members: Members<'_>) -> Option<usize> {
    if !groups.rollouts(members).all(Rollout::is_live) {
        return None;
    }
    let mut rewards: Vec<f64> = groups.rollouts(members).map(|rollout| rollout.reward).collect();
    let among = |members: usize| members * members.saturating_sub(1) / 2;
    rewards.sort_by(f64::total_cmp);
    // In rising order, not below is equal.
    let tied: usize = rewards
        .chunk_by(|left, right| left >= right)
        .map(|equal| among(equal.len()))
        .sum();
    Some(among(rewards.len()) - tied)
}
