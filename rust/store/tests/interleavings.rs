//! Any interleaving of writers, repetitions, resumes and crashes leaves each key exactly once, as a model says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod memory_fs;
mod rows;
mod simulation;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use memory_fs::MemoryFs;
use proptest::prelude::*;
use rows::{options, rows, store};
use simulation::{Disk, ROOT, check_after_recovery, decode, salt_of};
use twogrpo_store::{SegmentName, StoreError, Writer, WriterOptions};

const WRITERS: [&str; 2] = ["w0", "w1"];

#[derive(Clone, Debug)]
enum Action {
    /// Append and wait.
    Store {
        writer: usize,
        step: i32,
        salt: i32,
    },
    /// Append and do not wait.
    Begin {
        writer: usize,
        step: i32,
        salt: i32,
    },
    Reopen {
        writer: usize,
    },
    Resume {
        writer: usize,
        keep: i32,
    },
    /// The power fails, some time after the last acknowledgement.
    Crash {
        seed: u64,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let append = || (0..2_usize, 0..5_i32, 0..2_i32);
    prop_oneof![
        6 => append().prop_map(|(writer, step, salt)| Action::Store { writer, step, salt }),
        2 => append().prop_map(|(writer, step, salt)| Action::Begin { writer, step, salt }),
        1 => (0..2_usize).prop_map(|writer| Action::Reopen { writer }),
        2 => (0..2_usize, -1..5_i32).prop_map(|(writer, keep)| Action::Resume { writer, keep }),
        2 => any::<u64>().prop_map(|seed| Action::Crash { seed }),
    ]
}

/// Salt and attempt of the rows in each place of the trajectory.
type Places = BTreeMap<(i32, String), (i32, i16)>;

struct World {
    memory: MemoryFs,
    /// Operations that were done when the last call returned.
    settled: usize,
    writers: [Option<Writer>; 2],
    expected: Places,
    /// Appended and not waited for.
    begun: Vec<((i32, String), (i32, i16))>,
}

impl World {
    fn new() -> Self {
        Self {
            memory: MemoryFs::default(),
            settled: 0,
            writers: [None, None],
            expected: Places::new(),
            begun: Vec::new(),
        }
    }

    fn disk(&self) -> Disk {
        Arc::new(self.memory.clone())
    }

    fn open(&self, writer: usize, resume_step: Option<i32>) -> Result<Writer, StoreError> {
        let options = WriterOptions {
            writer: WRITERS[writer].to_owned(),
            resume_step,
            ..options(Path::new(ROOT))
        };
        Writer::open(self.disk(), options)
    }

    fn writer(&mut self, writer: usize) -> &Writer {
        if self.writers[writer].is_none() {
            self.writers[writer] = Some(self.open(writer, None).unwrap());
        }
        self.writers[writer].as_ref().unwrap()
    }

    fn play(&mut self, action: &Action) {
        match *action {
            Action::Store { writer, step, salt } => {
                self.finish(writer);
                let place = (step, WRITERS[writer].to_owned());
                let attempt = self.writer(writer).attempt();
                let stored = store(self.writer(writer), step, salt);
                let before = *self.expected.entry(place).or_insert((salt, attempt));
                if before == (salt, attempt) {
                    stored.unwrap();
                } else {
                    assert!(matches!(stored, Err(StoreError::StepConflict { .. })), "{stored:?}");
                }
            }
            Action::Begin { writer, step, salt } => {
                let place = (step, WRITERS[writer].to_owned());
                if self.expected.contains_key(&place) || self.begun.iter().any(|(begun, _)| *begun == place) {
                    return;
                }
                let attempt = self.writer(writer).attempt();
                self.writer(writer).append(&rows(salt), step, "train").unwrap();
                self.begun.push((place, (salt, attempt)));
                return;
            }
            Action::Reopen { writer } => {
                self.close(writer);
                self.writer(writer);
            }
            Action::Resume { writer, keep } => {
                self.close(0);
                self.close(1);
                self.expected.retain(|(step, _), _| *step <= keep);
                self.writers[writer] = Some(self.open(writer, Some(keep)).unwrap());
            }
            Action::Crash { seed } => self.crash(seed),
        }
        self.settled = self.memory.ops().len();
    }

    /// Wait for what a writer has begun.
    fn finish(&mut self, writer: usize) {
        if let Some(open) = &self.writers[writer] {
            open.flush().unwrap();
        }
        let (done, waiting) = std::mem::take(&mut self.begun)
            .into_iter()
            .partition(|((_, name), _)| name == WRITERS[writer]);
        self.begun = waiting;
        self.expected.extend::<Vec<_>>(done);
    }

    fn close(&mut self, writer: usize) {
        self.finish(writer);
        if let Some(open) = self.writers[writer].take() {
            open.close().unwrap();
        }
    }

    fn crash(&mut self, seed: u64) {
        // The writers live on to write the operations of which the crash keeps some.
        for writer in self.writers.iter_mut().filter_map(Option::take) {
            writer.close().unwrap();
        }
        let recording = self.memory.recording();
        let cut = self.settled + usize::try_from(seed >> 8).unwrap() % (recording.ops.len() - self.settled + 1);
        let mut state = recording.before;
        for op in &recording.ops[..cut] {
            state.apply(op);
        }
        self.memory = MemoryFs::new(state.crash_by_chance(seed));
        let found = self.found();
        for (place, rows) in std::mem::take(&mut self.begun) {
            if found.get(&place) == Some(&rows) {
                self.expected.insert(place, rows);
            }
        }
    }

    fn found(&self) -> Places {
        let folder = Path::new(ROOT).join("run=r");
        let files = self.disk().list(&folder).unwrap();
        let place = |file: &String| {
            let name = SegmentName::parse(file).unwrap();
            let rows = decode(&self.disk(), &folder.join(file)).unwrap();
            let attempts = arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Int16Type>(&rows["attempt"]);
            ((name.step, name.writer), (salt_of(&rows), attempts.value(0)))
        };
        files.iter().map(place).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_leaves_what_the_model_says(actions in prop::collection::vec(action(), 1..25)) {
        let mut world = World::new();
        for action in &actions {
            world.play(action);
            if world.begun.is_empty() {
                prop_assert_eq!(world.found(), world.expected.clone(), "after {:?}", action);
            }
        }
        world.close(0);
        world.close(1);
        prop_assert_eq!(world.found(), world.expected.clone());
        // Opening both tidies up what the last crash has left.
        drop((world.open(0, None), world.open(1, None)));
        prop_assert_eq!(check_after_recovery(&world.disk()), Ok(()));
    }
}
