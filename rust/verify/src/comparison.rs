//! What the comparison with one gold answer came to.

use crate::verdict::Status;

/// What the comparison with one gold answer came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What became of the answer.
    pub status: Status,
    /// The rule that decided.
    pub rule: Option<&'static str>,
    /// Whether it is the gold that exceeded a limit.
    pub is_gold_limit: bool,
}

impl Comparison {
    /// Returns an outcome that no rule decided.
    pub const fn of(status: Status) -> Self {
        Self {
            status,
            rule: None,
            is_gold_limit: false,
        }
    }

    /// Returns whether the gold is at fault.
    pub const fn is_failure(&self) -> bool {
        self.is_gold_limit || matches!(self.status, Status::UnparsableGold)
    }

    /// Returns that the gold is too long or takes too many steps.
    pub const fn beyond_gold() -> Self {
        Self {
            status: Status::Limit,
            rule: None,
            is_gold_limit: true,
        }
    }

    /// Returns a match by the rule of this name.
    pub const fn matching(rule: &'static str) -> Self {
        Self {
            status: Status::Match,
            rule: Some(rule),
            is_gold_limit: false,
        }
    }

    /// Returns a mismatch by the rule of this name.
    pub const fn differing(rule: &'static str) -> Self {
        Self {
            status: Status::Mismatch,
            rule: Some(rule),
            is_gold_limit: false,
        }
    }
}
