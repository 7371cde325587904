//! Changing segments that are committed: every writer is locked out, and a line of the log comes before each change.
//!
//! The line describes what will stand there, or that nothing will. Whatever a crash leaves is described by a line.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::change::{Place, SegmentChange};
use crate::edit::{Edit, Effect};
use crate::encode::Footer;
use crate::error::{Result, StoreError};
use crate::examine::line_of;
use crate::fs::{FileSystem, ensure_dir, sync_dir};
use crate::inventory::Inventory;
use crate::layout::{Layout, SegmentName, Stream};
use crate::lock::{Lock, acquire_run};
use crate::log::{Change, Log, LogLine};
use crate::recover::recover_run;
use crate::rewrite::stage;
use crate::scan::Scan;
use crate::segment::footer;

/// A run whose segments are looked at, and changed where its writers are locked out.
pub(crate) struct OpenRun {
    fs: Arc<dyn FileSystem>,
    layout: Layout,
    inventory: Inventory,
    /// `None` in a dry run.
    locks: Option<Vec<Lock>>,
    logs: BTreeMap<String, Log>,
    serial: u64,
}

impl OpenRun {
    /// Look at a run for a dry run.
    pub fn look(fs: &Arc<dyn FileSystem>, layout: &Layout, run: &str) -> Result<Self> {
        let inventory = Inventory::read(fs.as_ref(), layout, run)?;
        Ok(Self::new(fs, layout, inventory, None))
    }

    /// Take the locks of all writers of a run and tidy up after those that died.
    ///
    /// # Errors
    /// [`StoreError::Locked`] with the process of a living writer.
    pub fn lock(fs: &Arc<dyn FileSystem>, layout: &Layout, run: &str) -> Result<Self> {
        for folder in [layout.logs(), layout.locks(), layout.temporaries()] {
            ensure_dir(fs.as_ref(), &folder)?;
        }
        recover_run(fs, layout, run, None)?;
        let locks = acquire_run(fs.as_ref(), layout, &Inventory::read(fs.as_ref(), layout, run)?)?;
        let inventory = Inventory::read(fs.as_ref(), layout, run)?;
        Ok(Self::new(fs, layout, inventory, Some(locks)))
    }

    fn new(fs: &Arc<dyn FileSystem>, layout: &Layout, inventory: Inventory, locks: Option<Vec<Lock>>) -> Self {
        Self {
            fs: Arc::clone(fs),
            layout: layout.clone(),
            inventory,
            locks,
            logs: BTreeMap::new(),
            serial: 0,
        }
    }

    /// Return the segments of the trajectory in order.
    pub fn live(&self) -> Vec<Place> {
        let folder = self.layout.run(&self.inventory.run);
        let place = |name: &SegmentName| Place {
            folder: folder.clone(),
            name: name.clone(),
            ended: None,
        };
        self.inventory.live.iter().map(place).collect()
    }

    /// Return the segments that resumes have moved aside.
    pub fn superseded(&self) -> Vec<Place> {
        let attempts = self.inventory.superseded.iter();
        let places = attempts.flat_map(|(attempt, names)| names.iter().map(move |name| (*attempt, name)));
        let place = |(attempt, name): (i16, &SegmentName)| Place {
            folder: self.layout.superseded_attempt(&self.inventory.run, attempt),
            name: name.clone(),
            ended: Some(attempt),
        };
        places.map(place).collect()
    }

    /// Remove a segment; one that cannot be read as well.
    pub fn remove(&mut self, place: &Place) -> Result<SegmentChange> {
        let path = place.path();
        let size = self.fs.size(&path).map_err(StoreError::io("read", &path))?;
        let line = match self.footer(place) {
            Ok(footer) => Some(self.line(place, &footer, size)?),
            Err(StoreError::Segment { .. }) => self.latest_line(place),
            Err(error) => return Err(error),
        };
        let rows_before = line.as_ref().map_or(0, |line| line.rows);
        if self.locks.is_some() {
            if let Some(line) = line {
                self.log(
                    &place.name,
                    &LogLine {
                        change: Change::Remove,
                        ..line
                    },
                )?;
            }
            self.fs.remove(&path).map_err(StoreError::io("remove", &path))?;
            sync_dir(self.fs.as_ref(), &place.folder)?;
        }
        Ok(SegmentChange {
            path,
            rows_before,
            rows_after: 0,
            bytes_before: size,
            bytes_after: 0,
        })
    }

    /// Take rows or values out of a segment; nothing if it holds none of them, and the file goes with its last row.
    pub fn rewrite(&mut self, place: &Place, edit: &Edit) -> Result<Option<SegmentChange>> {
        let path = place.path();
        let footer = self.footer(place)?;
        let segment = Scan::open(&self.fs, &path)?;
        let Effect {
            rows_left,
            is_column_filled,
        } = edit.effect(&segment)?;
        if rows_left == segment.rows() && !is_column_filled {
            return Ok(None);
        }
        if rows_left == 0 {
            return self.remove(place).map(Some);
        }
        let bytes_before = self.fs.size(&path).map_err(StoreError::io("read", &path))?;
        let bytes_after = if self.locks.is_some() {
            self.swap(place, &segment, footer, edit)?
        } else {
            let kept = bytes_before.saturating_sub(segment.bytes_of(edit.columns()));
            kept / (segment.rows() as u64).max(1) * rows_left as u64
        };
        Ok(Some(SegmentChange {
            path,
            rows_before: segment.rows() as u64,
            rows_after: rows_left as u64,
            bytes_before,
            bytes_after,
        }))
    }

    /// Stage what stays, log it, put it into the place, and return its size.
    fn swap(&mut self, place: &Place, segment: &Scan, footer: Footer, edit: &Edit) -> Result<u64> {
        let path = place.path();
        self.refuse_damaged(place, segment, &footer)?;
        let stream = Stream::new(&self.inventory.run, &place.name.writer)?;
        self.serial += 1;
        let temporary = self.layout.temporary(&stream, std::process::id(), self.serial);
        let staged = stage(self.fs.as_ref(), &temporary, segment, footer, edit);
        let logged = staged.and_then(|(footer, staged)| {
            let mut line = LogLine::of(&footer, staged.bytes, staged.hash);
            line.change = Change::Rewrite;
            self.log(&place.name, &line).map(|()| staged.bytes)
        });
        let swapped = logged.and_then(|bytes| {
            self.fs
                .replace(&temporary, &path)
                .map_err(StoreError::io("replace", &path))?;
            Ok(bytes)
        });
        if swapped.is_err() {
            // The first error is the one to report; a leftover goes at the next open.
            let _ = self.fs.remove(&temporary);
        }
        let bytes = swapped?;
        sync_dir(self.fs.as_ref(), &place.folder)?;
        Ok(bytes)
    }

    /// New lines and hashes would make damage look sound.
    fn refuse_damaged(&self, place: &Place, segment: &Scan, footer: &Footer) -> Result<()> {
        let path = place.path();
        let size = self.fs.size(&path).map_err(StoreError::io("read", &path))?;
        match line_of(&self.inventory, &place.name, footer, size) {
            Some(line) if line.xxh3_128 != segment.hash()? => Err(StoreError::Damaged {
                path,
                problem: "its bytes are not those that were written".to_owned(),
                others: 0,
            }),
            _ => Ok(()),
        }
    }

    fn footer(&self, place: &Place) -> Result<Footer> {
        footer(self.fs.as_ref(), &place.path(), &self.inventory.run, &place.name)
    }

    /// Return the line of a segment, made anew where it has none.
    fn line(&self, place: &Place, footer: &Footer, size: u64) -> Result<LogLine> {
        match line_of(&self.inventory, &place.name, footer, size) {
            Some(line) => Ok(line.clone()),
            None => Ok(LogLine::of(footer, size, Scan::open(&self.fs, &place.path())?.hash()?)),
        }
    }

    /// Return the latest line that may be about a segment whose footer does not tell.
    fn latest_line(&self, place: &Place) -> Option<LogLine> {
        let lines = self.inventory.lines.get(&place.name).into_iter().flatten();
        let lines = lines.filter(|line| place.ended.is_none_or(|ended| line.attempt <= ended));
        lines.max_by_key(|line| line.attempt).cloned()
    }

    fn log(&mut self, name: &SegmentName, line: &LogLine) -> Result<()> {
        if !self.logs.contains_key(&name.writer) {
            let stream = Stream::new(&self.inventory.run, &name.writer)?;
            let log = Log::open(self.fs.as_ref(), &self.layout, &stream)?;
            self.logs.insert(name.writer.clone(), log);
        }
        // A handle whose write failed may hold half a line: the next one opens the log anew.
        let added = self.logs.get_mut(&name.writer).map_or(Ok(()), |log| log.add(line));
        if added.is_err() {
            self.logs.remove(&name.writer);
        }
        added
    }
}
