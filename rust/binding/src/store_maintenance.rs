//! Compacting, pruning and purging a store for Python.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use twogrpo_store::{Disk, Pruning, SegmentChange, Store};

use crate::store::to_python;

/// (file, rows before, rows after, bytes before, bytes after).
type Change = (PathBuf, u64, u64, u64, u64);

fn open(path: &Path) -> twogrpo_store::Result<Store> {
    Store::open(Arc::new(Disk), path)
}

fn for_python(changes: Vec<SegmentChange>) -> Vec<Change> {
    changes
        .into_iter()
        .map(|change| {
            let SegmentChange {
                path,
                rows_before,
                rows_after,
                bytes_before,
                bytes_after,
            } = change;
            (path, rows_before, rows_after, bytes_before, bytes_after)
        })
        .collect()
}

/// An error of the store, or of what Python puts into it.
enum CompactionError {
    Store(twogrpo_store::StoreError),
    Python(PyErr),
}

impl From<twogrpo_store::StoreError> for CompactionError {
    fn from(error: twogrpo_store::StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CompactionError> for PyErr {
    fn from(error: CompactionError) -> Self {
        match error {
            CompactionError::Store(error) => to_python(error),
            CompactionError::Python(error) => error,
        }
    }
}

/// Write a compacted copy and return its counts in the order of `twogrpo_store::Compaction`.
///
/// `complete` is called with the folder that the copy is built in, before it takes its name.
#[pyfunction]
pub fn store_compact(py: Python<'_>, path: PathBuf, to: PathBuf, complete: Py<PyAny>) -> PyResult<[u64; 8]> {
    let complete = |staging: &Path| {
        let called = Python::attach(|py| complete.call1(py, (staging,)).map(drop));
        called.map_err(CompactionError::Python)
    };
    let done = py.detach(|| open(&path)?.compact_with(&to, complete))?;
    Ok([
        done.rows,
        done.segments_before,
        done.segments_after,
        done.bytes_before,
        done.bytes_after,
        done.superseded_segments,
        done.superseded_rows,
        done.lost,
    ])
}

/// Remove what is chosen and return the changes; in a dry run only say so.
#[pyfunction]
#[pyo3(signature = (path, *, superseded, quarantine, steps_before, phase, columns, dry_run))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of one private call")]
pub fn store_prune(
    py: Python<'_>,
    path: PathBuf,
    superseded: bool,
    quarantine: bool,
    steps_before: Option<i32>,
    phase: Option<String>,
    columns: Vec<String>,
    dry_run: bool,
) -> PyResult<Vec<Change>> {
    let chosen = Pruning {
        superseded,
        quarantine,
        steps_before,
        phase,
        columns,
    };
    let changes = py.detach(|| open(&path)?.prune(&chosen, dry_run)).map_err(to_python)?;
    Ok(for_python(changes))
}

/// Remove the rollouts of some prompts and return the changes; in a dry run only say so.
#[pyfunction]
pub fn store_purge(py: Python<'_>, path: PathBuf, prompt_ids: Vec<String>, dry_run: bool) -> PyResult<Vec<Change>> {
    let changes = py
        .detach(|| open(&path)?.purge(&prompt_ids, dry_run))
        .map_err(to_python)?;
    Ok(for_python(changes))
}
