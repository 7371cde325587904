//! A segment on the disk: its footer, and whether it is what its name says.

use std::path::Path;

use parquet::errors::ParquetError;

use crate::encode::{FOOTER_GUESS, Footer, OtherVersion, read_footer};
use crate::error::{Result, StoreError};
use crate::fs::FileSystem;
use crate::layout::SegmentName;
use crate::schema::SCHEMA_VERSION;

/// Read the footer of a segment that stands under `run` as `name`.
///
/// # Errors
/// [`StoreError::Segment`] if there is none of ours, or if it names another place; [`StoreError::Schema`] if another
/// version of the schema wrote it.
pub(crate) fn footer(fs: &dyn FileSystem, path: &Path, run: &str, name: &SegmentName) -> Result<Footer> {
    let size = fs.size(path).map_err(StoreError::io("read", path))?;
    let read = |limit| fs.read_tail(path, limit).map_err(StoreError::io("read", path));
    let footer = match read_footer(read(FOOTER_GUESS)?, size) {
        Err(ParquetError::NeedMoreData(needed)) => read_footer(read(needed as u64)?, size),
        footer => footer,
    };
    check_place(path, footer, run, name)
}

/// The same from a file in memory.
pub(crate) fn footer_of(path: &Path, bytes: &[u8], run: &str, name: &SegmentName) -> Result<Footer> {
    let size = bytes.len() as u64;
    check_place(path, read_footer(bytes.to_vec(), size), run, name)
}

fn check_place(path: &Path, footer: parquet::errors::Result<Footer>, run: &str, name: &SegmentName) -> Result<Footer> {
    let wrong = |problem: String| StoreError::Segment {
        path: path.to_owned(),
        problem,
    };
    let footer = footer.map_err(|error| match other_version(&error) {
        Some(found) => StoreError::Schema {
            path: path.to_owned(),
            found,
            expected: SCHEMA_VERSION,
        },
        None => wrong(format!("no readable footer ({error})")),
    })?;
    let is_here = footer.stream.run == run && footer.stream.writer == name.writer && footer.step == name.step;
    if !is_here || footer.last_step != name.last_step {
        let Footer { stream, step, .. } = &footer;
        return Err(wrong(format!(
            "its footer says run {}, writer {}, step {step}",
            stream.run, stream.writer
        )));
    }
    Ok(footer)
}

fn other_version(error: &ParquetError) -> Option<u32> {
    let ParquetError::External(source) = error else {
        return None;
    };
    source.downcast_ref::<OtherVersion>().map(|other| other.0)
}
