//! Every way in which the store can fail, as one enum; what is wrong with a caller's rows, as another.

use std::io;
use std::path::{Path, PathBuf};

/// The result of every fallible function of this crate.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A store that cannot be read or written, or that refuses a conflicting write.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused an operation.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(source))]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// The system's own error.
        source: io::Error,
    },
    /// The rows handed to `append` are not what schema v1 asks for.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Another segment already holds this place of the trajectory.
    #[error(
        "step {step} of run {run}, writer {writer} is already stored with other rows (stored content {stored}, given \
         {given}); resume from an earlier step or write under another run id"
    )]
    StepConflict {
        /// The run.
        run: String,
        /// The writer.
        writer: String,
        /// The step of the optimizer.
        step: i32,
        /// Content hash of what is stored, or why it could not be read.
        stored: String,
        /// Content hash of what was to be appended.
        given: String,
    },
    /// Prune or purge has removed what stood in this place of the trajectory.
    #[error(
        "step {step} of run {run}, writer {writer} was removed by `store prune` or `store purge` and is not written again; \
         resume from an earlier step or write under another run id"
    )]
    Removed {
        /// The run.
        run: String,
        /// The writer.
        writer: String,
        /// The step of the optimizer.
        step: i32,
    },
    /// A run of a compacted copy is opened for writing.
    #[error(
        "run {run} in {} is a compacted copy and takes no more rollouts; write into the store it was made from, or under \
         another run id",
        path.display()
    )]
    Copy {
        /// The store.
        path: PathBuf,
        /// The run.
        run: String,
    },
    /// The place of a compacted copy is not free.
    #[error("{} {problem}; name a folder that is not there yet", path.display())]
    Target {
        /// Where the copy was to be.
        path: PathBuf,
        /// Why it cannot be there.
        problem: &'static str,
    },
    /// A store that must be whole for what was asked is damaged.
    #[error("segment {}: {problem}{}; `twogrpo store check --deep` lists what is wrong", path.display(), more(*others))]
    Damaged {
        /// The first damaged segment.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// How many more problems there are.
        others: usize,
    },
    /// A living process holds the writer's lock.
    #[error("run {run}, writer {writer} is being written by process {holder}; stop it or take another writer name")]
    Locked {
        /// The run.
        run: String,
        /// The writer.
        writer: String,
        /// The holder's process id, `unknown` where it cannot be read.
        holder: String,
    },
    /// The writer was opened before a fork and is used in the child.
    #[error("this writer belongs to process {owner} and cannot be used in process {here}; open one after the fork")]
    Forked {
        /// The process that opened the writer.
        owner: u32,
        /// The process that used it.
        here: u32,
    },
    /// The path holds no store.
    #[error("{} holds no rollout store (no _twogrpo/store.json); name the folder of a run or of a store", .0.display())]
    NotAStore(PathBuf),
    /// The folder holds segments and no marker.
    #[error(
        "{} holds segments and no _twogrpo/store.json, which every store has; `twogrpo store check --repair` writes it \
         anew",
        .0.display()
    )]
    Unmarked(PathBuf),
    /// The store's marker is damaged.
    #[error(
        "{} is damaged ({problem}), expected the marker of a format {expected} store; `twogrpo store check --repair` \
         writes it anew",
        path.display()
    )]
    Marker {
        /// The marker file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// The format that this version reads.
        expected: u32,
    },
    /// The store is of another format.
    #[error("{} is not a format {expected} store: found {found}; open it with the version that wrote it", path.display())]
    Format {
        /// The marker file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// The format that this version reads.
        expected: u32,
    },
    /// A segment cannot be read or does not agree with its name.
    #[error("segment {}: {problem}", path.display())]
    Segment {
        /// The segment.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A segment of another version of the schema.
    #[error(
        "segment {} has schema version {found}, this twogrpo reads {expected}; open it with the version that wrote it",
        path.display()
    )]
    Schema {
        /// The segment.
        path: PathBuf,
        /// The version in its footer.
        found: u32,
        /// The version that is read here.
        expected: u32,
    },
    /// Parquet could not encode the rows.
    #[error("cannot encode step {step}: {source}")]
    Encode {
        /// The step of the optimizer.
        step: i32,
        /// The encoder's own error.
        source: parquet::errors::ParquetError,
    },
    /// The writer was closed, or its thread has ended.
    #[error("the writer of run {run} is closed; open the store again")]
    Closed {
        /// The run.
        run: String,
    },
}

impl StoreError {
    /// Return a function that wraps a system error with what was tried and where.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

fn more(others: usize) -> String {
    if others == 0 {
        String::new()
    } else {
        format!(", and {others} more problems")
    }
}

/// Say what to do about a system error, where a user can do something.
fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; what was stored before is whole: free some space and go on"
        }
        _ => "",
    }
}

/// What is wrong with the rows or names that a caller hands over.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DataError {
    /// A column that every append needs is not there.
    #[error(
        "column {0} is missing; append needs group_id, rollout_idx, reward, prompt or prompt_id, and response or response_ids"
    )]
    Missing(&'static str),
    /// A column that the schema does not know.
    #[error(
        "column {0:?} is not in schema v1; leave it out, put it into `extra` as JSON, or name a score reward_<name>"
    )]
    Unknown(String),
    /// A column that stands twice in the table.
    #[error("column {0} is given twice")]
    Repeated(String),
    /// A column whose type cannot be taken for the schema's.
    #[error("column {column} has type {found}, expected {expected}")]
    Type {
        /// The column.
        column: String,
        /// The type given.
        found: String,
        /// The type of the schema, or what it accepts.
        expected: String,
    },
    /// One value that the schema does not allow.
    #[error("column {column}, row {row}: found {found}, expected {expected}")]
    Value {
        /// The column.
        column: String,
        /// The row of the table as it was given.
        row: usize,
        /// The value given.
        found: String,
        /// What the schema allows.
        expected: String,
    },
    /// Two rows for one rollout.
    #[error(
        "rows {first} and {second} are both group_id {group_id}, rollout_idx {rollout_idx}; each rollout is stored once"
    )]
    Duplicate {
        /// The group.
        group_id: i64,
        /// The member of the group.
        rollout_idx: i16,
        /// The earlier row.
        first: usize,
        /// The later row.
        second: usize,
    },
    /// A table without rows.
    #[error("the table has no rows; append one row a rollout")]
    Empty,
    /// A name, step or key that cannot stand in a path or footer.
    #[error("{what} {found:?} is not usable; expected {expected}")]
    Argument {
        /// Which argument.
        what: &'static str,
        /// Its value.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
}
