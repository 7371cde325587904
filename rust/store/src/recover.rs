//! Tidying up after writers that died: what they left half done is removed, logged or set aside, never guessed.

use std::io::ErrorKind;
use std::sync::Arc;

use crate::commit::Committer;
use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, ensure_dir, list, read, sync_dir};
use crate::inventory::Inventory;
use crate::layout::{Layout, SegmentName, Stream, stream_of_temporary};
use crate::lock::try_acquire;
use crate::log::LogLine;
use crate::segment::{footer, footer_of};

/// What opening a store for writing has found and done.
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
}

/// Recover a run at the opening of `own`, whose lock is held; other writers only where none lives.
pub(crate) fn recover(fs: &Arc<dyn FileSystem>, layout: &Layout, own: &Stream) -> Result<(Inventory, Recovery)> {
    let mut inventory = Inventory::read(fs.as_ref(), layout, &own.run)?;
    let mut recovery = Recovery::default();
    for stream in streams_with_work(fs.as_ref(), layout, &inventory)? {
        let lock = if stream == *own {
            None
        } else {
            try_acquire(fs.as_ref(), layout, &stream)?
        };
        if stream == *own || lock.is_some() {
            remove_temporaries(fs.as_ref(), layout, &stream, &mut recovery)?;
            if stream.run == own.run {
                // Read under the lock: its writer may have finished since the listing.
                inventory = Inventory::read(fs.as_ref(), layout, &own.run)?;
                settle_segments(fs, layout, &stream, &inventory, &mut recovery)?;
            }
        }
    }
    if !recovery.relogged.is_empty() || !recovery.quarantined.is_empty() {
        inventory = Inventory::read(fs.as_ref(), layout, &own.run)?;
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
    for name in &inventory.live {
        if !is_settled(fs, layout, inventory, name)? {
            streams.extend(Stream::new(&inventory.run, &name.writer));
        }
    }
    streams.sort();
    streams.dedup();
    Ok(streams)
}

/// Tell whether a segment has a log line with its size.
fn is_settled(fs: &dyn FileSystem, layout: &Layout, inventory: &Inventory, name: &SegmentName) -> Result<bool> {
    let path = layout.segment(&inventory.run, name);
    let Some(line) = inventory.line(name) else {
        return Ok(false);
    };
    Ok(fs.size(&path).map_err(StoreError::io("read", &path))? == line.bytes)
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
        match relog(fs.as_ref(), layout, inventory, name) {
            Ok(line) => {
                committer.add_line(name.clone(), &line)?;
                recovery.relogged.push(format!("run={}/{name}", stream.run));
            }
            Err(StoreError::Segment { problem, .. }) => {
                quarantine(fs.as_ref(), layout, &stream.run, name)?;
                recovery
                    .quarantined
                    .push(format!("run={}/{name}: {problem}", stream.run));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Return the log line of a segment that has none.
fn relog(fs: &dyn FileSystem, layout: &Layout, inventory: &Inventory, name: &SegmentName) -> Result<LogLine> {
    let path = layout.segment(&inventory.run, name);
    // The cheap look first: a torn file need not be read whole.
    footer(fs, &path, &inventory.run, name)?;
    let bytes = read(fs, &path)?;
    let footer = footer_of(&path, &bytes, &inventory.run, name)?;
    if let Some(line) = inventory.line(name) {
        let problem = format!("it has {} bytes, the log says {}", bytes.len(), line.bytes);
        return Err(StoreError::Segment { path, problem });
    }
    Ok(LogLine::new(&footer, &bytes))
}

/// Move a segment out of the readers' sight, under a name that is free.
fn quarantine(fs: &dyn FileSystem, layout: &Layout, run: &str, name: &SegmentName) -> Result<()> {
    let from = layout.segment(run, name);
    ensure_dir(fs, &layout.quarantine())?;
    for copy in 0u32.. {
        let to = layout.quarantine().join(format!("run={run}.{name}.{copy}"));
        match fs.rename_new(&from, &to) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            moved => {
                moved.map_err(StoreError::io("move", &from))?;
                break;
            }
        }
    }
    sync_dir(fs, &layout.quarantine())?;
    sync_dir(fs, &layout.run(run))
}
