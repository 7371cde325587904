//! Writing a log anew without the lines that cannot be read.

use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, sync_dir};
use crate::layout::{Layout, Stream};
use crate::log::read_log;
use crate::quarantine::keep;

/// Move the damaged lines of a log to the quarantine and return how many; the stream's lock must be held.
///
/// The good lines stay as they are: one about a segment that is gone is all that tells of the loss.
pub(crate) fn mend_log(fs: &dyn FileSystem, layout: &Layout, stream: &Stream) -> Result<usize> {
    let content = read_log(fs, layout, stream)?;
    if content.damaged.is_empty() {
        return Ok(0);
    }
    let path = layout.log(stream);
    keep(fs, layout, &path, &content.damaged.join(&b'\n'))?;
    let temporary = layout.temporary(stream, std::process::id(), 0);
    let staged = fs.create(&temporary).and_then(|mut file| {
        file.write(&content.good)?;
        file.sync()
    });
    staged.map_err(StoreError::io("write", &temporary))?;
    fs.replace(&temporary, &path)
        .map_err(StoreError::io("rename", &temporary))?;
    sync_dir(fs, &layout.logs())?;
    Ok(content.damaged.len())
}
