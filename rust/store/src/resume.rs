//! Going back to an earlier step: what came later is moved aside, so that the listing is the trajectory of the weights.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, ensure_dir, list, read, sync_dir};
use crate::inventory::Inventory;
use crate::layout::{Layout, SegmentName, Stream, stream_of_lock};
use crate::lock::{Lock, acquire};

/// Take the locks of every other writer of the run, so that none appends while segments move.
pub(crate) fn lock_others(
    fs: &dyn FileSystem,
    layout: &Layout,
    own: &Stream,
    inventory: &Inventory,
) -> Result<Vec<Lock>> {
    let locks = list(fs, &layout.locks())?;
    let mut streams: BTreeSet<Stream> = locks.iter().filter_map(|file| stream_of_lock(file)).collect();
    streams.extend(
        inventory
            .live
            .iter()
            .filter_map(|name| Stream::new(&own.run, &name.writer).ok()),
    );
    let others = streams.iter().filter(|stream| stream.run == own.run && *stream != own);
    others.map(|stream| acquire(fs, layout, stream)).collect()
}

/// Move the run's segments above step `keep` aside and return the attempt that begins.
///
/// The writer `ahead` keeps the step after it as well.
///
/// A repetition, after a crash on the way or of one that no segment has followed, ends no further attempt.
pub(crate) fn resume(
    fs: &dyn FileSystem,
    layout: &Layout,
    inventory: &Inventory,
    keep: i32,
    ahead: Option<&str>,
) -> Result<i16> {
    let ended = inventory.last_live().max(inventory.last_ended());
    if ended == 0 {
        return Ok(1);
    }
    let folder = layout.superseded_attempt(&inventory.run, ended);
    for made in [
        layout.superseded(),
        layout.superseded_run(&inventory.run),
        folder.clone(),
    ] {
        ensure_dir(fs, &made)?;
    }
    // From the last step downwards: whatever a crash leaves is still a beginning of the trajectory.
    let last = |name: &SegmentName| keep.saturating_add(i32::from(ahead == Some(name.writer.as_str())));
    let mut step = None;
    for name in inventory.live.iter().rev().filter(|name| name.step > last(name)) {
        if step.replace(name.step).is_some_and(|later| later != name.step) {
            // Without it the disk may keep the moves in any order.
            sync_dir(fs, &layout.run(&inventory.run))?;
        }
        move_aside(fs, layout, inventory, name, ended)?;
    }
    sync_dir(fs, &folder)?;
    sync_dir(fs, &layout.run(&inventory.run))?;
    Ok(ended.saturating_add(1))
}

/// Finish the move of a segment that a crash has left under both names; false if it was none.
pub(crate) fn finish_move(
    fs: &dyn FileSystem,
    layout: &Layout,
    inventory: &Inventory,
    name: &SegmentName,
    attempt: i16,
) -> Result<bool> {
    let mut ended = inventory.superseded.range(attempt..);
    let Some((attempt, _)) = ended.find(|(_, names)| names.contains(name)) else {
        return Ok(false);
    };
    let (from, to) = ends_of_move(layout, inventory, name, *attempt);
    if read(fs, &from)? != read(fs, &to)? {
        return Ok(false);
    }
    sync_dir(fs, &layout.superseded_attempt(&inventory.run, *attempt))?;
    fs.remove(&from).map_err(StoreError::io("remove", &from))?;
    sync_dir(fs, &layout.run(&inventory.run))?;
    Ok(true)
}

fn ends_of_move(layout: &Layout, inventory: &Inventory, name: &SegmentName, attempt: i16) -> (PathBuf, PathBuf) {
    let folder = layout.superseded_attempt(&inventory.run, attempt);
    (layout.segment(&inventory.run, name), folder.join(name.to_string()))
}

fn move_aside(
    fs: &dyn FileSystem,
    layout: &Layout,
    inventory: &Inventory,
    name: &SegmentName,
    attempt: i16,
) -> Result<()> {
    let (from, to) = ends_of_move(layout, inventory, name, attempt);
    match fs.rename_new(&from, &to) {
        // Where a rename is a link and an unlink, a crash between them leaves both names.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && read(fs, &from)? == read(fs, &to)? => {
            fs.remove(&from).map_err(StoreError::io("remove", &from))
        }
        moved => moved.map_err(StoreError::io("move", &from)),
    }
}
