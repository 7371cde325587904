//! What prune and purge take out of a segment: the rows of some prompts, the values of some columns.

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;

use crate::error::{DataError, Result};
use crate::groups::ROWS_PER_GROUP;
use crate::scan::Scan;
use crate::schema::find;

/// Rows and values to take out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edit {
    prompts: BTreeSet<String>,
    columns: Vec<String>,
}

/// What an edit comes to in one segment.
pub(crate) struct Effect {
    pub rows_left: usize,
    /// Whether a column that goes has a value.
    pub is_column_filled: bool,
}

impl Edit {
    /// Take out the rows of some prompts.
    pub fn of_prompts(prompt_ids: &[String]) -> Self {
        Self {
            prompts: prompt_ids.iter().cloned().collect(),
            ..Self::default()
        }
    }

    /// Take out the values of some columns.
    ///
    /// # Errors
    /// [`DataError::Argument`] for a column that every row needs, or that schema v1 does not have.
    pub fn of_columns(columns: &[String]) -> Result<Self> {
        for name in columns {
            let is_optional = find(name).is_some_and(|column| column.nullable) && name != "reward";
            if !is_optional {
                let expected = "optional columns of the schema, such as logprobs, response or response_ids; not reward";
                return Err(DataError::Argument {
                    what: "column",
                    found: name.clone(),
                    expected,
                }
                .into());
            }
        }
        Ok(Self {
            columns: columns.to_vec(),
            ..Self::default()
        })
    }

    /// Return the columns whose values go.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Look what the edit comes to, reading only the columns that decide it.
    pub fn effect(&self, segment: &Scan) -> Result<Effect> {
        let mut rows_left = segment.rows();
        if !self.prompts.is_empty() {
            for ids in segment.column("prompt_id", ROWS_PER_GROUP)? {
                rows_left -= self.is_kept(&ids?).false_count();
            }
        }
        let mut is_column_filled = false;
        for name in &self.columns {
            for values in segment.column(name, ROWS_PER_GROUP)? {
                let values = values?;
                is_column_filled |= values.null_count() < values.len();
            }
        }
        Ok(Effect {
            rows_left,
            is_column_filled,
        })
    }

    fn is_kept(&self, prompt_ids: &ArrayRef) -> BooleanArray {
        let ids = prompt_ids.as_string::<i32>();
        (0..ids.len())
            .map(|row| Some(ids.is_null(row) || !self.prompts.contains(ids.value(row))))
            .collect()
    }

    /// Return the rows that stay, without the values that go.
    pub fn apply(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let schema = rows.schema();
        let columns = schema.fields().iter().zip(rows.columns()).map(|(field, column)| {
            if self.columns.contains(field.name()) {
                new_null_array(field.data_type(), rows.num_rows())
            } else {
                column.clone()
            }
        });
        let rows = RecordBatch::try_new(schema.clone(), columns.collect())?;
        match rows.column_by_name("prompt_id") {
            Some(ids) if !self.prompts.is_empty() => filter_record_batch(&rows, &self.is_kept(ids)),
            _ => Ok(rows),
        }
    }
}
