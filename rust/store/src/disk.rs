//! The real file system.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::fs::{FileSystem, Locking, OpenFile};

/// The disk of this machine. Folders get mode 0700 and files 0600: rollouts are the owner's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl OpenFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        // On macOS the standard library asks for F_FULLFSYNC here.
        self.sync_all()
    }
}

impl FileSystem for Disk {
    fn make_dir(&self, path: &Path) -> io::Result<bool> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
            made => made.map(|()| true),
        }
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let file = private().write(true).create_new(true).open(path)?;
        Ok(Box::new(file))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let file = private().append(true).create(true).open(path)?;
        Ok(Box::new(file))
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut source = tempfile::TempPath::try_from_path(from)?;
        // A refused rename must leave the source alone: it may be a committed segment.
        source.disable_cleanup(true);
        source.persist_noclobber(to).map_err(|refused| refused.error)
    }

    fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    #[cfg(unix)]
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    #[cfg(not(unix))]
    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        Ok(names)
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        Ok(regular(path)?.len())
    }

    fn read_tail(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        regular(path)?;
        let mut file = File::open(path)?;
        let wanted = file.metadata()?.len().min(limit);
        if let Ok(offset) = i64::try_from(wanted) {
            file.seek(SeekFrom::End(-offset))?;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_range(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn lock(&self, path: &Path) -> io::Result<Locking> {
        let mut file = private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.write_all(std::process::id().to_string().as_bytes())?;
                Ok(Locking::Held(Box::new(file)))
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Where the lock forbids reading too, the holder stays unknown.
                let known = file.read_to_string(&mut holder).is_ok_and(|length| length > 0);
                Ok(Locking::Busy(if known {
                    located(holder)
                } else {
                    "unknown".to_owned()
                }))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Describe a file that can be read to its end: a pipe in the place of a segment would be waited for.
fn regular(path: &Path) -> io::Result<Metadata> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_file() {
        return Ok(metadata);
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"))
}

/// Return the process id of a lock's holder, with a note if no process here has it.
fn located(holder: String) -> String {
    let processes = Path::new("/proc");
    if !processes.join("self").exists() || processes.join(&holder).exists() {
        return holder;
    }
    // A child that was forked keeps its parent's locks when the parent dies.
    format!("{holder} (not found here: it runs in another container, or has ended and left a forked child)")
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
