//! One living writer a stream: the lock is the system's, so that it ends with its process however that dies.

use std::any::Any;
use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, Locking, list};
use crate::inventory::Inventory;
use crate::layout::{Layout, Stream, stream_of_lock};

/// Held until dropped.
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its drop")] Box<dyn Any + Send + Sync>);

/// Another process that tidies up after a dead writer holds its lock for an instant; that is no living writer.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// Take the lock of a stream.
///
/// # Errors
/// [`StoreError::Locked`] with the process id of the living writer.
pub(crate) fn acquire(fs: &dyn FileSystem, layout: &Layout, stream: &Stream) -> Result<Lock> {
    let mut last = "unknown".to_owned();
    for attempt in 0..TRIES {
        if attempt > 0 {
            sleep(PAUSE);
        }
        match lock(fs, layout, stream)? {
            Locking::Held(held) => return Ok(Lock(held)),
            Locking::Busy(holder) => last = holder,
        }
    }
    Err(StoreError::Locked {
        run: stream.run.clone(),
        writer: stream.writer.clone(),
        holder: last,
    })
}

/// Take the locks of every writer that a run has or had.
///
/// # Errors
/// [`StoreError::Locked`] with the process id of a living writer.
pub(crate) fn acquire_run(fs: &dyn FileSystem, layout: &Layout, inventory: &Inventory) -> Result<Vec<Lock>> {
    let files = list(fs, &layout.locks())?;
    let locked = files.iter().filter_map(|file| stream_of_lock(file));
    let mut streams: BTreeSet<Stream> = locked.filter(|stream| stream.run == inventory.run).collect();
    let superseded = inventory.superseded.values().flatten();
    let names = inventory.live.iter().chain(superseded).chain(inventory.lines.keys());
    streams.extend(names.filter_map(|name| Stream::new(&inventory.run, &name.writer).ok()));
    streams.iter().map(|stream| acquire(fs, layout, stream)).collect()
}

/// Take the lock of a stream if no living writer has it.
pub(crate) fn try_acquire(fs: &dyn FileSystem, layout: &Layout, stream: &Stream) -> Result<Option<Lock>> {
    Ok(match lock(fs, layout, stream)? {
        Locking::Held(held) => Some(Lock(held)),
        Locking::Busy(_) => None,
    })
}

fn lock(fs: &dyn FileSystem, layout: &Layout, stream: &Stream) -> Result<Locking> {
    let path = layout.lock(stream);
    fs.lock(&path).map_err(StoreError::io("lock", &path))
}
