//! Columns of numbers, from Arrow tables to Rust and back.

use arrow_array::cast::AsArray;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, RecordBatch};
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use pyo3::prelude::*;
use pyo3_arrow::PyTable;

use crate::error::DataError;

/// The columns that the Python face has cast and named; anything else is a defect of ours.
pub struct Columns(RecordBatch);

impl Columns {
    /// Returns a table's columns, each in one piece.
    pub fn read(table: PyTable) -> PyResult<Self> {
        let (batches, schema) = table.into_inner();
        concat_batches(&schema, &batches)
            .map(Self)
            .map_err(|error| arrow_error(&error))
    }

    fn get(&self, name: &str) -> PyResult<&ArrayRef> {
        self.0
            .column_by_name(name)
            .ok_or_else(|| DataError::new_err(format!("column {name} is missing")))
    }

    /// Returns a column of numbers by its name.
    pub fn numbers<T: ArrowPrimitiveType>(&self, name: &str) -> PyResult<&PrimitiveArray<T>> {
        let column = self.get(name)?;
        column.as_primitive_opt().ok_or_else(|| wrong_type(name, column))
    }

    /// Returns a column of booleans by its name.
    pub fn flags(&self, name: &str) -> PyResult<&BooleanArray> {
        let column = self.get(name)?;
        column.as_boolean_opt().ok_or_else(|| wrong_type(name, column))
    }
}

/// Returns one table of some columns of equal length.
pub fn table<const N: usize>(columns: [(&str, ArrayRef); N]) -> PyResult<PyTable> {
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| arrow_error(&error))?;
    let schema = batch.schema();
    PyTable::try_new(vec![batch], schema)
}

fn wrong_type(name: &str, column: &ArrayRef) -> PyErr {
    DataError::new_err(format!("column {name} has type {}", column.data_type()))
}

fn arrow_error(error: &ArrowError) -> PyErr {
    DataError::new_err(format!("the table cannot be read: {error}"))
}
