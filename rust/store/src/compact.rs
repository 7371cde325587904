//! A new store of the same rollouts in few large files; the store that it is made from is only read.
//!
//! It is built beside its place and takes its name in one step, so that it is there whole or not at all.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::check::{Problem, check};
use crate::copy::Copy;
use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, Locking, ensure_dir, list, sync_dir};
use crate::inventory::Inventory;
use crate::layout::{Layout, Stream};
use crate::marker;
use crate::store::Store;

/// What a compaction has read and written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    /// Rollouts copied.
    pub rows: u64,
    /// Segments read.
    pub segments_before: u64,
    /// Segments written.
    pub segments_after: u64,
    /// Bytes of the segments read.
    pub bytes_before: u64,
    /// Bytes of the segments written.
    pub bytes_after: u64,
    /// Segments that resumes have moved aside: left out.
    pub superseded_segments: u64,
    /// Rollouts in them.
    pub superseded_rows: u64,
    /// Segments that the log names and the store does not hold.
    pub lost: u64,
}

impl Store {
    /// Write the committed rollouts into a new store.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a segment is not as it was written, [`StoreError::Target`] if the place is not free.
    pub fn compact(&self, to: &Path) -> Result<Compaction> {
        self.compact_with(to, |_| Ok(()))
    }

    /// The same, with what `complete` puts beside the rollouts of the new store before it takes its name.
    ///
    /// # Errors
    /// Those of [`Store::compact`] and of `complete`, which is given the folder that the new store is built in.
    pub fn compact_with<E: From<StoreError>>(
        &self,
        to: &Path,
        complete: impl FnOnce(&Path) -> std::result::Result<(), E>,
    ) -> std::result::Result<Compaction, E> {
        let to = std::path::absolute(to).map_err(StoreError::io("find", to))?;
        if to.starts_with(self.layout().root()) {
            return Err(target(&to, "is inside the store that is compacted").into());
        }
        let (Some(parent), Some(name)) = (to.parent(), to.file_name()) else {
            return Err(target(&to, "is no place for a store").into());
        };
        let fs = self.fs();
        refuse_taken(fs.as_ref(), &to)?;
        let damage = check(fs, self.layout(), &self.runs()?, false)?.problems;
        refuse_damaged(damage.into_iter().filter(|problem| problem.is_damage).collect())?;
        ensure_dir(fs.as_ref(), parent)?;
        let hidden = |ending: &str| parent.join(format!(".{}.{ending}", name.to_string_lossy()));
        // Beside the staging folder, so that nothing of it is left in the new store.
        let lock = hidden("compacting.lock");
        let _held = match fs.lock(&lock).map_err(StoreError::io("lock", &lock))? {
            Locking::Held(held) => held,
            Locking::Busy(_) => return Err(target(&to, "is being made by another process").into()),
        };
        let compaction = self.compact_locked(&Layout::new(hidden("compacting")), &to, complete);
        // Whoever waits for a lock file that is gone finds the place taken, or makes its own.
        fs.remove(&lock).map_err(StoreError::io("remove", &lock))?;
        compaction
    }

    fn compact_locked<E: From<StoreError>>(
        &self,
        staging: &Layout,
        to: &Path,
        complete: impl FnOnce(&Path) -> std::result::Result<(), E>,
    ) -> std::result::Result<Compaction, E> {
        let fs = self.fs().as_ref();
        // Another process may have made it until the lock was taken.
        refuse_taken(fs, to)?;
        clear(fs, staging)?;
        let compaction = self
            .copy(staging)
            .map_err(E::from)
            .and_then(|compaction| complete(staging.root()).map(|()| compaction))
            .inspect_err(|_| {
                // The first error is the one to report; the next compaction clears what is left.
                let _ = clear(fs, staging);
            })?;
        sync_dir(fs, staging.root())?;
        fs.replace(staging.root(), to)
            .map_err(StoreError::io("rename", staging.root()))?;
        to.parent().map_or(Ok(()), |parent| sync_dir(fs, parent))?;
        Ok(compaction)
    }

    fn copy(&self, to: &Layout) -> Result<Compaction> {
        let fs = self.fs();
        let mut copy = Copy {
            fs,
            from: self.layout(),
            to,
            compaction: Compaction::default(),
        };
        for folder in [to.logs(), to.temporaries()] {
            ensure_dir(fs.as_ref(), &folder)?;
        }
        for run in self.runs()? {
            copy.run(&Inventory::read(fs.as_ref(), self.layout(), &run)?)?;
        }
        for folder in [to.logs(), to.private()] {
            sync_dir(fs.as_ref(), &folder)?;
        }
        // Last: what has no marker is no store.
        marker::write(fs.as_ref(), to, &Stream::new("store", "compact")?)?;
        Ok(copy.compaction)
    }
}

fn target(path: &Path, problem: &'static str) -> StoreError {
    StoreError::Target {
        path: path.to_owned(),
        problem,
    }
}

fn refuse_taken(fs: &dyn FileSystem, to: &Path) -> Result<()> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let beside = to.parent().map_or_else(|| Ok(Vec::new()), |parent| list(fs, parent))?;
    if beside.iter().any(|found| *found == name) {
        return Err(target(to, "exists already"));
    }
    Ok(())
}

fn refuse_damaged(mut damage: Vec<Problem>) -> Result<()> {
    if damage.is_empty() {
        return Ok(());
    }
    let first = damage.swap_remove(0);
    Err(StoreError::Damaged {
        path: first.path,
        problem: first.what,
        others: damage.len(),
    })
}

/// Remove what a compaction that died has left.
fn clear(fs: &dyn FileSystem, staging: &Layout) -> Result<()> {
    let root = staging.root().to_owned();
    let runs_of = |folder: &Path| -> Result<Vec<PathBuf>> {
        let names = list(fs, folder)?.into_iter();
        Ok(names
            .filter_map(|name| name.starts_with("run=").then(|| folder.join(name)))
            .collect())
    };
    let mut folders = runs_of(&root)?;
    folders.extend(runs_of(&staging.verdicts())?);
    folders.extend([
        staging.verdicts(),
        staging.logs(),
        staging.temporaries(),
        staging.private(),
        root,
    ]);
    // The marker first: half a store must not look like one.
    let marker = staging.marker();
    match fs.remove(&marker) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        removed => removed.map_err(StoreError::io("remove", &marker))?,
    }
    for folder in folders {
        for file in list(fs, &folder)? {
            let path = folder.join(file);
            fs.remove(&path).map_err(StoreError::io("remove", &path))?;
        }
        match fs.remove_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed.map_err(StoreError::io("remove", &folder))?,
        }
    }
    Ok(())
}
