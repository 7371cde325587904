//! Compacting, pruning and purging a store for Python.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use twogrpo_store::{Compaction, Disk, Pruning, SegmentChange, Store};

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

/// Write a compacted copy and return its counts in the order of `twogrpo_store::Compaction`.
#[pyfunction]
pub fn store_compact(py: Python<'_>, path: PathBuf, to: PathBuf) -> PyResult<[u64; 8]> {
    let Compaction {
        rows,
        segments_before,
        segments_after,
        bytes_before,
        bytes_after,
        superseded_segments,
        superseded_rows,
        lost,
    } = py.detach(|| open(&path)?.compact(&to)).map_err(to_python)?;
    Ok([
        rows,
        segments_before,
        segments_after,
        bytes_before,
        bytes_after,
        superseded_segments,
        superseded_rows,
        lost,
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
