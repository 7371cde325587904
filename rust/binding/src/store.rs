//! The rollout store for Python: tables come in by the Arrow C stream, and every wait releases the GIL.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use pyo3::prelude::*;
use pyo3_arrow::PyTable;
use pyo3_arrow::input::AnyRecordBatch;
use twogrpo_store::schema::{LogprobDtype, schema};
use twogrpo_store::{Disk, FileSystem, Provenance, Recovery, Store, Writer, WriterOptions};

use crate::error::{DataError, StoreError};

/// Returns the exception of an error of the store crate.
pub fn to_python(error: twogrpo_store::StoreError) -> PyErr {
    match error {
        twogrpo_store::StoreError::Data(error) => DataError::new_err(error.to_string()),
        error => StoreError::new_err(error.to_string()),
    }
}

fn disk() -> Arc<dyn FileSystem> {
    Arc::new(Disk)
}

/// One writer of one run.
#[pyclass(frozen, module = "twogrpo._core")]
pub struct StoreWriter {
    inner: Writer,
}

#[pymethods]
impl StoreWriter {
    #[new]
    #[pyo3(signature = (path, run_id, writer, *, resume_step, float16_logprobs, config_hash, tokenizer_hash, template_hash, keep_ahead=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of one private call")]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        run_id: String,
        writer: String,
        resume_step: Option<i32>,
        float16_logprobs: bool,
        config_hash: Option<String>,
        tokenizer_hash: Option<String>,
        template_hash: Option<String>,
        keep_ahead: Option<String>,
    ) -> PyResult<Self> {
        let logprobs = if float16_logprobs {
            LogprobDtype::Float16
        } else {
            LogprobDtype::Float32
        };
        let provenance = Provenance {
            config_hash,
            tokenizer_hash,
            template_hash,
        };
        let options = WriterOptions {
            path,
            run_id,
            writer,
            resume_step,
            keep_ahead,
            logprobs,
            provenance,
        };
        let inner = py.detach(|| Writer::open(disk(), options)).map_err(to_python)?;
        Ok(Self { inner })
    }

    #[getter]
    fn attempt(&self) -> i16 {
        self.inner.attempt()
    }

    /// What the opening found: (temporary files removed, relogged, lost, quarantined).
    #[getter]
    fn recovery(&self) -> (usize, Vec<String>, Vec<String>, Vec<String>) {
        let Recovery {
            removed_temporaries,
            relogged,
            lost,
            quarantined,
            ..
        } = self.inner.recovery().clone();
        (removed_temporaries, relogged, lost, quarantined)
    }

    /// How many lines of the log the opening has moved to the quarantine.
    #[getter]
    fn damaged_lines(&self) -> usize {
        self.inner.recovery().damaged_lines
    }

    fn append(&self, py: Python<'_>, table: &Bound<'_, PyAny>, step: i32, phase: &str) -> PyResult<()> {
        let rows = read_table(table)?;
        py.detach(|| self.inner.append(&rows, step, phase)).map_err(to_python)
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.inner.flush()).map_err(to_python)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.inner.close()).map_err(to_python)
    }
}

fn read_table(table: &Bound<'_, PyAny>) -> PyResult<RecordBatch> {
    let input: AnyRecordBatch = table.extract().map_err(|_| {
        let found = table
            .get_type()
            .name()
            .map_or_else(|_| "an object".to_owned(), |name| name.to_string());
        DataError::new_err(format!(
            "append takes a table with __arrow_c_stream__ (polars, pyarrow, pandas, duckdb); found {found}"
        ))
    })?;
    let table = input
        .into_table()
        .map_err(|error| DataError::new_err(format!("the table cannot be read as an Arrow stream: {error}")))?;
    let (batches, schema) = table.into_inner();
    concat_batches(&schema, &batches).map_err(|error| DataError::new_err(error.to_string()))
}

/// Return an empty table of schema v1 with these `reward_<name>` columns.
#[pyfunction]
pub fn store_schema(rewards: Vec<String>) -> PyResult<PyTable> {
    PyTable::try_new(Vec::new(), schema(LogprobDtype::Float32, &rewards))
}

/// Return the `reward_<name>` columns of a store.
#[pyfunction]
pub fn store_reward_columns(py: Python<'_>, path: PathBuf) -> PyResult<Vec<String>> {
    py.detach(|| open(&path)?.reward_columns()).map_err(to_python)
}

/// Counts of a check, the tokenizers' hashes, and its problems as (file, what, is it damage).
type Checked = (u64, u64, u64, u64, Vec<String>, Vec<(PathBuf, String, bool)>);

/// Check a store: (segments, superseded segments, rows, bytes, tokenizers, problems).
#[pyfunction]
pub fn store_check(py: Python<'_>, path: PathBuf, deep: bool) -> PyResult<Checked> {
    let report = py.detach(|| open(&path)?.check(deep)).map_err(to_python)?;
    let problems = report
        .problems
        .into_iter()
        .map(|problem| (problem.path, problem.what, problem.is_damage))
        .collect();
    let tokenizers = report.tokenizers.into_iter().collect();
    Ok((
        report.segments,
        report.superseded,
        report.rows,
        report.bytes,
        tokenizers,
        problems,
    ))
}

/// What a repair did: the same as a recovery, and (damaged log lines, living writers skipped, marker written anew).
type Repaired = (
    (usize, Vec<String>, Vec<String>, Vec<String>),
    (usize, Vec<String>, bool),
);

/// Repair a store and return what was done.
#[pyfunction]
pub fn store_repair(py: Python<'_>, path: PathBuf, deep: bool) -> PyResult<Repaired> {
    let done = py.detach(|| Store::repair(&disk(), &path, deep)).map_err(to_python)?;
    Ok((
        (done.removed_temporaries, done.relogged, done.lost, done.quarantined),
        (done.damaged_lines, done.skipped, done.rewrote_marker),
    ))
}

/// Raise unless the folder holds a store that this version reads.
#[pyfunction]
pub fn store_open(py: Python<'_>, path: PathBuf) -> PyResult<()> {
    py.detach(|| open(&path)).map_err(to_python)?;
    Ok(())
}

fn open(path: &Path) -> twogrpo_store::Result<Store> {
    Store::open(disk(), path)
}
