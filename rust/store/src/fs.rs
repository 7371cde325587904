//! The few operations on files that the store needs, as a trait, so that a test can record them, replay them and fail any.

use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Result, StoreError};

/// A file open for writing at its end. Closing it promises nothing: only [`OpenFile::sync`] does.
pub trait OpenFile: Send {
    /// Write all bytes at the end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Return when everything written is on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// What came of trying to take a lock.
pub enum Locking {
    /// The lock is held until the value is dropped or its process dies.
    Held(Box<dyn Any + Send + Sync>),
    /// Another holder has it; its process id, or `unknown`.
    Busy(String),
}

/// A file system. Every method is one operation of the system: nothing is retried or combined behind it.
pub trait FileSystem: Debug + Send + Sync {
    /// Make one folder for the owner alone; true if it was not there.
    fn make_dir(&self, path: &Path) -> io::Result<bool>;

    /// Create a file for the owner alone; `AlreadyExists` if the name is taken.
    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// Open a file for appending, creating it if it is not there.
    fn append(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// Give a file a new name in one step; `AlreadyExists` if that name is taken, never a replacement.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Give a file a new name in one step, in the place of the file that has it; or a folder the name of nothing.
    fn replace(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Return when the names in a folder are on the disk.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Remove a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Remove an empty folder.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Return the names in a folder in order; none if it is not there.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Return a file's size in bytes.
    fn size(&self, path: &Path) -> io::Result<u64>;

    /// Return at most the last `limit` bytes of a file.
    fn read_tail(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// Return `length` bytes of a file from `offset`; `UnexpectedEof` if it ends before.
    fn read_range(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Try to take the exclusive lock on a file, without waiting.
    fn lock(&self, path: &Path) -> io::Result<Locking>;
}

/// Return a whole file.
pub(crate) fn read(fs: &dyn FileSystem, path: &Path) -> Result<Vec<u8>> {
    fs.read_tail(path, u64::MAX).map_err(StoreError::io("read", path))
}

/// Return a whole file, or nothing if it is not there.
pub(crate) fn read_if_there(fs: &dyn FileSystem, path: &Path) -> Result<Option<Vec<u8>>> {
    match fs.read_tail(path, u64::MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some).map_err(StoreError::io("read", path)),
    }
}

/// Return the names in a folder.
pub(crate) fn list(fs: &dyn FileSystem, path: &Path) -> Result<Vec<String>> {
    fs.list(path).map_err(StoreError::io("list", path))
}

/// Sync a folder.
pub(crate) fn sync_dir(fs: &dyn FileSystem, path: &Path) -> Result<()> {
    fs.sync_dir(path).map_err(StoreError::io("sync", path))
}

/// Make a folder with its missing parents, and put every name on the disk.
///
/// The parent is synced even if the folder was there: whoever made it may have died before its own sync.
pub(crate) fn ensure_dir(fs: &dyn FileSystem, path: &Path) -> Result<()> {
    let parent = parent_of(path);
    match fs.make_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && parent != path => {
            ensure_dir(fs, &parent)?;
            fs.make_dir(path).map_err(StoreError::io("make", path))?;
        }
        made => {
            made.map_err(StoreError::io("make", path))?;
        }
    }
    sync_dir(fs, &parent)
}

fn parent_of(path: &Path) -> PathBuf {
    path.parent().map_or_else(|| path.to_owned(), Path::to_owned)
}
