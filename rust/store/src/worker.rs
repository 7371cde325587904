//! The thread behind a writer: it encodes and commits in the order of the appends.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use parquet::errors::ParquetError;

use crate::commit::Committer;
use crate::encode::{Provenance, encode};
use crate::error::{Result, StoreError};
use crate::layout::Stream;
use crate::lock::Lock;

/// Conformed rows of one step.
pub(crate) struct Job {
    pub rows: RecordBatch,
    pub step: i32,
}

/// What the writer asks of its thread.
pub(crate) enum Message {
    /// Commit the rows.
    Append(Box<Job>),
    /// Say when all earlier messages are done.
    Flush(SyncSender<()>),
}

/// Errors of appends that no caller has seen, oldest first.
pub(crate) type Errors = Arc<Mutex<VecDeque<StoreError>>>;

/// What the writer's thread owns; the lock ends with it, after the last commit.
pub(crate) struct Worker {
    pub committer: Committer,
    pub stream: Stream,
    pub attempt: i16,
    pub provenance: Provenance,
    pub errors: Errors,
    /// Held for its drop.
    pub _lock: Lock,
}

impl Worker {
    /// Commit until the writer hangs up.
    pub fn work(mut self, messages: &Receiver<Message>) {
        while let Ok(message) = messages.recv() {
            match message {
                Message::Append(job) => {
                    if let Err(error) = self.commit_caught(&job) {
                        lock(&self.errors).push_back(error);
                    }
                }
                // The waiting caller may be gone.
                Message::Flush(done) => drop(done.send(())),
            }
        }
    }

    /// A panic of an encoder is an error of this append, not the end of the writer.
    fn commit_caught(&mut self, job: &Job) -> Result<()> {
        catch_unwind(AssertUnwindSafe(|| self.commit(job))).unwrap_or_else(|_| {
            let source = ParquetError::General("the encoder panicked".to_owned());
            Err(StoreError::Encode { step: job.step, source })
        })
    }

    fn commit(&mut self, job: &Job) -> Result<()> {
        let step = job.step;
        let encoded = encode(&job.rows, &self.stream, self.attempt, step, &self.provenance);
        let segment = encoded.map_err(|source| StoreError::Encode { step, source })?;
        self.committer.commit(&segment)
    }
}

/// A poisoned lock guards a queue of errors or a handle, which are whole at any moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
