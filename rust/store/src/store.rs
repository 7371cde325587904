//! A store opened for looking at: its runs, its columns, its health. Rows are read by any Parquet reader.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::check::{CheckReport, check};
use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, list};
use crate::inventory::Inventory;
use crate::layout::{Layout, SegmentName, run_of_folder, stream_of_log};
use crate::marker;
use crate::recover::Recovery;
use crate::repair::repair;
use crate::segment::footer;

/// A store that exists; nothing here writes.
#[derive(Debug)]
pub struct Store {
    fs: Arc<dyn FileSystem>,
    layout: Layout,
}

impl Store {
    /// Open the store in that folder.
    pub fn open(fs: Arc<dyn FileSystem>, path: &Path) -> Result<Self> {
        let root = std::path::absolute(path).map_err(StoreError::io("find", path))?;
        let layout = Layout::new(root);
        marker::check(fs.as_ref(), &layout)?;
        Ok(Self { fs, layout })
    }

    /// Repair the store in that folder and return what was done; writers that live are left alone.
    ///
    /// A missing or damaged marker is written anew, each run is recovered as at an opening for writing, and with `deep`
    /// every segment whose bytes or values are not those that were written is moved to the quarantine.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] if the folder holds no segment that shows it to be a store.
    pub fn repair(fs: &Arc<dyn FileSystem>, path: &Path, deep: bool) -> Result<Recovery> {
        let root = std::path::absolute(path).map_err(StoreError::io("find", path))?;
        repair(fs, &Layout::new(root), deep)
    }

    /// The store's file system.
    pub(crate) fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// The store's places.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Return the runs in order, also those of which only a log or superseded segments are left.
    pub fn runs(&self) -> Result<Vec<String>> {
        runs(self.fs.as_ref(), &self.layout)
    }

    /// Return the names of all `reward_<name>` columns, which not every segment need have.
    ///
    /// The log knows them; a footer is opened only where it does not. Segments that are cut off or of another version
    /// show on the way, and are refused before a reader meets them.
    ///
    /// # Errors
    /// [`StoreError::Segment`] and [`StoreError::Schema`] for the first segment that cannot be read.
    pub fn reward_columns(&self) -> Result<Vec<String>> {
        let mut columns = BTreeSet::new();
        for run in self.runs()? {
            let inventory = Inventory::read(self.fs.as_ref(), &self.layout, &run)?;
            columns.extend(
                inventory
                    .lines
                    .values()
                    .flatten()
                    .flat_map(|line| line.rewards.iter().cloned()),
            );
            for name in &inventory.live {
                columns.extend(self.rewards_of(&inventory, name)?);
            }
        }
        Ok(columns.into_iter().collect())
    }

    /// Return the `reward_<name>` columns of a segment whose size is the logged one, or whose footer can be read.
    fn rewards_of(&self, inventory: &Inventory, name: &SegmentName) -> Result<Vec<String>> {
        let path = self.layout.segment(&inventory.run, name);
        let size = self.fs.size(&path).map_err(StoreError::io("read", &path))?;
        let lines = inventory.lines.get(name).map(Vec::as_slice).unwrap_or_default();
        if lines.iter().any(|line| line.bytes == size) {
            return Ok(Vec::new());
        }
        let footer = footer(self.fs.as_ref(), &path, &inventory.run, name)?;
        match lines.last() {
            None => Ok(footer.rewards),
            Some(line) => Err(StoreError::Segment {
                problem: format!("it has {size} bytes, the log says {}", line.bytes),
                path,
            }),
        }
    }

    /// Check every segment; `deep` reads every byte, and decodes what the log has no hash of.
    pub fn check(&self, deep: bool) -> Result<CheckReport> {
        check(&self.fs, &self.layout, &self.runs()?, deep)
    }
}

/// Return the runs of which a store holds segments or a log.
pub(crate) fn runs(fs: &dyn FileSystem, layout: &Layout) -> Result<Vec<String>> {
    let mut runs = BTreeSet::new();
    for folder in [layout.root().to_owned(), layout.superseded()] {
        let names = list(fs, &folder)?;
        runs.extend(names.iter().filter_map(|name| run_of_folder(name)).map(str::to_owned));
    }
    let logs = list(fs, &layout.logs())?;
    runs.extend(
        logs.iter()
            .filter_map(|file| stream_of_log(file))
            .map(|stream| stream.run),
    );
    Ok(runs.into_iter().collect())
}
