//! What a crash can leave of writes and names that were not synced.

use std::collections::HashSet;
use std::sync::Arc;

use super::state::{State, Unsynced};

/// Three crashes that are quick to play.
#[derive(Clone, Copy, Debug)]
pub enum Crash {
    /// The process died: the system keeps everything.
    Killed,
    /// The power failed and nothing unsynced was on the disk.
    PowerLost,
    /// The power failed with all names on the disk and half of each unsynced write.
    PowerLostTorn,
}

/// How much of one unsynced write is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    First(usize),
    /// The file is as long as if it were, and holds zeros in its place.
    Zeros,
}

impl State {
    /// Return what a crash leaves.
    pub fn crash(&self, crash: Crash) -> Self {
        let left = self.with_names(|_| !matches!(crash, Crash::PowerLost)).unwrap();
        left.with_writes(&|write| match crash {
            _ if write.is_dropped => Kept::Zeros,
            Crash::Killed => Kept::First(write.range.len()),
            Crash::PowerLost => Kept::First(0),
            Crash::PowerLostTorn => Kept::First(write.range.len() / 2),
        })
    }

    /// Return what a loss of power leaves when chance decides about every name and write.
    pub fn crash_by_chance(&self, mut seed: u64) -> Self {
        let mut chance = move |choices: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % choices
        };
        let mut kept: Vec<bool> = self.unsynced.iter().map(|_| chance(2) == 0).collect();
        let left = loop {
            if let Some(left) = self.with_names(|index| kept[index]) {
                break left;
            }
            // A rename whose new name is kept nowhere keeps its old one.
            let wrong = kept.iter().rposition(|kept| *kept).unwrap();
            kept[wrong] = false;
        };
        let draws: Vec<usize> = left.inodes.iter().map(|_| chance(4)).collect();
        left.with_writes(&|write| {
            let options = options(write);
            options[draws[write.range.start % draws.len()] % options.len()]
        })
    }

    /// Return every distinct state that a loss of power, or the death of the process, can leave.
    pub fn crashes(&self) -> Vec<(u64, Self)> {
        let count = u32::try_from(self.unsynced.len()).unwrap();
        assert!(count <= 14, "{count} unsynced names are too many to try every subset");
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for kept in 0..2_usize.pow(count) {
            let Some(left) = self.with_names(|index| kept >> index & 1 == 1) else {
                continue;
            };
            for state in left.every_write() {
                let fingerprint = state.fingerprint();
                if seen.insert(fingerprint) {
                    found.push((fingerprint, state));
                }
            }
        }
        found
    }

    /// Return a state for each combination of what is kept of the unsynced writes of files that have a name.
    fn every_write(&self) -> Vec<Self> {
        let mut states = vec![self.clone()];
        for (_, inode) in self.tree() {
            for write in self.inodes[inode].unsynced.iter().rev() {
                states = states
                    .iter()
                    .flat_map(|state| {
                        options(write)
                            .into_iter()
                            .map(|kept| state.with_write(inode, write, kept))
                    })
                    .collect();
            }
        }
        for state in &mut states {
            for inode in &mut state.inodes {
                inode.unsynced.clear();
            }
        }
        states
    }

    fn with_writes(&self, kept: &dyn Fn(&Unsynced) -> Kept) -> Self {
        let mut state = self.clone();
        for (index, inode) in self.inodes.iter().enumerate() {
            for write in inode.unsynced.iter().rev() {
                state = state.with_write(index, write, kept(write));
            }
            state.inodes[index].unsynced.clear();
        }
        state
    }

    /// Return the state in which only a part of a write is on the disk; writes are taken from the last to the first.
    fn with_write(&self, inode: usize, write: &Unsynced, kept: Kept) -> Self {
        let mut state = self.clone();
        let data = Arc::make_mut(&mut state.inodes[inode].data);
        let end = write.range.end.min(data.len());
        let start = match kept {
            Kept::First(length) => (write.range.start + length).min(end),
            Kept::Zeros => write.range.start.min(end),
        };
        data[start..end].fill(0);
        // Without a later write the file ends where this one does; a gap before a later one reads as zeros.
        if kept != Kept::Zeros && end == data.len() {
            data.truncate(start);
        }
        state
    }
}

fn options(write: &Unsynced) -> Vec<Kept> {
    let length = write.range.len();
    if write.is_dropped {
        return vec![Kept::First(length), Kept::Zeros];
    }
    let mut lengths = vec![0, length / 2, length.saturating_sub(1), length];
    lengths.dedup();
    lengths.into_iter().map(Kept::First).chain([Kept::Zeros]).collect()
}
