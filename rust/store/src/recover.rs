//! Tidying up after writers that died: what they left half done is removed, logged or set aside, never guessed.

use std::path::Path;
use std::sync::Arc;

use crate::commit::Committer;
use crate::encode::Footer;
use crate::error::{Result, StoreError};
use crate::examine::check_values;
use crate::fs::{FileSystem, list, read};
use crate::inventory::Inventory;
use crate::layout::{Layout, SegmentName, Stream, stream_of_temporary};
use crate::lock::try_acquire;
use crate::log::LogLine;
use crate::mend::mend_log;
use crate::quarantine::set_aside;
use crate::resume::finish_move;
use crate::segment::{footer, footer_of};

/// What opening a store for writing, or repairing it, has found and done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Temporary files of dead writers that were removed.
    pub removed_temporaries: usize,
    /// Segments committed without a log line, logged now.
    pub relogged: Vec<String>,
    /// Segments that the log knows and the store does not hold.
    pub lost: Vec<String>,
    /// Unreadable segments, moved to the quarantine, with what is wrong.
    pub quarantined: Vec<String>,
    /// Log lines that cannot be read, moved to the quarantine.
    pub damaged_lines: usize,
    /// Living writers with something to tidy up, which was left alone.
    pub skipped: Vec<String>,
    /// The marker was missing or damaged, and written anew; only a repair does that.
    pub rewrote_marker: bool,
}

impl Recovery {
    /// Add what was found later; a loss counts as it stands in the end.
    pub(crate) fn add(&mut self, later: Self) {
        self.removed_temporaries += later.removed_temporaries;
        self.relogged.extend(later.relogged);
        self.lost.extend(later.lost);
        self.quarantined.extend(later.quarantined);
        self.damaged_lines += later.damaged_lines;
        self.skipped.extend(later.skipped);
        self.rewrote_marker |= later.rewrote_marker;
    }
}

/// Recover a run; writers other than `own`, whose lock is held, only where none lives.
pub(crate) fn recover_run(
    fs: &Arc<dyn FileSystem>,
    layout: &Layout,
    run: &str,
    own: Option<&Stream>,
) -> Result<(Inventory, Recovery)> {
    let mut inventory = Inventory::read(fs.as_ref(), layout, run)?;
    let mut recovery = Recovery::default();
    for stream in streams_with_work(fs.as_ref(), layout, &inventory)? {
        let lock = match own {
            Some(own) if stream == *own => None,
            _ => try_acquire(fs.as_ref(), layout, &stream)?,
        };
        if lock.is_none() && own != Some(&stream) {
            recovery.skipped.push(stream.to_string());
            continue;
        }
        remove_temporaries(fs.as_ref(), layout, &stream, &mut recovery)?;
        if stream.run == run {
            recovery.damaged_lines += mend_log(fs.as_ref(), layout, &stream)?;
            // Read under the lock: its writer may have finished since the listing.
            inventory = Inventory::read(fs.as_ref(), layout, run)?;
            settle_segments(fs, layout, &stream, &inventory, &mut recovery)?;
            inventory = Inventory::read(fs.as_ref(), layout, run)?;
        }
    }
    recovery.lost = inventory
        .lost()
        .iter()
        .map(|line| format!("run={}/{}", line.run_id, line.name()))
        .collect();
    Ok((inventory, recovery))
}

fn streams_with_work(fs: &dyn FileSystem, layout: &Layout, inventory: &Inventory) -> Result<Vec<Stream>> {
    let files = list(fs, &layout.temporaries())?;
    let mut streams: Vec<Stream> = files.iter().filter_map(|file| stream_of_temporary(file)).collect();
    streams.extend(inventory.damaged_logs.iter().cloned());
    for (_, name) in inventory.unlogged_superseded() {
        streams.extend(Stream::new(&inventory.run, &name.writer));
    }
    for name in &inventory.live {
        if !is_settled(fs, layout, inventory, name)? {
            streams.extend(Stream::new(&inventory.run, &name.writer));
        }
    }
    streams.sort();
    streams.dedup();
    Ok(streams)
}

/// Tell whether a segment has its logged size and footer.
///
/// Its bytes are not read: that takes as long as the store is large, and is left to a deep check.
fn is_settled(fs: &dyn FileSystem, layout: &Layout, inventory: &Inventory, name: &SegmentName) -> Result<bool> {
    let path = layout.segment(&inventory.run, name);
    let size = fs.size(&path).map_err(StoreError::io("read", &path))?;
    match footer(fs, &path, &inventory.run, name) {
        Ok(footer) => Ok(inventory.is_described(name, &footer, size)),
        Err(StoreError::Segment { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn remove_temporaries(fs: &dyn FileSystem, layout: &Layout, stream: &Stream, recovery: &mut Recovery) -> Result<()> {
    for file in list(fs, &layout.temporaries())? {
        if stream_of_temporary(&file).as_ref() == Some(stream) {
            let path = layout.temporaries().join(file);
            fs.remove(&path).map_err(StoreError::io("remove", &path))?;
            recovery.removed_temporaries += 1;
        }
    }
    Ok(())
}

fn settle_segments(
    fs: &Arc<dyn FileSystem>,
    layout: &Layout,
    stream: &Stream,
    inventory: &Inventory,
    recovery: &mut Recovery,
) -> Result<()> {
    let mut committer = Committer::new(Arc::clone(fs), layout.clone(), stream.clone(), inventory.logged());
    for name in inventory.live.iter().filter(|name| name.writer == stream.writer) {
        if is_settled(fs.as_ref(), layout, inventory, name)? {
            continue;
        }
        let path = layout.segment(&stream.run, name);
        let shown = format!("run={}/{name}", stream.run);
        match unlogged(fs.as_ref(), &path, inventory, name) {
            Ok((footer, bytes)) => {
                if !finish_move(fs.as_ref(), layout, inventory, name, footer.attempt)? {
                    committer.add_line(name.clone(), &LogLine::new(&footer, &bytes))?;
                    recovery.relogged.push(shown);
                }
            }
            Err(StoreError::Segment { problem, .. }) => {
                set_aside(fs.as_ref(), layout, &path)?;
                recovery.quarantined.push(format!("{shown}: {problem}"));
            }
            Err(error) => return Err(error),
        }
    }
    for (attempt, name) in inventory.unlogged_superseded() {
        let path = layout.superseded_attempt(&stream.run, attempt).join(name.to_string());
        if name.writer != stream.writer {
            continue;
        }
        // A damaged one is out of the readers' sight already: a check names it, and a deep repair sets it aside.
        if let Ok((footer, bytes)) = sound(fs.as_ref(), &path, &stream.run, &name) {
            committer.write_line(&LogLine::new(&footer, &bytes))?;
            recovery
                .relogged
                .push(format!("run={}/{name} of attempt {}", stream.run, footer.attempt));
        }
    }
    Ok(())
}

/// Return footer and bytes of a segment of the trajectory that has no line yet.
///
/// # Errors
/// [`StoreError::Segment`] if it is damaged, or if it has a line that describes another file.
fn unlogged(fs: &dyn FileSystem, path: &Path, inventory: &Inventory, name: &SegmentName) -> Result<(Footer, Vec<u8>)> {
    let (footer, bytes) = sound(fs, path, &inventory.run, name)?;
    let Some(line) = inventory.line(name) else {
        return Ok((footer, bytes));
    };
    let problem = if bytes.len() as u64 == line.bytes {
        "its footer is not the one that was logged".to_owned()
    } else {
        format!("it has {} bytes, the log says {}", bytes.len(), line.bytes)
    };
    Err(StoreError::Segment {
        path: path.to_owned(),
        problem,
    })
}

/// Return footer and bytes of a segment whose values are those that its footer tells of.
fn sound(fs: &dyn FileSystem, path: &Path, run: &str, name: &SegmentName) -> Result<(Footer, Vec<u8>)> {
    // The cheap look first: a torn file need not be read whole.
    footer(fs, path, run, name)?;
    let bytes = read(fs, path)?;
    let footer = footer_of(path, &bytes, run, name)?;
    // A line vouches for the bytes it was made of, so they are decoded before there is one.
    check_values(bytes.clone(), &footer).map_err(|problem| StoreError::Segment {
        path: path.to_owned(),
        problem,
    })?;
    Ok((footer, bytes))
}
