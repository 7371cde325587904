//! A caller's table, minimal or full, made into rows of schema v1 in the order of (`group_id`, `rollout_idx`).

use std::collections::BTreeMap;
use std::iter::repeat_n;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, Int16Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::take::take_record_batch;

use crate::cast::cast;
use crate::derive::{SumType, fill, lengths, logprob_sums, prompt_ids, rollout_ids};
use crate::error::DataError;
use crate::layout::Stream;
use crate::order::sorted_order;
use crate::schema::{Kind, LogprobDtype, find, is_reward, schema};

/// What the writer knows about every row of an append.
#[derive(Clone, Debug)]
pub struct Place {
    /// Run and writer.
    pub stream: Stream,
    /// Attempt, from 1.
    pub attempt: i16,
    /// Step of the optimizer, from 0.
    pub step: i32,
    /// train, eval, replay or imported.
    pub phase: String,
    /// Microseconds since 1970, for rows without `created_at`.
    pub now_us: i64,
    /// Width of the stored log-probabilities.
    pub logprobs: LogprobDtype,
}

/// Return the rows as schema v1 has them.
///
/// # Errors
/// [`DataError`] that names the column, and the row as the caller counts it.
pub fn conform(given: &RecordBatch, place: &Place) -> Result<RecordBatch, DataError> {
    if given.num_rows() == 0 {
        return Err(DataError::Empty);
    }
    let mut columns = Columns::read(given)?;
    columns.check_required()?;
    columns.check_token_lists()?;
    columns.derive(place)?;
    columns.check_and_set_identity(place)?;
    let order = sorted_order(&columns.get("group_id"), &columns.get("rollout_idx"))?;
    let rows = columns.assemble(place.logprobs).map_err(|error| unexpected(&error))?;
    match order {
        None => Ok(rows),
        Some(order) => take_record_batch(&rows, &order).map_err(|error| unexpected(&error)),
    }
}

/// Arrow refuses nothing that the checks have let through, but says so in its type.
fn unexpected(error: &ArrowError) -> DataError {
    DataError::Type {
        column: "(table)".to_owned(),
        found: error.to_string(),
        expected: "rows of schema v1".to_owned(),
    }
}

struct Columns {
    rows: usize,
    by_name: BTreeMap<String, ArrayRef>,
}

impl Columns {
    /// Cast every given column; log-probabilities stay at 32 bits until they are summed.
    fn read(given: &RecordBatch) -> Result<Self, DataError> {
        let mut by_name = BTreeMap::new();
        for (field, array) in given.schema_ref().fields().iter().zip(given.columns()) {
            let name = field.name();
            let column = find(name).ok_or_else(|| DataError::Unknown(name.clone()))?;
            let array = cast(name, column, array, LogprobDtype::Float32)?;
            if by_name.insert(name.clone(), array).is_some() {
                return Err(DataError::Repeated(name.clone()));
            }
        }
        Ok(Self {
            rows: given.num_rows(),
            by_name,
        })
    }

    fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    fn find(&self, name: &str) -> Option<&ArrayRef> {
        self.by_name.get(name)
    }

    /// Return a column, all null if it was not given.
    fn get(&self, name: &str) -> ArrayRef {
        let kind = find(name).map_or(Kind::Text, |column| column.kind);
        self.find(name)
            .cloned()
            .unwrap_or_else(|| new_null_array(&kind.data_type(LogprobDtype::Float32), self.rows))
    }

    fn set(&mut self, name: &str, column: ArrayRef) {
        self.by_name.insert(name.to_owned(), column);
    }

    fn check_required(&self) -> Result<(), DataError> {
        for name in ["group_id", "rollout_idx", "reward"] {
            if !self.has(name) {
                return Err(DataError::Missing(name));
            }
        }
        for (name, other) in [("prompt", "prompt_id"), ("response", "response_ids")] {
            if !self.has(name) && !self.has(other) {
                return Err(DataError::Missing(name));
            }
        }
        for name in ["group_id", "rollout_idx"] {
            self.refuse_rows(name, "a number", |row| self.get(name).is_null(row))?;
        }
        let (response, ids) = (self.get("response"), self.get("response_ids"));
        self.refuse_rows("response", "text, or response_ids in its place", |row| {
            response.is_null(row) && ids.is_null(row)
        })
    }

    fn refuse_rows(&self, name: &str, expected: &str, is_bad: impl Fn(usize) -> bool) -> Result<(), DataError> {
        match (0..self.rows).find(|row| is_bad(*row)) {
            None => Ok(()),
            Some(row) => Err(value_error(name, row, "null", expected)),
        }
    }

    /// Log-probabilities and mask belong to the response's tokens one by one.
    fn check_token_lists(&self) -> Result<(), DataError> {
        let Some(ids) = self.find("response_ids").map(lengths) else {
            return Ok(());
        };
        let ids = ids.as_primitive::<Int32Type>();
        for name in ["logprobs", "loss_mask"] {
            let Some(list) = self.find(name).map(lengths) else {
                continue;
            };
            let list = list.as_primitive::<Int32Type>();
            for row in 0..self.rows {
                if ids.is_valid(row) && list.is_valid(row) && ids.value(row) != list.value(row) {
                    let found = format!("{} values", list.value(row));
                    return Err(value_error(
                        name,
                        row,
                        &found,
                        &format!("{}, one a response token", ids.value(row)),
                    ));
                }
            }
        }
        Ok(())
    }

    fn derive(&mut self, place: &Place) -> Result<(), DataError> {
        let ids = prompt_ids(
            self.rows,
            self.find("prompt_id"),
            self.find("dataset"),
            self.find("prompt"),
        )?;
        self.set("prompt_id", ids);
        for (length, of) in [("prompt_len", "prompt_ids"), ("response_len", "response_ids")] {
            if let Some(lists) = self.find(of) {
                let derived = lengths(lists);
                let given = self.by_name.remove(length);
                self.set(length, fill::<Int32Type>(given, derived));
            }
        }
        if let Some(lists) = self.find("logprobs") {
            let derived = logprob_sums(lists);
            let given = self.by_name.remove("logprob_sum");
            self.set("logprob_sum", fill::<SumType>(given, derived));
        }
        if !self.has("created_at") {
            let times = TimestampMicrosecondArray::from_iter_values(repeat_n(place.now_us, self.rows));
            self.set("created_at", Arc::new(times.with_timezone("UTC")));
        }
        Ok(())
    }

    /// Fill in who wrote the rows and where they stand; a caller that gives these must agree.
    fn check_and_set_identity(&mut self, place: &Place) -> Result<(), DataError> {
        let Place {
            stream,
            attempt,
            step,
            phase,
            ..
        } = place;
        let rows = self.rows;
        let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(repeat_n(value, rows))) };
        let ids = rollout_ids(stream, *attempt, *step, &self.get("group_id"), &self.get("rollout_idx"));
        let identity: [(&str, ArrayRef); 6] = [
            ("run_id", text(&stream.run)),
            ("writer", text(&stream.writer)),
            ("phase", text(phase)),
            (
                "attempt",
                Arc::new(Int16Array::from_iter_values(repeat_n(*attempt, rows))),
            ),
            ("step", Arc::new(Int32Array::from_iter_values(repeat_n(*step, rows)))),
            ("rollout_id", ids),
        ];
        for (name, ours) in identity {
            if self.find(name).is_some_and(|given| given.as_ref() != ours.as_ref()) {
                let expected = format!("what this append fills in ({stream}, attempt {attempt}, step {step}, {phase})");
                return Err(value_error(name, 0, "another value", &expected));
            }
            self.set(name, ours);
        }
        Ok(())
    }

    fn assemble(&self, logprobs: LogprobDtype) -> Result<RecordBatch, ArrowError> {
        let rewards: Vec<String> = self.by_name.keys().filter(|name| is_reward(name)).cloned().collect();
        let schema: SchemaRef = schema(logprobs, &rewards);
        let columns = schema.fields().iter().map(|field| {
            let column = self.get(field.name());
            if column.data_type() == field.data_type() {
                return Ok(column);
            }
            arrow_cast::cast(&column, field.data_type())
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(schema, columns)
    }
}

fn value_error(column: &str, row: usize, found: &str, expected: &str) -> DataError {
    DataError::Value {
        column: column.to_owned(),
        row,
        found: found.to_owned(),
        expected: expected.to_owned(),
    }
}
