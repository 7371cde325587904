//! From scored rollouts to pairs.

use crate::candidates::Pair;
use crate::error::PairsError;
use crate::groups::{Groups, by_prompt};
use crate::limits::limited;
use crate::rollout::Rollout;
use crate::spec::PairSpec;

/// Returns the pairs of all groups, in the order of a hash of seed and pair.
///
/// A group with a failed reward or an inert row makes none; equal rewards never pair. Every draw makes the one pair that
/// the strategy looks for among those that the request allows, or all of them; of a prompt's pairs, those beyond its
/// limits are the last in the order. The result does not depend on the order of the rollouts.
///
/// Across steps a draw chooses from its own rollouts and from those of the draws of its prompt before it, the nearest
/// first, up to 64 rollouts; a pair has one of its own at least.
pub fn build_pairs(rollouts: &[Rollout], spec: &PairSpec) -> Result<Vec<Pair>, PairsError> {
    spec.validate()?;
    let groups = Groups::of(rollouts)?;
    let draws = groups.draws()?;
    let mut pairs = Vec::new();
    for draws in by_prompt(&draws) {
        pairs.extend(limited(&groups, draws, spec));
    }
    pairs.sort_unstable_by_key(|(order, _)| *order);
    Ok(pairs.into_iter().map(|(_, pair)| pair).collect())
}
