//! Borrowed views of Arrow columns of text, whatever their layout.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use pyo3::prelude::*;
use pyo3_arrow::input::AnyArray;

use crate::error::VerifyError;

/// Returns the chunks of an Arrow array or stream.
pub fn chunks(array: AnyArray) -> PyResult<Vec<ArrayRef>> {
    Ok(array.into_chunked_array()?.into_inner().0)
}

/// A column of text.
pub struct Texts<'a> {
    rows: Vec<&'a str>,
}

impl<'a> Texts<'a> {
    /// Reads a column; `name` is what errors call it.
    pub fn read(chunks: &'a [ArrayRef], name: &str) -> PyResult<Self> {
        let mut rows = Vec::with_capacity(chunks.iter().map(Array::len).sum());
        for chunk in chunks {
            for text in strings(chunk, name)? {
                let row = rows.len();
                rows.push(text.ok_or_else(|| {
                    VerifyError::new_err(format!(
                        "row {row} of {name} is null; expected text, which may be empty"
                    ))
                })?);
            }
        }
        Ok(Self { rows })
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn get(&self, row: usize) -> &'a str {
        self.rows.get(row).copied().unwrap_or_default()
    }
}

/// A column of gold answers, one or several a row. A null is no gold answer at all.
pub struct Golds<'a> {
    flat: Vec<&'a str>,
    ends: Vec<usize>,
}

impl<'a> Golds<'a> {
    /// Reads a column of text or of lists of text; `name` is what errors call it.
    pub fn read(chunks: &'a [ArrayRef], name: &str) -> PyResult<Self> {
        let mut golds = Self {
            flat: Vec::new(),
            ends: Vec::new(),
        };
        for chunk in chunks {
            match chunk.data_type() {
                DataType::List(_) => {
                    let list = chunk.as_list::<i32>();
                    golds.push_lists(list, list.values(), list.offsets(), name)?;
                }
                DataType::LargeList(_) => {
                    let list = chunk.as_list::<i64>();
                    golds.push_lists(list, list.values(), list.offsets(), name)?;
                }
                _ => golds.push_texts(chunk, name)?,
            }
        }
        Ok(golds)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, row: usize) -> &[&'a str] {
        let start = row
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or(0);
        self.ends
            .get(row)
            .and_then(|end| self.flat.get(start..*end))
            .unwrap_or_default()
    }

    fn push_texts(&mut self, chunk: &'a ArrayRef, name: &str) -> PyResult<()> {
        for text in strings(chunk, name)? {
            self.flat.extend(text);
            self.ends.push(self.flat.len());
        }
        Ok(())
    }

    fn push_lists<Offset: Copy + TryInto<usize>>(
        &mut self,
        list: &dyn Array,
        values: &'a ArrayRef,
        offsets: &[Offset],
        name: &str,
    ) -> PyResult<()> {
        let values: Vec<Option<&'a str>> = strings(values, name)?.collect();
        let at = |row: usize| offsets.get(row).and_then(|offset| (*offset).try_into().ok());
        for row in 0..list.len() {
            let span = at(row).zip(at(row + 1)).filter(|_| list.is_valid(row));
            let members = span.and_then(|(from, to)| values.get(from..to)).unwrap_or_default();
            self.flat.extend(members.iter().flatten());
            self.ends.push(self.flat.len());
        }
        Ok(())
    }
}

type Strings<'a> = Box<dyn Iterator<Item = Option<&'a str>> + 'a>;

fn strings<'a>(array: &'a ArrayRef, name: &str) -> PyResult<Strings<'a>> {
    match array.data_type() {
        DataType::Utf8 => Ok(Box::new(array.as_string::<i32>().iter())),
        DataType::LargeUtf8 => Ok(Box::new(array.as_string::<i64>().iter())),
        DataType::Utf8View => Ok(Box::new(array.as_string_view().iter())),
        DataType::Null => Ok(Box::new(std::iter::repeat_n(None, array.len()))),
        found => Err(VerifyError::new_err(format!(
            "{name} is a column of {found}; expected text"
        ))),
    }
}
