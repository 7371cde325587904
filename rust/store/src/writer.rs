//! One writer of one run: `append` hands rows over and returns, a thread commits them, `flush` waits for it.

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow_array::RecordBatch;

use crate::commit::Committer;
use crate::conform::{Place, conform};
use crate::encode::Provenance;
use crate::error::{DataError, Result, StoreError};
use crate::fs::{FileSystem, ensure_dir, list};
use crate::inventory::Inventory;
use crate::layout::{Layout, SegmentName, Stream};
use crate::lock::{Lock, acquire};
use crate::marker;
use crate::recover::{Recovery, recover_run};
use crate::resume::{lock_others, resume};
use crate::schema::LogprobDtype;
use crate::worker::{Errors, Job, Message, Worker, lock};

/// Appends that may wait for the disk; one more and `append` waits too, so that memory stays bounded.
const QUEUE: usize = 2;

const PHASES: [&str; 4] = ["train", "eval", "replay", "imported"];

/// How a run is opened for writing.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// The store's folder; made if it is not there.
    pub path: PathBuf,
    /// The run.
    pub run_id: String,
    /// Name of this writer within the run.
    pub writer: String,
    /// Keep segments up to this step, move later ones aside and begin a new attempt; -1 moves all.
    pub resume_step: Option<i32>,
    /// The writer of what was made of the weights that the kept steps led to, such as their evaluation: it keeps one step
    /// more.
    pub keep_ahead: Option<String>,
    /// Width of the stored log-probabilities.
    pub logprobs: LogprobDtype,
    /// What each segment's footer says about its origin.
    pub provenance: Provenance,
}

/// A run open for writing, until closed or dropped.
pub struct Writer {
    stream: Stream,
    attempt: i16,
    logprobs: LogprobDtype,
    recovery: Recovery,
    process: u32,
    errors: Errors,
    queue: Mutex<Option<SyncSender<Message>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Open a run, recover what dead writers left, and resume if asked to.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if a living writer has the stream, or any of the run's streams on resume.
    pub fn open(fs: Arc<dyn FileSystem>, options: WriterOptions) -> Result<Self> {
        let stream = Stream::new(&options.run_id, &options.writer)?;
        let keep = options.resume_step.map(check_resume_step).transpose()?;
        let root = std::path::absolute(&options.path).map_err(StoreError::io("find", &options.path))?;
        let layout = Layout::new(root);
        let lock = prepare(fs.as_ref(), &layout, &stream)?;
        let (mut inventory, mut recovery) = recover_run(&fs, &layout, &stream.run, Some(&stream))?;
        let attempt = match keep {
            None => inventory.attempt(),
            Some(keep) => {
                let _others = lock_others(fs.as_ref(), &layout, &stream, &inventory)?;
                // Others may have appended or recovered until their locks were taken.
                let later;
                (inventory, later) = recover_run(&fs, &layout, &stream.run, Some(&stream))?;
                recovery.lost.clear();
                recovery.add(later);
                let attempt = resume(fs.as_ref(), &layout, &inventory, keep, options.keep_ahead.as_deref())?;
                inventory = Inventory::read(fs.as_ref(), &layout, &stream.run)?;
                attempt
            }
        };
        let changed = inventory.changed(&stream.writer);
        let committer = Committer::new(fs, layout, stream.clone(), inventory.logged()).with_changed(changed);
        Self::start(stream, attempt, options, recovery, committer, lock)
    }

    fn start(
        stream: Stream,
        attempt: i16,
        options: WriterOptions,
        recovery: Recovery,
        committer: Committer,
        lock: Lock,
    ) -> Result<Self> {
        let (queue, messages) = sync_channel(QUEUE);
        let errors = Errors::default();
        let worker = Worker {
            committer,
            stream: stream.clone(),
            attempt,
            provenance: options.provenance,
            errors: Arc::clone(&errors),
            _lock: lock,
        };
        let thread = std::thread::Builder::new()
            .name("twogrpo-store".to_owned())
            .spawn(move || worker.work(&messages))
            .map_err(StoreError::io("start the writer's thread for", &options.path))?;
        Ok(Self {
            stream,
            attempt,
            logprobs: options.logprobs,
            recovery,
            process: std::process::id(),
            errors,
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Return the attempt that appended rows belong to.
    pub fn attempt(&self) -> i16 {
        self.attempt
    }

    /// Return what the opening has found and done.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Check the rows and hand them to the writer's thread; waits only while two earlier appends are under way.
    ///
    /// # Errors
    /// [`StoreError::Data`] for rows that schema v1 refuses, or the error of an earlier append; either way the rows were
    /// not taken.
    pub fn append(&self, rows: &RecordBatch, step: i32, phase: &str) -> Result<()> {
        self.check_process()?;
        self.raise_earlier()?;
        let place = self.place(step, phase)?;
        let rows = conform(rows, &place)?;
        self.send(Message::Append(Box::new(Job { rows, step })))
    }

    fn place(&self, step: i32, phase: &str) -> Result<Place, DataError> {
        let wrong = |what, found, expected| Err(DataError::Argument { what, found, expected });
        if step < 0 {
            return wrong("step", step.to_string(), "the optimizer's step, from 0");
        }
        if !PHASES.contains(&phase) {
            return wrong("phase", phase.to_owned(), "train, eval, replay or imported");
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Place {
            stream: self.stream.clone(),
            attempt: self.attempt,
            step,
            phase: phase.to_owned(),
            now_us: i64::try_from(now.as_micros()).unwrap_or(i64::MAX),
            logprobs: self.logprobs,
        })
    }

    /// Return when everything appended is on the disk.
    ///
    /// # Errors
    /// The first error of the appends since the last call; the next call has the next one.
    pub fn flush(&self) -> Result<()> {
        self.check_process()?;
        let (done, wait) = sync_channel(1);
        self.send(Message::Flush(done))?;
        wait.recv().map_err(|_| self.closed())?;
        self.raise_earlier()
    }

    /// Flush, end the thread and release the lock; a second call does nothing.
    pub fn close(&self) -> Result<()> {
        self.check_process()?;
        drop(lock(&self.queue).take());
        if let Some(thread) = lock(&self.thread).take() {
            // The thread reports through the queue of errors, its own panics included.
            let _ = thread.join();
        }
        self.raise_earlier()
    }

    fn send(&self, message: Message) -> Result<()> {
        let queue = lock(&self.queue).clone().ok_or_else(|| self.closed())?;
        queue.send(message).map_err(|_| self.closed())
    }

    fn raise_earlier(&self) -> Result<()> {
        lock(&self.errors).pop_front().map_or(Ok(()), Err)
    }

    fn closed(&self) -> StoreError {
        StoreError::Closed {
            run: self.stream.run.clone(),
        }
    }

    /// A forked child has no writer's thread, and may have inherited its locks in any state: touch none of them.
    fn check_process(&self) -> Result<()> {
        let here = std::process::id();
        if here == self.process {
            return Ok(());
        }
        Err(StoreError::Forked {
            owner: self.process,
            here,
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.check_process().is_err() {
            // Joining a thread that only the parent has would wait for ever.
            std::mem::forget(self.thread.get_mut().ok().and_then(Option::take));
            std::mem::forget(self.queue.get_mut().ok().and_then(Option::take));
            return;
        }
        // Errors have nowhere to go from here; close() or flush() report them.
        let _ = self.close();
    }
}

fn check_resume_step(step: i32) -> Result<i32, DataError> {
    if step >= -1 {
        return Ok(step);
    }
    let expected = "the last step to keep, or -1 to keep none";
    Err(DataError::Argument {
        what: "resume_step",
        found: step.to_string(),
        expected,
    })
}

/// A segment of several steps leaves no place for a step of its own, and cannot be moved aside in part.
fn refuse_copy(fs: &dyn FileSystem, layout: &Layout, run: &str) -> Result<()> {
    let files = list(fs, &layout.run(run))?;
    let mut names = files.iter().filter_map(|file| SegmentName::parse(file));
    if names.any(|name| name.last_step.is_some()) {
        return Err(StoreError::Copy {
            path: layout.root().to_owned(),
            run: run.to_owned(),
        });
    }
    Ok(())
}

/// Make the folders, take the lock and write the marker.
fn prepare(fs: &dyn FileSystem, layout: &Layout, stream: &Stream) -> Result<Lock> {
    for folder in [
        layout.logs(),
        layout.locks(),
        layout.temporaries(),
        layout.run(&stream.run),
    ] {
        ensure_dir(fs, &folder)?;
    }
    refuse_copy(fs, layout, &stream.run)?;
    let lock = acquire(fs, layout, stream)?;
    marker::ensure(fs, layout, stream)?;
    // A folder that another process made and did not live to sync.
    for folder in [layout.private(), layout.root().to_owned()] {
        ensure_dir(fs, &folder)?;
    }
    Ok(lock)
}
