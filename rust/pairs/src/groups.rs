//! Rows of rollouts by group, and groups by prompt.

use std::num::NonZeroU32;

use crate::error::PairsError;
use crate::repeated::first_repeated;
use crate::rollout::Rollout;

/// Some rollouts by group. A row is an index into the rollouts given, in 32 bits: memory is what limits their number.
pub struct Groups<'a> {
    rollouts: &'a [Rollout],
    rows: Vec<u32>,
}

/// The members of a group, in the order of their ids.
pub type Members<'a> = &'a [u32];

/// A group whose members may all be compared.
#[derive(Debug, Clone, Copy)]
pub struct Draw<'a> {
    prompt: Option<NonZeroU32>,
    /// Its place among the draws of its prompt: oldest first, by ids among equals.
    age: (Option<i32>, i64),
    /// Its members.
    pub members: Members<'a>,
}

impl<'a> Groups<'a> {
    /// Returns the groups of some rollouts, whose order has no say.
    pub fn of(rollouts: &'a [Rollout]) -> Result<Self, PairsError> {
        let count = u32::try_from(rollouts.len()).map_err(|_| PairsError::TooMany { found: rollouts.len() })?;
        if let Some(rollout_id) = first_repeated(rollouts.iter().map(|rollout| rollout.rollout_id)) {
            return Err(PairsError::DuplicateRollout { rollout_id });
        }
        let row = |row: &u32| rollouts.get(*row as usize);
        let group = |index: &u32| row(index).map(Rollout::group);
        let mut rows: Vec<u32> = (0..count).collect();
        // A store has its groups side by side already, which a stable sort finds out in one pass.
        rows.sort_by_key(group);
        for members in rows.chunk_by_mut(|left, right| group(left) == group(right)) {
            members.sort_unstable_by_key(|index| row(index).map(|rollout| rollout.rollout_id));
        }
        Ok(Self { rollouts, rows })
    }

    /// Returns a rollout.
    pub fn row(&self, row: u32) -> Option<&'a Rollout> {
        self.rollouts.get(row as usize)
    }

    /// Returns each group, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = Members<'_>> {
        let group = |row: &u32| self.row(*row).map(Rollout::group);
        self.rows.chunk_by(move |left, right| group(left) == group(right))
    }

    /// Returns the rollouts of some members.
    pub fn rollouts(&self, members: Members<'_>) -> impl Iterator<Item = &'a Rollout> {
        members.iter().filter_map(|row| self.row(*row))
    }

    /// Returns the groups that may make pairs, those of a prompt side by side and the oldest first.
    pub fn draws(&self) -> Result<Vec<Draw<'_>>, PairsError> {
        let mut draws = Vec::new();
        for members in self.iter() {
            let prompt = self.prompt_of(members)?;
            let Some(first) = self.rollouts(members).next() else {
                continue;
            };
            if self.rollouts(members).all(Rollout::is_live) {
                let version = self
                    .rollouts(members)
                    .filter_map(|rollout| rollout.policy_version)
                    .min();
                draws.push(Draw {
                    prompt,
                    age: (version, first.rollout_id),
                    members,
                });
            }
        }
        draws.sort_unstable_by_key(|draw| (draw.prompt, draw.age));
        Ok(draws)
    }

    fn prompt_of(&self, members: Members<'_>) -> Result<Option<NonZeroU32>, PairsError> {
        let mut prompts = self.rollouts(members).filter_map(|rollout| rollout.prompt);
        let prompt = prompts.next();
        match self.rollouts(members).next() {
            Some(first) if prompts.any(|other| Some(other) != prompt) => Err(PairsError::MixedGroup {
                group_id: first.group_id,
            }),
            _ => Ok(prompt),
        }
    }
}

/// Returns the draws of each prompt; a draw of an unknown prompt stands alone.
pub fn by_prompt<'draws, 'a>(draws: &'draws [Draw<'a>]) -> impl Iterator<Item = &'draws [Draw<'a>]> {
    draws.chunk_by(|left, right| left.prompt.is_some() && left.prompt == right.prompt)
}
