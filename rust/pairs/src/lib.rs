//! From groups of rollouts to preference pairs, and from items to packed micro-batches.
//!
//! Pure: numbers in, numbers out. Every choice is a function of a seed and of what is given, never of the number of
//! threads or the platform; which pairs there are does not depend on the order of rows either.

mod build;
mod candidates;
mod counts;
mod error;
mod groups;
mod limits;
mod names;
mod plan;
mod random;
mod repeated;
mod rollout;
mod spec;

pub use build::build_pairs;
pub use candidates::Pair;
pub use counts::{GroupCounts, count_groups};
pub use error::PairsError;
pub use names::{NameList, Names, hash_ids};
pub use plan::{Denominators, Items, MicroBatch, Oversize, Plan, PlanOptions, Step, plan_batches};
pub use rollout::Rollout;
pub use spec::{CutResponses, PairSpec, Strategy};
