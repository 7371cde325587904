//! One segment held against its name, its footer and its line in the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_select::concat::concat_batches;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use crate::content::{GroupsContent, content_hash};
use crate::decoding::caught;
use crate::encode::Footer;
use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, read};
use crate::inventory::Inventory;
use crate::layout::SegmentName;
use crate::log::LogLine;
use crate::ranges::Ranges;
use crate::segment::footer;

/// What looking at one segment has shown.
pub(crate) struct Seen<'a> {
    pub path: PathBuf,
    pub name: &'a SegmentName,
    /// Footer and size, where they can be read.
    pub readable: Option<(Footer, u64)>,
    /// The log has a line about it.
    pub is_logged: bool,
    /// What is wrong with its rows.
    pub damage: Vec<String>,
}

/// Look at a segment; `deep` reads all its bytes.
pub(crate) fn examine<'a>(
    fs: &Arc<dyn FileSystem>,
    inventory: &Inventory,
    path: PathBuf,
    name: &'a SegmentName,
    deep: bool,
) -> Result<Seen<'a>> {
    let mut seen = Seen {
        name,
        readable: None,
        is_logged: false,
        damage: Vec::new(),
        path,
    };
    let path = &seen.path;
    let footer = match footer(fs.as_ref(), path, &inventory.run, name) {
        Ok(footer) => footer,
        Err(StoreError::Segment { problem, .. }) => {
            seen.damage.push(problem);
            return Ok(seen);
        }
        Err(StoreError::Schema { found, expected, .. }) => {
            seen.damage.push(format!("schema version {found}, expected {expected}"));
            return Ok(seen);
        }
        Err(error) => return Err(error),
    };
    let size = fs.size(path).map_err(StoreError::io("read", path))?;
    let line = line_of(inventory, name, &footer, size);
    seen.is_logged = line.is_some();
    seen.damage
        .extend(line.into_iter().flat_map(|line| against_line(size, &footer, line)));
    if deep {
        seen.damage.extend(against_bytes(fs, path, &footer, line)?);
    }
    seen.readable = Some((footer, size));
    Ok(seen)
}

fn against_line(size: u64, footer: &Footer, line: &LogLine) -> Vec<String> {
    let mut damage = Vec::new();
    if size != line.bytes {
        damage.push(format!("it has {size} bytes, the log says {}", line.bytes));
    }
    if format!("{:032x}", footer.content) != line.content || footer.rows != line.rows {
        damage.push("its footer is not the one that was logged".to_owned());
    }
    damage
}

/// Bytes with the hash that the log has of them are those that were written, and need not be decoded.
fn against_bytes(
    fs: &Arc<dyn FileSystem>,
    path: &Path,
    footer: &Footer,
    line: Option<&LogLine>,
) -> Result<Vec<String>> {
    let mut damage = Vec::new();
    if let Some(line) = line {
        let segment = Ranges::open(fs, path).map_err(StoreError::io("read", path))?;
        if segment.hash().map_err(StoreError::io("read", path))? == line.xxh3_128 {
            return Ok(damage);
        }
        damage.push("its bytes are not those that were written".to_owned());
    }
    damage.extend(check_values(read(fs.as_ref(), path)?, footer).err());
    Ok(damage)
}

/// Return the line that describes a segment, else the latest of its attempt: a crash may keep a change from following its
/// line.
pub(crate) fn line_of<'a>(
    inventory: &'a Inventory,
    name: &SegmentName,
    footer: &Footer,
    size: u64,
) -> Option<&'a LogLine> {
    let lines = inventory.lines.get(name).into_iter().flatten().rev();
    let mut lines = lines.filter(|line| line.attempt == footer.attempt);
    let content = format!("{:032x}", footer.content);
    let mut describing = lines.clone();
    let describing = describing.find(|line| (line.bytes, line.rows) == (size, footer.rows) && line.content == content);
    describing.or_else(|| lines.next())
}

/// Decode every page and compare the values' hash with the footer's.
pub(crate) fn check_values(bytes: Vec<u8>, footer: &Footer) -> std::result::Result<(), String> {
    let decoded = caught(|| decoded_content(bytes, footer))
        .ok_or_else(|| "cannot be decoded (the decoder panicked)".to_owned())?;
    let content = decoded.map_err(|error| format!("cannot be decoded ({error})"))?;
    if content == footer.content {
        return Ok(());
    }
    Err("its values are not those that were written".to_owned())
}

/// Return the hash over the values of a segment, of several steps row group by row group.
fn decoded_content(bytes: Vec<u8>, footer: &Footer) -> parquet::errors::Result<u128> {
    // The types come from Parquet's own schema: that of Arrow stands unchecked in the footer.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let bytes = Bytes::from(bytes);
    let metadata = ArrowReaderMetadata::load(&bytes, options)?;
    let decode = |groups: Vec<usize>| {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata.clone());
        let batches = builder
            .with_row_groups(groups)
            .build()?
            .collect::<std::result::Result<Vec<_>, _>>()?;
        Ok::<_, ParquetError>(content_hash(&concat_batches(metadata.schema(), &batches)?)?)
    };
    let groups = 0..metadata.metadata().num_row_groups();
    if footer.last_step.is_none() {
        return decode(groups.collect());
    }
    let mut content = GroupsContent::default();
    for group in groups {
        content.add(decode(vec![group])?);
    }
    Ok(content.hash())
}
