//! A file system in memory that records every operation, fails any of them, and knows what a crash can leave.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc)]

pub mod crash;
pub mod state;

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use crash::Crash;
pub use state::{Op, State};
use twogrpo_store::{FileSystem, Locking, OpenFile};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does nothing.
    Refused(ErrorKind),
    /// A write keeps its first half; anything else does nothing.
    Short(ErrorKind),
    /// It does what it is asked to, and reports a failure all the same.
    Done(ErrorKind),
}

impl Failure {
    fn error(self) -> io::Error {
        let (Self::Refused(kind) | Self::Short(kind) | Self::Done(kind)) = self;
        io::Error::from(kind)
    }
}

/// Which calls fail.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub at: usize,
    pub failure: Failure,
    /// All later calls that need space fail too, as on a full disk.
    pub lasts: bool,
}

#[derive(Debug, Default)]
struct Shared {
    before: State,
    state: State,
    ops: Vec<Op>,
    locks: BTreeSet<PathBuf>,
    calls: usize,
    fault: Option<Fault>,
    misused: Vec<String>,
}

impl Shared {
    fn perform(&mut self, op: Op) {
        self.state.apply(&op);
        self.ops.push(op);
    }

    /// Count a call and return how it fails, if it does.
    fn failure(&mut self, needs_space: bool) -> Option<Failure> {
        self.calls += 1;
        let fault = self.fault?;
        let fails = self.calls == fault.at || (fault.lasts && needs_space && self.calls > fault.at);
        fails.then_some(fault.failure)
    }

    /// Perform a change, unless it is to fail.
    fn change(&mut self, op: Op) -> io::Result<()> {
        let needs_space = !matches!(op, Op::Remove(_) | Op::RemoveDir(_) | Op::SyncDir(_));
        match self.failure(needs_space) {
            None => self.perform(op),
            Some(failure) => {
                if matches!(failure, Failure::Done(_)) {
                    self.perform(op);
                }
                return Err(failure.error());
            }
        }
        Ok(())
    }

    /// Look without changing anything, unless that is to fail.
    fn look(&mut self) -> io::Result<()> {
        self.failure(false).map_or(Ok(()), |failure| Err(failure.error()))
    }
}

/// What was done to a file system since it was made.
#[derive(Clone, Debug)]
pub struct Recording {
    pub before: State,
    pub ops: Vec<Op>,
}

/// The file system. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryFs(Arc<Mutex<Shared>>);

impl MemoryFs {
    /// Return a file system in this state, with all locks free.
    pub fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(Shared {
            before: state.clone(),
            state,
            ..Shared::default()
        })))
    }

    /// Return the file system after these operations and a crash.
    pub fn after(ops: &[Op], crash: Crash) -> Self {
        let mut state = State::default();
        for op in ops {
            state.apply(op);
        }
        Self::new(state.crash(crash))
    }

    /// Return what a crash leaves of this one.
    pub fn crashed(&self, crash: Crash) -> Self {
        Self::new(self.0.lock().unwrap().state.crash(crash))
    }

    /// Return the operations so far.
    pub fn ops(&self) -> Vec<Op> {
        self.0.lock().unwrap().ops.clone()
    }

    /// Return the operations so far, and what they were done to.
    pub fn recording(&self) -> Recording {
        let shared = self.0.lock().unwrap();
        Recording {
            before: shared.before.clone(),
            ops: shared.ops.clone(),
        }
    }

    /// Note that the caller was told that a step is stored.
    pub fn acknowledge(&self, step: i32) {
        self.0.lock().unwrap().perform(Op::Acknowledged(step));
    }

    /// Return how many calls were made.
    pub fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    /// Let calls fail, or none.
    pub fn fail(&self, fault: Option<Fault>) {
        self.0.lock().unwrap().fault = fault;
    }

    /// Return the uses of a handle after its sync has failed.
    pub fn misused(&self) -> Vec<String> {
        self.0.lock().unwrap().misused.clone()
    }

    fn with<T>(&self, run: impl FnOnce(&mut Shared) -> io::Result<T>) -> io::Result<T> {
        run(&mut self.0.lock().unwrap())
    }

    fn handle(&self, inode: usize) -> Box<dyn OpenFile> {
        Box::new(MemoryFile {
            fs: self.clone(),
            inode,
            has_failed: false,
        })
    }
}

struct MemoryFile {
    fs: MemoryFs,
    inode: usize,
    has_failed: bool,
}

impl MemoryFile {
    fn note_use(&self, shared: &mut Shared, what: &str) {
        if self.has_failed {
            shared.misused.push(format!("{what} after a failed sync"));
        }
    }
}

impl OpenFile for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.fs.with(|shared| {
            self.note_use(shared, "write");
            let Some(failure) = shared.failure(true) else {
                shared.perform(Op::Write(self.inode, bytes.to_vec()));
                return Ok(());
            };
            match failure {
                Failure::Refused(_) => {}
                Failure::Short(_) => shared.perform(Op::Write(self.inode, bytes[..bytes.len() / 2].to_vec())),
                Failure::Done(_) => shared.perform(Op::Write(self.inode, bytes.to_vec())),
            }
            Err(failure.error())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        let fs = self.fs.clone();
        fs.with(|shared| {
            self.note_use(shared, "sync");
            let Some(failure) = shared.failure(true) else {
                shared.perform(Op::Sync(self.inode));
                return Ok(());
            };
            self.has_failed = true;
            shared.perform(Op::FailedSync(self.inode));
            Err(failure.error())
        })
    }
}

struct Held(MemoryFs, PathBuf);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().locks.remove(&self.1);
    }
}

fn check(holds: bool, otherwise: ErrorKind) -> io::Result<()> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

impl FileSystem for MemoryFs {
    fn make_dir(&self, path: &Path) -> io::Result<bool> {
        self.with(|shared| {
            if shared.state.find_dir(path).is_some() {
                return shared.look().map(|()| false);
            }
            check(shared.state.find(path).is_none(), ErrorKind::AlreadyExists)?;
            let parent = shared.state.find_dir(path.parent().unwrap());
            check(parent.is_some(), ErrorKind::NotFound)?;
            shared.change(Op::MakeDir(path.to_owned())).map(|()| true)
        })
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.with(|shared| {
            check(shared.state.find(path).is_none(), ErrorKind::AlreadyExists)?;
            let parent = shared.state.find_dir(path.parent().unwrap());
            check(parent.is_some(), ErrorKind::NotFound)?;
            shared.change(Op::Create(path.to_owned()))?;
            Ok(self.handle(shared.state.find(path).unwrap()))
        })
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        match self.with(|shared| Ok(shared.state.find_file(path)))? {
            None => self.create(path),
            Some(inode) => self.with(|shared| shared.look().map(|()| self.handle(inode))),
        }
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.with(|shared| {
            let state = &shared.state;
            check(state.find(to).is_none(), ErrorKind::AlreadyExists)?;
            let is_there = state.find_file(from).is_some() && state.find_dir(to.parent().unwrap()).is_some();
            check(is_there, ErrorKind::NotFound)?;
            shared.change(Op::Rename(from.to_owned(), to.to_owned()))
        })
    }

    fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.with(|shared| {
            let state = &shared.state;
            let is_there = state.find(from).is_some() && state.find_dir(to.parent().unwrap()).is_some();
            check(is_there, ErrorKind::NotFound)?;
            let fits = state.find(to).is_none() || (state.find_file(from).is_some() && state.find_file(to).is_some());
            check(fits, ErrorKind::AlreadyExists)?;
            shared.change(Op::Rename(from.to_owned(), to.to_owned()))
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.with(|shared| {
            check(shared.state.find_dir(path).is_some(), ErrorKind::NotFound)?;
            // A sync that fails has put nothing on the disk that could be relied on.
            shared.look()?;
            shared.perform(Op::SyncDir(path.to_owned()));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.with(|shared| {
            check(shared.state.find_file(path).is_some(), ErrorKind::NotFound)?;
            shared.change(Op::Remove(path.to_owned()))
        })
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.with(|shared| {
            let inside = shared.state.find_dir(path).map(|dir| shared.state.names_in(dir));
            let inside = inside.ok_or(ErrorKind::NotFound)?;
            check(inside.is_empty(), ErrorKind::DirectoryNotEmpty)?;
            shared.change(Op::RemoveDir(path.to_owned()))
        })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.with(|shared| {
            shared.look()?;
            let found = shared.state.find_dir(path);
            Ok(found.map(|dir| shared.state.names_in(dir)).unwrap_or_default())
        })
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        self.read_tail(path, u64::MAX).map(|bytes| bytes.len() as u64)
    }

    fn read_tail(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        self.with(|shared| {
            shared.look()?;
            let inode = shared.state.find_file(path).ok_or(ErrorKind::NotFound)?;
            let data = &shared.state.inodes[inode].data;
            let kept = usize::try_from(limit).unwrap_or(usize::MAX).min(data.len());
            Ok(data[data.len() - kept..].to_vec())
        })
    }

    fn read_range(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let bytes = self.read_tail(path, u64::MAX)?;
        let start = usize::try_from(offset).unwrap();
        let range = bytes.get(start..start + length).map(<[u8]>::to_vec);
        range.ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }

    fn lock(&self, path: &Path) -> io::Result<Locking> {
        if self.with(|shared| Ok(shared.state.find_file(path)))?.is_none() {
            self.create(path)?;
        }
        self.with(|shared| {
            shared.look()?;
            if !shared.locks.insert(path.to_owned()) {
                return Ok(Locking::Busy("1".to_owned()));
            }
            Ok(Locking::Held(Box::new(Held(self.clone(), path.to_owned()))))
        })
    }
}
