//! Segments that are changed: where they stand, and what became of them.

use std::path::PathBuf;

use crate::layout::SegmentName;

/// What was done to one segment, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentChange {
    /// The file.
    pub path: PathBuf,
    /// Rows that stood in it.
    pub rows_before: u64,
    /// Rows that stay; 0 where the file goes.
    pub rows_after: u64,
    /// Its size before.
    pub bytes_before: u64,
    /// Its size afterwards, in a dry run an estimate; 0 where the file goes.
    pub bytes_after: u64,
}

/// Where a segment stands: in the trajectory, or moved aside when an attempt ended.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub folder: PathBuf,
    pub name: SegmentName,
    pub ended: Option<i16>,
}

impl Place {
    pub fn path(&self) -> PathBuf {
        self.folder.join(self.name.to_string())
    }
}
