//! What can be wrong with a request for pairs or a plan.

use thiserror::Error;

/// Every error of this crate; the message says what was found and what was expected.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PairsError {
    /// A name that is none of the options.
    #[error("{key}={found} is unknown; use one of {expected}")]
    UnknownName {
        /// The key that was set.
        key: &'static str,
        /// What it was set to.
        found: String,
        /// The names there are.
        expected: String,
    },
    /// A number outside its range.
    #[error("{key}={found} is out of range; expected {expected}")]
    OutOfRange {
        /// The key that was set.
        key: &'static str,
        /// What it was set to.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// An item that no micro-batch can hold.
    #[error(
        "item {item_id} has {length} tokens, more than token_budget={token_budget}; raise the budget, shorten the responses or use oversize=drop"
    )]
    Oversize {
        /// The item.
        item_id: i64,
        /// Its tokens.
        length: u32,
        /// The most tokens a micro-batch may hold.
        token_budget: u32,
    },
    /// A unit that no optimizer step can hold.
    #[error(
        "item {item_id} shares its pair_id with {members} items in all, more than rollouts_per_step={rollouts_per_step}; use at least {members}"
    )]
    LargeUnit {
        /// Its first item.
        item_id: i64,
        /// Items in the unit.
        members: usize,
        /// The most items an optimizer step may hold.
        rollouts_per_step: usize,
    },
    /// The same rollout twice.
    #[error("rollout_id {rollout_id} occurs more than once; drop the duplicates, such as superseded attempts")]
    DuplicateRollout {
        /// The rollout.
        rollout_id: i64,
    },
    /// A group that is no draw of one prompt.
    #[error(
        "group_id {group_id} has rollouts of several prompts; expected a number of its own for every draw of a prompt within a run and attempt"
    )]
    MixedGroup {
        /// The group.
        group_id: i64,
    },
    /// Columns of one table that are not equally long.
    #[error("a column of {found} rows stands beside one of {expected}; expected columns of equal length")]
    UnequalColumns {
        /// Rows of one column.
        found: usize,
        /// Rows of another.
        expected: usize,
    },
    /// More rows than 32 bits count.
    #[error("{found} rows are more than one request can hold; expected at most 2^32 - 1")]
    TooMany {
        /// Rows, or names in them.
        found: usize,
    },
    /// The same item twice.
    #[error("item_id {item_id} occurs more than once")]
    DuplicateItem {
        /// The item.
        item_id: i64,
    },
}
