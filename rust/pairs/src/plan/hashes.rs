//! What tells a plan from every other.

use xxhash_rust::xxh3::Xxh3;

use super::{Items, Step};

/// Hashes of the steps so far.
#[derive(Default)]
pub struct Hashes {
    all: Xxh3,
    steps: Xxh3,
}

impl Hashes {
    /// Takes the next step; `members` is a hash of its items.
    pub fn add(&mut self, items: &Items<'_>, step: &Step, members: u64) {
        let counts = step.denominators;
        let counts = [
            counts.rollouts,
            counts.tokens,
            counts.skipped_rollouts,
            counts.skipped_tokens,
            counts.dropped_rollouts,
        ];
        for number in counts {
            put(&mut self.all, number);
            put(&mut self.steps, number);
        }
        put(&mut self.steps, members);
        let mut bytes = Vec::new();
        for batches in &step.ranks {
            // Counts before contents: two plans that differ never hash the same numbers.
            put(&mut self.all, batches.len() as u64);
            for rows in batches {
                put(&mut self.all, rows.len() as u64);
                bytes.clear();
                let ids = rows.iter().map(|row| items.ids.get(*row as usize).copied());
                bytes.extend(ids.map(|id| id.unwrap_or_default().to_le_bytes()));
                self.all.update(bytes.as_flattened());
            }
        }
    }

    /// Returns the hash of everything, and that of items and denominators alone.
    pub fn digests(&self) -> (u64, u64) {
        (self.all.digest(), self.steps.digest())
    }
}

fn put(hasher: &mut Xxh3, number: u64) {
    hasher.update(&number.to_le_bytes());
}
