//! The content hash: what two segments must share for an append to count as a repetition.
//!
//! It covers the values of the rows, not their encoding, so that it survives another Parquet version and can be
//! recomputed from any reader's table. Left out are the columns of time, in which a repetition differs, and columns
//! without a single value, so that a later version's new nullable column changes no hash.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_buffer::ToByteSlice;
use arrow_schema::{ArrowError, DataType, TimeUnit};
use xxhash_rust::xxh3::Xxh3;

use crate::schema::VOLATILE;

/// Return `xxh3_128` over the values of schema v1 rows.
///
/// # Errors
/// A column whose type is not one of schema v1.
pub fn content_hash(rows: &RecordBatch) -> Result<u128, ArrowError> {
    let mut hasher = Xxh3::new();
    for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        if VOLATILE.contains(&field.name().as_str()) || column.null_count() == column.len() {
            continue;
        }
        put_bytes(&mut hasher, field.name().as_bytes());
        put_array(&mut hasher, column.as_ref())?;
    }
    Ok(hasher.digest128())
}

/// The content hash of a segment of several row groups: over the hashes of the groups, so that one at a time is in memory.
#[derive(Default)]
pub(crate) struct GroupsContent(Xxh3);

impl GroupsContent {
    /// Add the hash of the next row group.
    pub fn add(&mut self, content: u128) {
        self.0.update(&content.to_le_bytes());
    }

    /// Return the hash of the segment.
    pub fn hash(&self) -> u128 {
        self.0.digest128()
    }
}

fn put_bytes(hasher: &mut Xxh3, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn put_array(hasher: &mut Xxh3, array: &dyn Array) -> Result<(), ArrowError> {
    hasher.update(&(array.len() as u64).to_le_bytes());
    match array.data_type() {
        DataType::Boolean => put_bools(hasher, array),
        DataType::Utf8 => put_each(hasher, array, |hasher, row| {
            put_bytes(hasher, array.as_string::<i32>().value(row).as_bytes());
        }),
        DataType::LargeUtf8 => put_each(hasher, array, |hasher, row| {
            put_bytes(hasher, array.as_string::<i64>().value(row).as_bytes());
        }),
        DataType::List(_) => return put_lists(hasher, array),
        DataType::Int16 => put_numbers::<Int16Type>(hasher, array),
        DataType::Int32 => put_numbers::<Int32Type>(hasher, array),
        DataType::Int64 => put_numbers::<Int64Type>(hasher, array),
        DataType::Float16 => put_numbers::<Float16Type>(hasher, array),
        DataType::Float32 => put_numbers::<Float32Type>(hasher, array),
        DataType::Float64 => put_numbers::<Float64Type>(hasher, array),
        DataType::Timestamp(TimeUnit::Microsecond, _) => put_numbers::<TimestampMicrosecondType>(hasher, array),
        other => return Err(ArrowError::SchemaError(format!("schema v1 has no type {other}"))),
    }
    Ok(())
}

/// Hash row by row, the validity first, so that what lies under a null does not count.
fn put_each(hasher: &mut Xxh3, array: &dyn Array, put: impl Fn(&mut Xxh3, usize)) {
    for row in 0..array.len() {
        hasher.update(&[u8::from(array.is_valid(row))]);
        if array.is_valid(row) {
            put(hasher, row);
        }
    }
}

fn put_bools(hasher: &mut Xxh3, array: &dyn Array) {
    let bools = array.as_boolean();
    if array.null_count() == 0 {
        let bytes: Vec<u8> = bools.values().iter().map(u8::from).collect();
        hasher.update(&[1]);
        hasher.update(&bytes);
        return;
    }
    hasher.update(&[0]);
    put_each(hasher, array, |hasher, row| {
        hasher.update(&[u8::from(bools.value(row))]);
    });
}

fn put_numbers<T: ArrowPrimitiveType>(hasher: &mut Xxh3, array: &dyn Array) {
    let numbers = array.as_primitive::<T>();
    if array.null_count() == 0 {
        hasher.update(&[1]);
        hasher.update(numbers.values().to_byte_slice());
        return;
    }
    hasher.update(&[0]);
    put_each(hasher, array, |hasher, row| {
        hasher.update(numbers.value(row).to_byte_slice());
    });
}

fn put_lists(hasher: &mut Xxh3, array: &dyn Array) -> Result<(), ArrowError> {
    let lists = array.as_list::<i32>();
    for row in 0..array.len() {
        hasher.update(&[u8::from(array.is_valid(row))]);
        if array.is_valid(row) {
            put_array(hasher, lists.value(row).as_ref())?;
        }
    }
    Ok(())
}
