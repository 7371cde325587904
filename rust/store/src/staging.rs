//! A file on its way into the store: counted and hashed while it is written, removed if it does not arrive.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, OpenFile};

/// A new file that is being written.
pub(crate) struct Staging {
    file: Box<dyn OpenFile>,
    path: PathBuf,
    hasher: Xxh3,
    bytes: u64,
}

/// A file that is whole and on the disk.
pub(crate) struct Staged {
    pub bytes: u64,
    /// Of the whole file, as the log writes it.
    pub hash: String,
}

impl Staging {
    /// Create the file; its name must be free.
    pub fn create(fs: &dyn FileSystem, path: &Path) -> Result<Self> {
        Ok(Self {
            file: fs.create(path).map_err(StoreError::io("create", path))?,
            path: path.to_owned(),
            hasher: Xxh3::new(),
            bytes: 0,
        })
    }

    /// Sync the file and end it.
    pub fn finish(mut self) -> Result<Staged> {
        self.file.sync().map_err(StoreError::io("sync", &self.path))?;
        Ok(Staged {
            bytes: self.bytes,
            hash: format!("{:032x}", self.hasher.digest128()),
        })
    }
}

impl Write for Staging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
