//! A store on the real disk in a folder of its own, and what tests ask of any store.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use twogrpo_store::{CheckReport, Disk, FileSystem, Result, Store, Writer, WriterOptions};

use crate::rows::{open, options, rows, store};

/// A store of run `r`; its writers are `w0` and what a test names.
pub struct Case {
    folder: TempDir,
    pub fs: Arc<dyn FileSystem>,
}

impl Case {
    pub fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            fs: Arc::new(Disk),
        }
    }

    /// Steps 0, 1, ... of one writer, closed.
    pub fn with_steps(steps: i32) -> Self {
        let case = Self::new();
        let writer = case.open();
        (0..steps).for_each(|step| store(&writer, step, step).unwrap());
        writer.close().unwrap();
        case
    }

    /// The same, and as many steps of another writer for evaluation.
    pub fn with_evaluations(steps: i32) -> Self {
        let case = Self::with_steps(steps);
        let writer = case.other("eval");
        (0..steps).for_each(|step| writer.append(&rows(step), step, "eval").unwrap());
        writer.close().unwrap();
        case
    }

    /// What [`fill`] makes.
    pub fn filled() -> Self {
        let case = Self::new();
        fill(&case.fs, &case.root());
        case
    }

    pub fn root(&self) -> PathBuf {
        self.beside("rollouts")
    }

    /// A place beside the store.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.root().join(inside)
    }

    pub fn segment(&self, step: i32) -> PathBuf {
        self.path(&format!("run=r/step-{step:08}.w0.parquet"))
    }

    /// The names of the segments.
    pub fn files(&self) -> Vec<String> {
        self.names("run=r")
    }

    pub fn names(&self, inside: &str) -> Vec<String> {
        self.fs.list(&self.path(inside)).unwrap()
    }

    pub fn open(&self) -> Writer {
        open(&self.fs, &self.root()).unwrap()
    }

    pub fn open_with(&self, change: impl FnOnce(&mut WriterOptions)) -> Result<Writer> {
        let mut options = options(&self.root());
        change(&mut options);
        Writer::open(Arc::clone(&self.fs), options)
    }

    pub fn other(&self, writer: &str) -> Writer {
        self.open_with(|options| writer.clone_into(&mut options.writer))
            .unwrap()
    }

    pub fn resume(&self, step: i32) -> Result<Writer> {
        self.open_with(|options| options.resume_step = Some(step))
    }

    /// Change a bit of the last logprob of a step.
    pub fn flip_a_logprob(&self, step: i32) {
        let file = self.segment(step);
        let mut bytes = fs::read(&file).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes.clone())).unwrap();
        let columns = reader.metadata().row_group(0).columns();
        let is_meant = |path: &str| path.starts_with("logprobs.");
        let column = columns.iter().find(|column| is_meant(&column.column_path().string()));
        let (start, length) = column.unwrap().byte_range();
        bytes[usize::try_from(start + length).unwrap() - 4] ^= 4;
        fs::write(file, bytes).unwrap();
    }

    pub fn store(&self) -> Store {
        store_at(&self.fs, &self.root())
    }

    pub fn check(&self, deep: bool) -> CheckReport {
        self.store().check(deep).unwrap()
    }
}

/// Store steps 0 to 3 of which a resume moves the last two aside, and a new step 2.
pub fn fill(fs: &Arc<dyn FileSystem>, path: &Path) {
    let writer = open(fs, path).unwrap();
    (0..4).for_each(|step| store(&writer, step, step).unwrap());
    writer.close().unwrap();
    drop(writer);
    let options = WriterOptions {
        resume_step: Some(1),
        ..options(path)
    };
    let writer = Writer::open(Arc::clone(fs), options).unwrap();
    store(&writer, 2, 9).unwrap();
    writer.close().unwrap();
}

pub fn store_at(fs: &Arc<dyn FileSystem>, path: &Path) -> Store {
    Store::open(Arc::clone(fs), path).unwrap()
}

/// Check every byte, expect nothing wrong, and return the report.
pub fn check_is_clean(fs: &Arc<dyn FileSystem>, path: &Path) -> CheckReport {
    let report = store_at(fs, path).check(true).unwrap();
    assert_eq!(report.problems, []);
    report
}

/// Return the rows of a segment, whichever file system it is on.
pub fn read(fs: &dyn FileSystem, path: &Path) -> RecordBatch {
    let bytes = Bytes::from(fs.read_tail(path, u64::MAX).unwrap());
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .unwrap()
        .build()
        .unwrap();
    let batches = reader.collect::<std::result::Result<Vec<_>, _>>().unwrap();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Return the number of rows of each segment of run `r`.
pub fn rows_of_segments(fs: &dyn FileSystem, root: &Path) -> BTreeMap<String, usize> {
    let folder = root.join("run=r");
    let files = fs.list(&folder).unwrap().into_iter();
    files
        .map(|file| (file.clone(), read(fs, &folder.join(file)).num_rows()))
        .collect()
}
