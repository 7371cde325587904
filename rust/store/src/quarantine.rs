//! The quarantine: what cannot be trusted leaves the readers' sight and is kept, under a name that is free.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, ensure_dir, sync_dir};
use crate::layout::Layout;

/// Move a file into the quarantine.
pub(crate) fn set_aside(fs: &dyn FileSystem, layout: &Layout, from: &Path) -> Result<()> {
    ensure_dir(fs, &layout.quarantine())?;
    for place in places(layout, from) {
        match fs.rename_new(from, &place) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            moved => {
                moved.map_err(StoreError::io("move", from))?;
                break;
            }
        }
    }
    sync_dir(fs, &layout.quarantine())?;
    from.parent().map_or(Ok(()), |folder| sync_dir(fs, folder))
}

/// Keep what is about to be left out of a file.
pub(crate) fn keep(fs: &dyn FileSystem, layout: &Layout, origin: &Path, bytes: &[u8]) -> Result<()> {
    ensure_dir(fs, &layout.quarantine())?;
    for place in places(layout, origin) {
        let mut file = match fs.create(&place) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            created => created.map_err(StoreError::io("create", &place))?,
        };
        let written = file.write(bytes).and_then(|()| file.sync());
        written.map_err(StoreError::io("write", &place))?;
        break;
    }
    sync_dir(fs, &layout.quarantine())
}

/// Return the names for a file of the store, in the order in which they are tried.
///
/// None ends as a segment does, so that no reader takes it for one.
fn places(layout: &Layout, origin: &Path) -> impl Iterator<Item = PathBuf> {
    let inside = origin.strip_prefix(layout.root()).unwrap_or(origin);
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    let (folder, name) = (layout.quarantine(), parts.join("."));
    (0u32..).map(move |copy| folder.join(format!("{name}.{copy}")))
}
