//! `store.json`, the file that makes a folder a store; written once.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::ErrorKind;

use serde::{Deserialize, Serialize};

use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, read_if_there, sync_dir};
use crate::layout::{Layout, Stream};

/// Version of the layout and of the commit protocol.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Marker {
    format: u32,
    uuid: String,
}

/// Make sure that the folder is a store of this format.
///
/// # Errors
/// [`StoreError::NotAStore`] without a marker, [`StoreError::Format`] with one of another format.
pub(crate) fn check(fs: &dyn FileSystem, layout: &Layout) -> Result<()> {
    let path = layout.marker();
    let Some(bytes) = read_if_there(fs, &path)? else {
        return Err(StoreError::NotAStore(layout.root().to_owned()));
    };
    match serde_json::from_slice::<Marker>(&bytes) {
        Ok(Marker { format: FORMAT, .. }) => Ok(()),
        Ok(Marker { format, .. }) => Err(StoreError::Format {
            path,
            found: format.to_string(),
            expected: FORMAT,
        }),
        Err(error) => Err(StoreError::Format {
            path,
            found: error.to_string(),
            expected: FORMAT,
        }),
    }
}

/// Write the marker unless it is there; `stream` names the staging file.
pub(crate) fn ensure(fs: &dyn FileSystem, layout: &Layout, stream: &Stream) -> Result<()> {
    match check(fs, layout) {
        Err(StoreError::NotAStore(_)) => {}
        found => return found,
    }
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
