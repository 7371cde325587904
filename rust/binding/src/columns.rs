//! Columns of numbers and names, from Arrow tables to Rust and back.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int32Type};
use arrow_array::{Array, ArrayRef, BooleanArray, LargeListArray, PrimitiveArray, RecordBatch};
use arrow_schema::{ArrowError, DataType, Schema};
use arrow_select::concat::concat_batches;
use pyo3::prelude::*;
use pyo3_arrow::PyTable;

use crate::error::DataError;

/// The columns that the Python face has cast and named; anything else is a defect of ours.
pub struct Columns(RecordBatch);

impl Columns {
    /// Returns a table's columns, each in one piece.
    pub fn read(table: PyTable) -> PyResult<Self> {
        Self::joined(vec![table])
    }

    /// Returns the columns of some tables of one schema, one table after another.
    pub fn joined(tables: Vec<PyTable>) -> PyResult<Self> {
        let mut all = Vec::new();
        let mut schema = Arc::new(Schema::empty());
        for table in tables {
            let (batches, of_table) = table.into_inner();
            all.extend(batches);
            schema = of_table;
        }
        concat_batches(&schema, &all)
            .map(Self)
            .map_err(|error| arrow_error(&error))
    }

    /// Returns whether the table has a column.
    pub fn has(&self, name: &str) -> bool {
        self.0.column_by_name(name).is_some()
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

    /// Returns a column of text by its name.
    pub fn texts(&self, name: &str) -> PyResult<Box<dyn Iterator<Item = Option<&str>> + '_>> {
        let column = self.get(name)?;
        match column.data_type() {
            DataType::Utf8View => Ok(Box::new(column.as_string_view().iter())),
            DataType::LargeUtf8 => Ok(Box::new(column.as_string::<i64>().iter())),
            DataType::Utf8 => Ok(Box::new(column.as_string::<i32>().iter())),
            _ => Err(wrong_type(name, column)),
        }
    }

    /// Returns a column of token ids by its name, none where the table has no such column.
    pub fn token_ids(&self, name: &str) -> PyResult<Option<TokenIds<'_>>> {
        let Some(column) = self.0.column_by_name(name) else {
            return Ok(None);
        };
        let lists = column.as_list_opt::<i64>();
        let ids = lists.and_then(|lists| {
            Some(TokenIds {
                lists,
                ids: lists.values().as_primitive_opt::<Int32Type>()?.values(),
            })
        });
        ids.map(Some).ok_or_else(|| wrong_type(name, column))
    }
}

/// A column of lists of token ids.
pub struct TokenIds<'a> {
    lists: &'a LargeListArray,
    ids: &'a [i32],
}

impl<'a> TokenIds<'a> {
    /// Returns the ids of a row, none where it is null.
    pub fn row(&self, row: usize) -> Option<&'a [i32]> {
        let end = |row: usize| {
            self.lists
                .value_offsets()
                .get(row)
                .and_then(|end| usize::try_from(*end).ok())
        };
        (row < self.lists.len() && self.lists.is_valid(row))
            .then(|| self.ids.get(end(row)?..end(row + 1)?))
            .flatten()
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
