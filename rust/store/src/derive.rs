//! Columns that the store can fill in by itself: identities, lengths and sums.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int32Array, Int64Array, StringArray};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::error::DataError;
use crate::layout::Stream;

const SEPARATOR: char = '\u{1f}';

/// Return the id of one rollout: positive, and the same on every machine.
pub fn rollout_id(stream: &Stream, attempt: i16, step: i32, group_id: i64, rollout_idx: i16) -> i64 {
    let Stream { run, writer } = stream;
    let key = [
        run.as_str(),
        &attempt.to_string(),
        &step.to_string(),
        writer.as_str(),
        &group_id.to_string(),
        &rollout_idx.to_string(),
    ]
    .join(&SEPARATOR.to_string());
    (xxh3_64(key.as_bytes()) & (u64::MAX >> 1)).cast_signed()
}

/// Return the id of a prompt; the data set is the empty text where it is unknown.
pub fn prompt_id(dataset: &str, prompt: &str) -> String {
    format!("{:032x}", xxh3_128(format!("{dataset}{SEPARATOR}{prompt}").as_bytes()))
}

/// Return one rollout id a row.
pub(crate) fn rollout_ids(stream: &Stream, attempt: i16, step: i32, groups: &ArrayRef, members: &ArrayRef) -> ArrayRef {
    let (groups, members) = (groups.as_primitive::<Int64Type>(), members.as_primitive::<Int16Type>());
    let pairs = groups.values().iter().zip(members.values());
    Arc::new(Int64Array::from_iter_values(
        pairs.map(|(g, m)| rollout_id(stream, attempt, step, *g, *m)),
    ))
}

/// Return one prompt id a row: the one given, else made of data set and prompt.
pub(crate) fn prompt_ids(
    rows: usize,
    given: Option<&ArrayRef>,
    dataset: Option<&ArrayRef>,
    prompt: Option<&ArrayRef>,
) -> Result<ArrayRef, DataError> {
    let id = |row: usize| match (text(given, row), text(prompt, row)) {
        (Some(id), _) => Ok(id.to_owned()),
        (None, Some(prompt)) => Ok(prompt_id(text(dataset, row).unwrap_or(""), prompt)),
        (None, None) => Err(DataError::Value {
            column: "prompt".to_owned(),
            row,
            found: "null".to_owned(),
            expected: "a prompt, or a prompt_id in its place".to_owned(),
        }),
    };
    let ids = (0..rows).map(id).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(StringArray::from(ids)))
}

fn text(column: Option<&ArrayRef>, row: usize) -> Option<&str> {
    let column = column?;
    column.is_valid(row).then(|| column.as_string::<i32>().value(row))
}

/// Return the length of each list, null for null.
pub(crate) fn lengths(lists: &ArrayRef) -> ArrayRef {
    let lists = lists.as_list::<i32>();
    Arc::new(
        (0..lists.len())
            .map(|row| lists.is_valid(row).then(|| lists.value_length(row)))
            .collect::<Int32Array>(),
    )
}

/// Return the sum of each list of 32-bit log-probabilities in 64 bits, null for null.
pub(crate) fn logprob_sums(lists: &ArrayRef) -> ArrayRef {
    let lists = lists.as_list::<i32>();
    let sum = |row: usize| {
        let values = lists.value(row);
        let values = values.as_primitive::<Float32Type>();
        values.values().iter().map(|value| f64::from(*value)).sum()
    };
    Arc::new(
        (0..lists.len())
            .map(|row| lists.is_valid(row).then(|| sum(row)))
            .collect::<Float64Array>(),
    )
}

/// Return `given` with its nulls filled from `derived`; either may be missing.
pub(crate) fn fill<T: arrow_array::ArrowPrimitiveType>(given: Option<ArrayRef>, derived: ArrayRef) -> ArrayRef {
    let Some(given) = given.filter(|given| given.null_count() < given.len()) else {
        return derived;
    };
    let (ours, theirs) = (derived.as_primitive::<T>(), given.as_primitive::<T>());
    let filled = theirs.iter().zip(ours.iter()).map(|(theirs, ours)| theirs.or(ours));
    Arc::new(filled.collect::<arrow_array::PrimitiveArray<T>>())
}

/// The element type of [`logprob_sums`].
pub(crate) type SumType = Float64Type;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_rollout_id_is_the_hash_of_its_key() {
        let stream = Stream::new("r", "w0").unwrap();
        let key = "r\u{1f}1\u{1f}12\u{1f}w0\u{1f}7\u{1f}0";
        let expected = xxh3_64(key.as_bytes()) & 0x7fff_ffff_ffff_ffff;
        assert_eq!(rollout_id(&stream, 1, 12, 7, 0), i64::try_from(expected).unwrap());
    }

    #[test]
    fn a_prompt_id_tells_the_data_set() {
        assert_ne!(prompt_id("a", "b"), prompt_id("", "ab"));
        assert_eq!(prompt_id("", "x"), format!("{:032x}", xxh3_128("\u{1f}x".as_bytes())));
    }
}
