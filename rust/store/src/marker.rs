//! `store.json`, the file that makes a folder a store; written once.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::ErrorKind;

use serde::Deserialize;

use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, ensure_dir, list, read_if_there, sync_dir};
use crate::layout::{Layout, SegmentName, Stream, run_of_folder};
use crate::quarantine::set_aside;
use crate::segment::footer;

/// Version of the layout and of the commit protocol.
const FORMAT: u32 = 1;

/// All that is read of a marker: another format's may hold anything else.
#[derive(Deserialize)]
struct Marker {
    format: u32,
}

/// Make sure that the folder is a store of this format.
///
/// # Errors
/// [`StoreError::NotAStore`] without a marker, [`StoreError::Unmarked`] if segments show that it had one,
/// [`StoreError::Marker`] with a damaged one, [`StoreError::Format`] with one of another format.
pub(crate) fn check(fs: &dyn FileSystem, layout: &Layout) -> Result<()> {
    let path = layout.marker();
    let Some(bytes) = read_if_there(fs, &path)? else {
        let root = layout.root().to_owned();
        return Err(if segments(fs, layout)?.is_empty() {
            StoreError::NotAStore(root)
        } else {
            StoreError::Unmarked(root)
        });
    };
    match serde_json::from_slice(&bytes) {
        Ok(Marker { format: FORMAT }) => Ok(()),
        Ok(Marker { format }) => Err(StoreError::Format {
            path,
            found: format.to_string(),
            expected: FORMAT,
        }),
        Err(error) => Err(StoreError::Marker {
            path,
            problem: error.to_string(),
            expected: FORMAT,
        }),
    }
}

/// Write the marker unless it is there; `stream` names the staging file.
pub(crate) fn ensure(fs: &dyn FileSystem, layout: &Layout, stream: &Stream) -> Result<()> {
    match check(fs, layout) {
        Err(StoreError::NotAStore(_)) => write(fs, layout, stream),
        found => found,
    }
}

/// Write a missing or damaged marker anew and tell whether that was needed.
///
/// Only where a readable segment shows that the folder is a store of this version; a damaged marker is kept.
pub(crate) fn repair(fs: &dyn FileSystem, layout: &Layout) -> Result<bool> {
    let refused = match check(fs, layout) {
        Ok(()) => return Ok(false),
        Err(error @ (StoreError::Unmarked(_) | StoreError::Marker { .. })) => error,
        Err(error) => return Err(error),
    };
    if !has_readable_segment(fs, layout)? {
        return Err(refused);
    }
    ensure_dir(fs, &layout.temporaries())?;
    if matches!(refused, StoreError::Marker { .. }) {
        set_aside(fs, layout, &layout.marker())?;
    }
    write(fs, layout, &Stream::new("store", "repair")?)?;
    Ok(true)
}

fn segments(fs: &dyn FileSystem, layout: &Layout) -> Result<Vec<(String, SegmentName)>> {
    let mut found = Vec::new();
    for folder in list(fs, layout.root())? {
        let Some(run) = run_of_folder(&folder) else {
            continue;
        };
        let files = list(fs, &layout.run(run))?;
        let names = files.iter().filter_map(|file| SegmentName::parse(file));
        found.extend(names.map(|name| (run.to_owned(), name)));
    }
    Ok(found)
}

fn has_readable_segment(fs: &dyn FileSystem, layout: &Layout) -> Result<bool> {
    for (run, name) in segments(fs, layout)? {
        match footer(fs, &layout.segment(&run, &name), &run, &name) {
            Ok(_) => return Ok(true),
            Err(StoreError::Segment { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Write the marker; `stream` names the staging file.
pub(crate) fn write(fs: &dyn FileSystem, layout: &Layout, stream: &Stream) -> Result<()> {
    let path = layout.marker();
    let temporary = layout.temporary(stream, std::process::id(), 0);
    let text = format!("{{\"format\":{FORMAT},\"uuid\":\"{}\"}}\n", uuid());
    // A dead process of the same id may have left one, as every first process of a container does.
    match fs.remove(&temporary) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        removed => removed.map_err(StoreError::io("remove", &temporary))?,
    }
    let staged = fs.create(&temporary).and_then(|mut file| {
        file.write(text.as_bytes())?;
        file.sync()
    });
    staged.map_err(StoreError::io("write", &temporary))?;
    if let Err(error) = fs.rename_new(&temporary, &path) {
        fs.remove(&temporary).map_err(StoreError::io("remove", &temporary))?;
        // Another writer was first: its marker is as good.
        if error.kind() != ErrorKind::AlreadyExists {
            return Err(StoreError::io("rename", &temporary)(error));
        }
    }
    sync_dir(fs, &layout.private())
}

/// Return 128 random bits; the standard library seeds its hashers from the system.
fn uuid() -> String {
    let bits = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", bits(), bits())
}
