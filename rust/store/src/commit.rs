//! The append protocol: stage, sync, rename without replacing, sync the folder, log, acknowledge.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::encode::Encoded;
use crate::error::{Result, StoreError};
use crate::examine::check_values;
use crate::fs::{FileSystem, read, sync_dir};
use crate::layout::{Layout, SegmentName, Stream};
use crate::log::{Change, Log, LogLine};
use crate::segment::footer_of;

/// Commits segments of one stream, whose lock it must hold.
pub(crate) struct Committer {
    fs: Arc<dyn FileSystem>,
    layout: Layout,
    stream: Stream,
    /// `None` after a failed write: what follows on that handle could run into a torn line.
    log: Option<Log>,
    logged: BTreeSet<SegmentName>,
    /// Lines of the places that were rewritten or emptied on purpose.
    changed: BTreeMap<SegmentName, Vec<LogLine>>,
    serial: u64,
}

impl Committer {
    /// Commit for `stream`; `logged` are the segments that need no further line.
    pub fn new(fs: Arc<dyn FileSystem>, layout: Layout, stream: Stream, logged: BTreeSet<SegmentName>) -> Self {
        Self {
            fs,
            layout,
            stream,
            log: None,
            logged,
            changed: BTreeMap::new(),
            serial: 0,
        }
    }

    /// Bring no rows back into these places, from which prune or purge has taken some.
    pub fn with_changed(self, changed: BTreeMap<SegmentName, Vec<LogLine>>) -> Self {
        Self { changed, ..self }
    }

    /// Return when the segment is on the disk under its name.
    ///
    /// # Errors
    /// [`StoreError::StepConflict`] if other rows stand there, [`StoreError::Removed`] if others were removed from there on
    /// purpose; any other error means that nothing was acknowledged, and
    /// the same append may be tried again.
    pub fn commit(&mut self, segment: &Encoded) -> Result<()> {
        let name = SegmentName {
            step: segment.footer.step,
            writer: self.stream.writer.clone(),
            last_step: None,
        };
        if self.was_stored(&name, segment)? {
            return Ok(());
        }
        let target = self.layout.segment(&self.stream.run, &name);
        let temporary = self.stage(&segment.bytes)?;
        let line = match self.fs.rename_new(&temporary, &target) {
            Ok(()) => LogLine::new(&segment.footer, &segment.bytes),
            Err(refused) => {
                let discarded = self.discard(&temporary);
                if refused.kind() != ErrorKind::AlreadyExists {
                    return Err(StoreError::io("rename", &temporary)(refused));
                }
                discarded?;
                self.same_content(&target, &name, segment)?
            }
        };
        // Also for a segment that was there: whoever renamed it may have failed at this very sync.
        sync_dir(self.fs.as_ref(), &self.layout.run(&self.stream.run))?;
        self.add_line(name, &line)
    }

    /// Tell whether these rows stood there until prune or purge took some of them: then the append is done, and stays undone.
    fn was_stored(&self, name: &SegmentName, segment: &Encoded) -> Result<bool> {
        let lines = self.changed.get(name).into_iter().flatten();
        let mut lines = lines.filter(|line| line.attempt == segment.footer.attempt);
        let content = format!("{:032x}", segment.footer.content);
        if lines.clone().any(|line| line.content == content) {
            return Ok(true);
        }
        if lines.any(|line| line.change == Change::Remove) {
            return Err(StoreError::Removed {
                run: self.stream.run.clone(),
                writer: name.writer.clone(),
                step: name.step,
            });
        }
        Ok(false)
    }

    /// Write the bytes to a synced temporary file.
    ///
    /// After a failed sync the system may have dropped the pages and report success next time, so the second try
    /// writes a new file.
    fn stage(&mut self, bytes: &[u8]) -> Result<PathBuf> {
        for is_last in [false, true] {
            self.serial += 1;
            let path = self.layout.temporary(&self.stream, std::process::id(), self.serial);
            match self.write_synced(&path, bytes) {
                Ok(()) => return Ok(path),
                Err(error) => {
                    // The first error is the one to report; a leftover goes at the next open.
                    let _ = self.discard(&path);
                    if is_last || matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
                        return Err(StoreError::io("write", &path)(error));
                    }
                }
            }
        }
        Err(StoreError::Closed {
            run: self.stream.run.clone(),
        })
    }

    fn write_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.fs.create(path)?;
        file.write(bytes)?;
        file.sync()
    }

    fn discard(&self, temporary: &Path) -> Result<()> {
        self.fs.remove(temporary).map_err(StoreError::io("remove", temporary))
    }

    /// Return the line of the segment that stands in the place, if it holds the same rows.
    fn same_content(&self, path: &Path, name: &SegmentName, given: &Encoded) -> Result<LogLine> {
        let bytes = read(self.fs.as_ref(), path)?;
        let stored = match footer_of(path, &bytes, &self.stream.run, name) {
            Ok(footer) if footer.content == given.footer.content => {
                let line = LogLine::new(&footer, &bytes);
                // The footer says what was written; damage since then must not be acknowledged.
                return check_values(bytes, &footer)
                    .map(|()| line)
                    .map_err(|problem| StoreError::Segment {
                        path: path.to_owned(),
                        problem: format!("{problem}; `twogrpo store check --deep --repair` sets it aside"),
                    });
            }
            Ok(footer) => format!("{:032x}, attempt {}", footer.content, footer.attempt),
            Err(error) => error.to_string(),
        };
        Err(StoreError::StepConflict {
            run: self.stream.run.clone(),
            writer: name.writer.clone(),
            step: name.step,
            stored,
            given: format!("{:032x}, attempt {}", given.footer.content, given.footer.attempt),
        })
    }

    /// Log a segment that stands in its place, unless it was logged before.
    pub fn add_line(&mut self, name: SegmentName, line: &LogLine) -> Result<()> {
        if self.logged.contains(&name) {
            return Ok(());
        }
        self.write_line(line)?;
        self.logged.insert(name);
        Ok(())
    }

    /// Write a line whatever was logged before.
    pub fn write_line(&mut self, line: &LogLine) -> Result<()> {
        let mut log = match self.log.take() {
            Some(log) => log,
            None => Log::open(self.fs.as_ref(), &self.layout, &self.stream)?,
        };
        log.add(line)?;
        self.log = Some(log);
        Ok(())
    }
}
