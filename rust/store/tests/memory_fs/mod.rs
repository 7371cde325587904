//! A file system in memory that records every operation, so that a crash can be played after each of them.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use twogrpo_store::{FileSystem, Locking, OpenFile};

/// One operation, or the moment at which a step was acknowledged.
#[derive(Clone, Debug)]
pub enum Op {
    MakeDir(PathBuf),
    Create(PathBuf),
    Write(usize, Vec<u8>),
    Sync(usize),
    Rename(PathBuf, PathBuf),
    SyncDir(PathBuf),
    Remove(PathBuf),
    Acknowledged(i32),
}

/// What a crash leaves of writes and names that were not synced.
#[derive(Clone, Copy, Debug)]
pub enum Crash {
    /// The process died: the system keeps everything.
    Killed,
    /// The power failed and nothing unsynced was on the disk.
    PowerLost,
    /// The power failed with all names on the disk and half of each unsynced write.
    PowerLostTorn,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    data: Vec<u8>,
    synced: usize,
}

/// Names and contents, as they are and as they are on the disk.
#[derive(Clone, Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    files: BTreeMap<PathBuf, usize>,
    dirs: BTreeSet<PathBuf>,
    files_on_disk: BTreeMap<PathBuf, usize>,
    dirs_on_disk: BTreeSet<PathBuf>,
}

impl State {
    fn apply(&mut self, op: &Op) {
        match op {
            Op::MakeDir(path) => drop(self.dirs.insert(path.clone())),
            Op::Create(path) => {
                self.files.insert(path.clone(), self.inodes.len());
                self.inodes.push(Inode::default());
            }
            Op::Write(inode, bytes) => self.inodes[*inode].data.extend(bytes),
            Op::Sync(inode) => self.inodes[*inode].synced = self.inodes[*inode].data.len(),
            Op::Rename(from, to) => {
                let inode = self.files.remove(from).unwrap();
                self.files.insert(to.clone(), inode);
            }
            Op::SyncDir(dir) => {
                let is_in = |path: &Path| path.parent() == Some(dir.as_path());
                self.files_on_disk.retain(|path, _| !is_in(path));
                self.files_on_disk.extend(
                    self.files
                        .iter()
                        .filter(|(path, _)| is_in(path))
                        .map(|(path, inode)| (path.clone(), *inode)),
                );
                self.dirs_on_disk
                    .extend(self.dirs.iter().filter(|path| is_in(path)).cloned());
            }
            Op::Remove(path) => drop(self.files.remove(path)),
            Op::Acknowledged(_) => {}
        }
    }

    fn crash(mut self, crash: Crash) -> Self {
        if matches!(crash, Crash::PowerLost) {
            // A folder whose own name is not on the disk takes its files with it.
            self.dirs = self.dirs_on_disk.clone();
            self.files = self.files_on_disk.clone();
            let dirs = self.dirs.clone();
            self.files.retain(|path, _| {
                path.ancestors()
                    .skip(1)
                    .all(|dir| dir == Path::new("/") || dirs.contains(dir))
            });
        }
        for inode in &mut self.inodes {
            let kept = match crash {
                Crash::Killed => inode.data.len(),
                Crash::PowerLost => inode.synced,
                Crash::PowerLostTorn => usize::midpoint(inode.synced, inode.data.len()),
            };
            inode.data.truncate(kept);
            inode.synced = kept;
        }
        self.files_on_disk = self.files.clone();
        self.dirs_on_disk = self.dirs.clone();
        self
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: State,
    ops: Vec<Op>,
    locks: BTreeSet<PathBuf>,
}

impl Shared {
    fn perform(&mut self, op: Op) {
        self.state.apply(&op);
        self.ops.push(op);
    }
}

/// The file system. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryFs(Arc<Mutex<Shared>>);

impl MemoryFs {
    /// Return the operations so far.
    pub fn ops(&self) -> Vec<Op> {
        self.0.lock().unwrap().ops.clone()
    }

    /// Note that the caller was told that a step is stored.
    pub fn acknowledge(&self, step: i32) {
        self.0.lock().unwrap().perform(Op::Acknowledged(step));
    }

    /// Return the file system after these operations and a crash, with all locks gone.
    pub fn after(ops: &[Op], crash: Crash) -> Self {
        let mut state = State::default();
        for op in ops {
            state.apply(op);
        }
        Self(Arc::new(Mutex::new(Shared {
            state: state.crash(crash),
            ..Shared::default()
        })))
    }

    fn with<T>(&self, run: impl FnOnce(&mut Shared) -> io::Result<T>) -> io::Result<T> {
        run(&mut self.0.lock().unwrap())
    }
}

struct MemoryFile {
    fs: MemoryFs,
    inode: usize,
}

impl OpenFile for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.fs.with(|shared| {
            shared.perform(Op::Write(self.inode, bytes.to_vec()));
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.fs.with(|shared| {
            shared.perform(Op::Sync(self.inode));
            Ok(())
        })
    }
}

struct Held(MemoryFs, PathBuf);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().locks.remove(&self.1);
    }
}

fn kind(kind: ErrorKind) -> io::Error {
    io::Error::from(kind)
}

impl FileSystem for MemoryFs {
    fn make_dir(&self, path: &Path) -> io::Result<bool> {
        self.with(|shared| {
            if path == Path::new("/") || shared.state.dirs.contains(path) {
                return Ok(false);
            }
            let parent = path.parent().unwrap();
            if parent != Path::new("/") && !shared.state.dirs.contains(parent) {
                return Err(kind(ErrorKind::NotFound));
            }
            shared.perform(Op::MakeDir(path.to_owned()));
            Ok(true)
        })
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.with(|shared| {
            if shared.state.files.contains_key(path) {
                return Err(kind(ErrorKind::AlreadyExists));
            }
            shared.perform(Op::Create(path.to_owned()));
            let file = MemoryFile {
                fs: self.clone(),
                inode: shared.state.files[path],
            };
            Ok(Box::new(file) as Box<dyn OpenFile>)
        })
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.with(|shared| {
            if !shared.state.files.contains_key(path) {
                shared.perform(Op::Create(path.to_owned()));
            }
            let file = MemoryFile {
                fs: self.clone(),
                inode: shared.state.files[path],
            };
            Ok(Box::new(file) as Box<dyn OpenFile>)
        })
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.with(|shared| {
            if shared.state.files.contains_key(to) {
                return Err(kind(ErrorKind::AlreadyExists));
            }
            if !shared.state.files.contains_key(from) || !shared.state.dirs.contains(to.parent().unwrap()) {
                return Err(kind(ErrorKind::NotFound));
            }
            shared.perform(Op::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.with(|shared| {
            shared.perform(Op::SyncDir(path.to_owned()));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.with(|shared| {
            if !shared.state.files.contains_key(path) {
                return Err(kind(ErrorKind::NotFound));
            }
            shared.perform(Op::Remove(path.to_owned()));
            Ok(())
        })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.with(|shared| {
            let paths = shared.state.files.keys().chain(&shared.state.dirs);
            let inside = paths.filter(|found| found.parent() == Some(path));
            let mut names: Vec<_> = inside
                .map(|found| found.file_name().unwrap().to_string_lossy().into_owned())
                .collect();
            names.sort_unstable();
            Ok(names)
        })
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        self.read_tail(path, u64::MAX).map(|bytes| bytes.len() as u64)
    }

    fn read_tail(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        self.with(|shared| {
            let inode = shared.state.files.get(path).ok_or_else(|| kind(ErrorKind::NotFound))?;
            let data = &shared.state.inodes[*inode].data;
            let kept = usize::try_from(limit).unwrap_or(usize::MAX).min(data.len());
            Ok(data[data.len() - kept..].to_vec())
        })
    }

    fn lock(&self, path: &Path) -> io::Result<Locking> {
        self.with(|shared| {
            if !shared.state.files.contains_key(path) {
                shared.perform(Op::Create(path.to_owned()));
            }
            if !shared.locks.insert(path.to_owned()) {
                return Ok(Locking::Busy("1".to_owned()));
            }
            Ok(Locking::Held(Box::new(Held(self.clone(), path.to_owned()))))
        })
    }
}
