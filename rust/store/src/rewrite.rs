//! A segment written anew without some rows or values, in the layout that it had.

use std::io::Write;
use std::path::Path;

use arrow_select::concat::concat_batches;
use parquet::errors::ParquetError;

use crate::edit::Edit;
use crate::encode::{Footer, encode};
use crate::error::{Result, StoreError};
use crate::fs::FileSystem;
use crate::groups::{GroupWriter, ROWS_PER_GROUP};
use crate::scan::Scan;
use crate::staging::{Staged, Staging};

/// Write what stays of a segment to a synced file, laid out as the segment is.
pub(crate) fn stage(
    fs: &dyn FileSystem,
    path: &Path,
    segment: &Scan,
    footer: Footer,
    edit: &Edit,
) -> Result<(Footer, Staged)> {
    let provenance = segment.provenance();
    let step = footer.step;
    let failed = |source: ParquetError| StoreError::Encode { step, source };
    let mut staging = Staging::create(fs, path)?;
    if footer.last_step.is_some() {
        let mut writer = GroupWriter::new(staging, &segment.schema()).map_err(failed)?;
        for rows in segment.batches(ROWS_PER_GROUP)? {
            let rows = edit.apply(&rows?).map_err(|error| failed(error.into()))?;
            writer.push(rows).map_err(failed)?;
        }
        let (footer, staging) = writer.finish(footer, &provenance).map_err(failed)?;
        return Ok((footer, staging.finish()?));
    }
    let rows = segment.batches(segment.rows())?.collect::<Result<Vec<_>>>()?;
    let rows = concat_batches(&segment.schema(), &rows).and_then(|rows| edit.apply(&rows));
    let rows = rows.map_err(|error| failed(error.into()))?;
    let encoded = encode(&rows, &footer.stream, footer.attempt, step, &provenance).map_err(failed)?;
    staging
        .write_all(&encoded.bytes)
        .map_err(StoreError::io("write", path))?;
    Ok((encoded.footer, staging.finish()?))
}
