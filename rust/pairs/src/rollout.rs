//! What pairs are made from: a few numbers a rollout.

use std::num::{NonZeroU32, NonZeroU64};

/// One scored rollout, in 64 bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// Its identity in the store.
    pub rollout_id: i64,
    /// The draw of a prompt that it belongs to, within its run and attempt.
    pub group_id: i64,
    /// The run; equal numbers are one run.
    pub run: u32,
    /// The attempt of that run.
    pub attempt: i32,
    /// Which prompt it answers, where known; equal numbers are one prompt.
    pub prompt: Option<NonZeroU32>,
    /// Which model sampled it, where known; equal numbers are one model.
    pub model: Option<NonZeroU32>,
    /// Its reward; not a number where scoring failed.
    pub reward: f64,
    /// A hash of the token ids of its response, where known.
    pub response: Option<NonZeroU64>,
    /// Optimizer steps behind the weights that sampled its first token, where known.
    pub policy_version: Option<i32>,
    /// Tokens of the response.
    pub length: u32,
    /// Whether its group was inert in training.
    pub is_inert: bool,
    /// Whether it was cut at the token limit.
    pub is_cut: bool,
}

impl Rollout {
    /// Returns whether it may be compared: it was scored, and training did not set it aside.
    pub(crate) fn is_live(&self) -> bool {
        self.reward.is_finite() && !self.is_inert
    }

    /// Returns what tells its group from every other.
    pub(crate) fn group(&self) -> (u32, i32, i64) {
        (self.run, self.attempt, self.group_id)
    }
}
