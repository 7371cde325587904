//! Names and places inside a store: which path holds what, and what a file's name says.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Result};

/// The stream of segments of one writer in one run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream {
    /// The run.
    pub run: String,
    /// The writer: a dot in it would make file names ambiguous, so it holds none.
    pub writer: String,
}

impl Stream {
    /// Return the stream, after making sure that both names can stand in a path.
    pub fn new(run: &str, writer: &str) -> Result<Self> {
        check_name("run_id", run, ".")?;
        check_name("writer", writer, "")?;
        Ok(Self {
            run: run.to_owned(),
            writer: writer.to_owned(),
        })
    }

    /// Read `<run>.<writer>`.
    fn parse(text: &str) -> Option<Self> {
        let (run, writer) = text.rsplit_once('.')?;
        Self::new(run, writer).ok()
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.run, self.writer)
    }
}

fn check_name(what: &'static str, name: &str, also: &str) -> Result<(), DataError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || also.contains(c);
    if !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(allowed) {
        return Ok(());
    }
    let expected = "1 to 100 letters, digits, - and _ (a run_id also has dots, not first)";
    Err(DataError::Argument {
        what,
        found: name.to_owned(),
        expected,
    })
}

/// A segment's file name, `step-00000012.w0.parquet`: a place in the trajectory, which is taken once.
///
/// Compaction makes segments of several steps, `steps-00000000-00000063.w0.parquet`. Ordered by step, then writer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName {
    /// Step of the optimizer.
    pub step: i32,
    /// Name of the writer.
    pub writer: String,
    /// The last step of a segment of several.
    pub last_step: Option<i32>,
}

impl SegmentName {
    /// Read a file name; `None` for anything that neither a commit nor a compaction can have made.
    pub fn parse(file: &str) -> Option<Self> {
        let (steps, writer) = file.strip_suffix(".parquet")?.split_once('.')?;
        let (step, last_step) = match steps.strip_prefix("steps-") {
            Some(steps) => {
                let (step, last) = steps.split_once('-')?;
                (step, Some(last.parse().ok()?))
            }
            None => (steps.strip_prefix("step-")?, None),
        };
        let name = Self {
            step: step.parse().ok()?,
            writer: writer.to_owned(),
            last_step,
        };
        (name.to_string() == file && last_step.is_none_or(|last| last >= name.step)).then_some(name)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            step,
            writer,
            last_step,
        } = self;
        match last_step {
            Some(last) => write!(out, "steps-{step:08}-{last:08}.{writer}.parquet"),
            None => write!(out, "step-{step:08}.{writer}.parquet"),
        }
    }
}

/// The paths of one store.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Lay a store out under `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of everything that is not rollouts.
    pub fn private(&self) -> PathBuf {
        self.root.join("_twogrpo")
    }

    /// The file that makes a folder a store.
    pub fn marker(&self) -> PathBuf {
        self.private().join("store.json")
    }

    /// The folder of the commit logs.
    pub fn logs(&self) -> PathBuf {
        self.private().join("log")
    }

    /// The commit log of one writer.
    pub fn log(&self, stream: &Stream) -> PathBuf {
        self.logs().join(format!("{stream}.jsonl"))
    }

    /// The folder of the lock files.
    pub fn locks(&self) -> PathBuf {
        self.private().join("lock")
    }

    /// The lock file of one writer.
    pub fn lock(&self, stream: &Stream) -> PathBuf {
        self.locks().join(stream.to_string())
    }

    /// The staging folder, on the same file system as the segments.
    pub fn temporaries(&self) -> PathBuf {
        self.private().join("tmp")
    }

    /// A staging file of one writer.
    pub fn temporary(&self, stream: &Stream, process: u32, serial: u64) -> PathBuf {
        self.temporaries().join(format!("{stream}.{process}-{serial}.tmp"))
    }

    /// The folder of a run's segments, named so that readers see a hive column `run`.
    pub fn run(&self, run: &str) -> PathBuf {
        self.root.join(format!("run={run}"))
    }

    /// A segment.
    pub fn segment(&self, run: &str, name: &SegmentName) -> PathBuf {
        self.run(run).join(name.to_string())
    }

    /// The folder of what resumes have moved aside.
    pub fn superseded(&self) -> PathBuf {
        self.root.join("_superseded")
    }

    /// The same of one run.
    pub fn superseded_run(&self, run: &str) -> PathBuf {
        self.superseded().join(format!("run={run}"))
    }

    /// What the end of one attempt moved aside.
    pub fn superseded_attempt(&self, run: &str, attempt: i16) -> PathBuf {
        self.superseded_run(run).join(format!("attempt-{attempt:04}"))
    }

    /// The folder of verdicts that another verifier has given since; the package's Python writes it.
    pub fn verdicts(&self) -> PathBuf {
        self.root.join("_verdicts")
    }

    /// Where unreadable segments are kept.
    pub fn quarantine(&self) -> PathBuf {
        self.root.join("_quarantine")
    }
}

/// Read the stream out of a log's file name.
pub(crate) fn stream_of_log(file: &str) -> Option<Stream> {
    Stream::parse(file.strip_suffix(".jsonl")?)
}

/// Read the stream out of a lock's file name.
pub(crate) fn stream_of_lock(file: &str) -> Option<Stream> {
    Stream::parse(file)
}

/// Read the stream out of a staging file's name.
pub(crate) fn stream_of_temporary(file: &str) -> Option<Stream> {
    let (stream, _) = file.strip_suffix(".tmp")?.rsplit_once('.')?;
    Stream::parse(stream)
}

/// Read the run out of a folder's name.
pub(crate) fn run_of_folder(folder: &str) -> Option<&str> {
    folder.strip_prefix("run=")
}

/// Read the attempt out of a folder's name.
pub(crate) fn attempt_of_folder(folder: &str) -> Option<i16> {
    folder.strip_prefix("attempt-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_segment_name_reads_back() {
        let name = SegmentName {
            step: 12,
            writer: "w0".into(),
            last_step: None,
        };
        assert_eq!(name.to_string(), "step-00000012.w0.parquet");
        assert_eq!(SegmentName::parse("step-00000012.w0.parquet"), Some(name));
    }

    #[test]
    fn a_name_of_several_steps_reads_back() {
        let name = SegmentName {
            step: 64,
            writer: "eval".into(),
            last_step: Some(127),
        };
        assert_eq!(name.to_string(), "steps-00000064-00000127.eval.parquet");
        assert_eq!(SegmentName::parse(&name.to_string()), Some(name));
    }

    #[test]
    fn a_name_that_no_commit_makes_is_refused() {
        for file in [
            "step-12.w0.parquet",
            "steps-00000064-00000063.w0.parquet",
            "steps-00000064.w0.parquet",
            "step-00000064-00000070.w0.parquet",
            "step-00000012.parquet",
            "step-00000012.w0.parquet.tmp",
            "data.parquet",
        ] {
            assert_eq!(SegmentName::parse(file), None, "{file}");
        }
    }

    #[test]
    fn a_run_with_dots_is_told_from_its_writer() {
        let stream = Stream::new("qwen2.5-math", "w0").unwrap();
        let path = Layout::new("/s").temporary(&stream, 7, 3);
        assert_eq!(
            stream_of_temporary(path.file_name().unwrap().to_str().unwrap()),
            Some(stream)
        );
    }

    #[test]
    fn a_name_that_leaves_the_store_is_refused() {
        for run in ["", "../x", "a/b", ".hidden", "a=b"] {
            assert!(Stream::new(run, "w0").is_err(), "{run}");
        }
        assert!(Stream::new("r", "w.0").is_err());
    }
}
