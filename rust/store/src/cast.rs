//! Columns as callers have them (polars views, wide integers, large lists) cast to the types of schema v1.

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array, ArrayRef};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;

use crate::error::DataError;
use crate::schema::{Column, LogprobDtype};

/// Types that may stand for one another without a change of meaning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Null,
    Bool,
    Integer,
    Float,
    Text,
    Time,
    Other,
}

fn family(data_type: &DataType) -> Family {
    match data_type {
        DataType::Null => Family::Null,
        DataType::Boolean => Family::Bool,
        dt if dt.is_integer() => Family::Integer,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Family::Float,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::Text,
        DataType::Dictionary(_, values) => match family(values) {
            Family::Text => Family::Text,
            _ => Family::Other,
        },
        DataType::Timestamp(..) => Family::Time,
        _ => Family::Other,
    }
}

fn list_values(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            Some(field.data_type())
        }
        _ => None,
    }
}

/// Tell whether a column of type `found` may be stored as `expected`.
fn is_accepted(found: &DataType, expected: &DataType) -> bool {
    match (list_values(found), list_values(expected)) {
        (Some(found), Some(expected)) => is_accepted(found, expected),
        (None, None) => match (family(found), family(expected)) {
            // A column of nulls fits anywhere; a reward is often a verdict or a count.
            (Family::Null, _) | (Family::Bool | Family::Integer, Family::Float) => true,
            (found, expected) => found == expected,
        },
        (None, Some(_)) => family(found) == Family::Null,
        (Some(_), None) => false,
    }
}

/// Return the column in its type of schema v1.
///
/// # Errors
/// [`DataError`] if the type is of another family, a number does not fit, a list holds a null, or a float of 32 bits
/// is not finite.
pub(crate) fn cast(
    name: &str,
    column: Column,
    given: &ArrayRef,
    logprobs: LogprobDtype,
) -> Result<ArrayRef, DataError> {
    let expected = column.kind.data_type(logprobs);
    let wrong = |problem: String| DataError::Type {
        column: name.to_owned(),
        found: given.data_type().to_string(),
        expected: format!("{expected}{problem}"),
    };
    if !is_accepted(given.data_type(), &expected) {
        return Err(wrong(String::new()));
    }
    if column.kind.is_list() {
        refuse_null_elements(name, given)?;
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let cast = cast_with_options(given, &expected, &options).map_err(|error| wrong(format!(" ({error})")))?;
    refuse_non_finite(name, &cast)?;
    Ok(cast)
}

fn refuse_null_elements(name: &str, given: &ArrayRef) -> Result<(), DataError> {
    for row in 0..given.len() {
        let Some(values) = list_row(given.as_ref(), row) else {
            continue;
        };
        if values.null_count() > 0 {
            return Err(DataError::Value {
                column: name.to_owned(),
                row,
                found: "a null inside the list".to_owned(),
                expected: "a value at every place, or null for the whole list".to_owned(),
            });
        }
    }
    Ok(())
}

/// Return the values of one row of a list column of any width.
fn list_row(lists: &dyn Array, row: usize) -> Option<ArrayRef> {
    if lists.is_null(row) {
        return None;
    }
    match lists.data_type() {
        DataType::List(_) => Some(lists.as_list::<i32>().value(row)),
        DataType::LargeList(_) => Some(lists.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => Some(lists.as_fixed_size_list().value(row)),
        _ => None,
    }
}

/// A NaN reward would poison every mean that reads it; a failed scoring is stored as null.
fn refuse_non_finite(name: &str, cast: &ArrayRef) -> Result<(), DataError> {
    let Some(floats) = cast.as_primitive_opt::<Float32Type>() else {
        return Ok(());
    };
    let bad = floats
        .iter()
        .enumerate()
        .find_map(|(row, value)| value.filter(|v| !v.is_finite()).map(|v| (row, v)));
    match bad {
        None => Ok(()),
        Some((row, value)) => Err(DataError::Value {
            column: name.to_owned(),
            row,
            found: value.to_string(),
            expected: "a finite number, or null where there is none".to_owned(),
        }),
    }
}
