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
}

/// Returns the counts over all groups of some rollouts.
pub fn count_groups(rollouts: &[Rollout]) -> GroupCounts {
    #[derive(Default)]
    struct Seen {
        first: Option<f64>,
        differs: bool,
        is_inert: bool,
    }
    let mut groups: HashMap<u64, Seen> = HashMap::new();
    for rollout in rollouts {
        let seen = groups.entry(rollout.group).or_default();
        match rollout.reward.filter(|reward| reward.is_finite()) {
            Some(reward) if !rollout.is_inert => {
                seen.differs |= *seen.first.get_or_insert(reward) < reward || seen.first.is_some_and(|first| first > reward);
            }
            _ => seen.is_inert = true,
        }
    }
    let mut counts = GroupCounts { groups: groups.len(), ..GroupCounts::default() };
    for seen in groups.values() {
        match (seen.is_inert, seen.differs) {
            (true, _) => counts.inert += 1,
            (false, true) => counts.decided += 1,
            (false, false) => counts.tied += 1,
        }
    }
    counts
}
