//! From groups of rollouts to preference pairs, and from items to packed micro-batches.
//!
//! Pure: numbers in, numbers out. Every choice is a function of a seed and of the identity of what it is made about,
//! never of the order of rows, the number of threads or the platform.

mod build;
mod counts;
mod error;
mod plan;
mod random;
mod spec;

pub use build::{Pair, Rollout, build_pairs};
pub use counts::{GroupCounts, count_groups};
pub use error::PairsError;
pub use plan::{Denominators, Item, MicroBatch, Oversize, Plan, PlanOptions, Step, plan_batches};
pub use spec::{CutResponses, PairSpec, Strategy};
