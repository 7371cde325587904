//! Small tables of rollouts for the tests.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc)]

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, Int32Builder, ListBuilder};
use arrow_array::{ArrayRef, Float32Array, Int16Array, Int64Array, RecordBatch, StringArray};
use arrow_select::concat::concat_batches;
use twogrpo_store::schema::LogprobDtype;
use twogrpo_store::{FileSystem, Provenance, Result, Writer, WriterOptions, prompt_id};

/// Return two groups of two; `salt` changes the responses and nothing else.
pub fn rows(salt: i32) -> RecordBatch {
    let mut ids = ListBuilder::new(Int32Builder::new());
    let mut logprobs = ListBuilder::new(Float32Builder::new());
    for row in 0..4_i16 {
        let tokens = (0..=i32::from(row)).map(|token| Some(100 + token + salt));
        ids.append_value(tokens);
        logprobs.append_value((0..=row).map(|token| Some(-0.5 - f32::from(token))));
    }
    RecordBatch::try_from_iter([
        ("group_id", Arc::new(Int64Array::from(vec![4, 4, 5, 5])) as ArrayRef),
        ("rollout_idx", Arc::new(Int16Array::from(vec![0, 1, 0, 1]))),
        ("prompt", Arc::new(StringArray::from(vec!["1+1", "1+1", "2+2", "2+2"]))),
        (
            "reward",
            Arc::new(Float32Array::from(vec![Some(1.0), Some(0.0), None, Some(1.0)])),
        ),
        ("response_ids", Arc::new(ids.finish())),
        ("logprobs", Arc::new(logprobs.finish())),
    ])
    .unwrap()
}

/// Return the rows of many such tables, in two groups of their own each.
pub fn many_rows(tables: i32) -> RecordBatch {
    let tables: Vec<RecordBatch> = (0..tables)
        .map(|table| {
            let rows = rows(table);
            let ids = Int64Array::from_iter_values((0..4).map(|row| i64::from(table) * 2 + row / 2));
            let mut columns = rows.columns().to_vec();
            columns[0] = Arc::new(ids);
            RecordBatch::try_new(rows.schema(), columns).unwrap()
        })
        .collect();
    concat_batches(&tables[0].schema(), &tables).unwrap()
}

/// Return the id of the first group's prompt.
pub fn first_prompt() -> Vec<String> {
    vec![prompt_id("", "1+1")]
}

/// Return the options of writer `w0` of run `r`.
pub fn options(path: &Path) -> WriterOptions {
    WriterOptions {
        path: path.to_owned(),
        run_id: "r".to_owned(),
        writer: "w0".to_owned(),
        resume_step: None,
        keep_ahead: None,
        logprobs: LogprobDtype::Float32,
        provenance: Provenance::default(),
    }
}

/// Open writer `w0` of run `r`.
pub fn open(fs: &Arc<dyn FileSystem>, path: &Path) -> Result<Writer> {
    Writer::open(Arc::clone(fs), options(path))
}

/// Append and wait until it is stored.
pub fn store(writer: &Writer, step: i32, salt: i32) -> Result<()> {
    writer.append(&rows(salt), step, "train")?;
    writer.flush()
}
