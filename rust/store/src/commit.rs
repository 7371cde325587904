//! The append protocol: stage, sync, rename without replacing, sync the folder, log, acknowledge.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::encode::Encoded;
use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, read, sync_dir};
use crate::layout::{Layout, SegmentName, Stream};
use crate::log::{Log, LogLine};
use crate::segment::footer_of;

/// Commits segments of one stream, whose lock it must hold.
pub(crate) struct Committer {
    fs: Arc<dyn FileSystem>,
    layout: Layout,
    stream: Stream,
    /// `None` after a failed write: what follows on that handle could run into a torn line.
    log: Option<Log>,
    logged: BTreeSet<SegmentName>,
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
            serial: 0,
        }
    }

    /// Return when the segment is on the disk under its name.
    ///
    /// # Errors
    /// [`StoreError::StepConflict`] if other rows stand there; any other error means that nothing was acknowledged, and
    /// the same append may be tried again.
    pub fn commit(&mut self, segment: &Encoded) -> Result<()> {
        let name = SegmentName {
            step: segment.footer.step,
            writer: self.stream.writer.clone(),
        };
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
                    if is_last || error.kind() == ErrorKind::StorageFull {
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
            Ok(footer) if footer.content == given.footer.content => return Ok(LogLine::new(&footer, &bytes)),
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
        let mut log = match self.log.take() {
            Some(log) => log,
            None => Log::open(self.fs.as_ref(), &self.layout, &self.stream)?,
        };
        log.add(line)?;
        self.log = Some(log);
        self.logged.insert(name);
        Ok(())
    }
}
