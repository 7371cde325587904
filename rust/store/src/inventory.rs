//! What stands in a store under one run: segments, superseded segments, log lines, and what none of these explains.

use std::collections::{BTreeMap, BTreeSet};

use crate::encode::Footer;
use crate::error::Result;
use crate::fs::{FileSystem, list};
use crate::layout::{Layout, SegmentName, Stream, attempt_of_folder, stream_of_log};
use crate::log::{Change, LogLine, read_log};

/// The files and log lines of one run.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub run: String,
    /// Segments of the trajectory.
    pub live: BTreeSet<SegmentName>,
    /// Segments moved aside, by the attempt that ended.
    pub superseded: BTreeMap<i16, BTreeSet<SegmentName>>,
    /// Log lines of each segment name, oldest first.
    pub lines: BTreeMap<SegmentName, Vec<LogLine>>,
    /// Log lines that cannot be read.
    pub damaged_lines: usize,
    /// The writers whose logs hold some of them.
    pub damaged_logs: BTreeSet<Stream>,
    /// Files in the run's folder that no commit has made.
    pub foreign: Vec<String>,
}

impl Inventory {
    /// Read the listing and the logs of a run.
    pub fn read(fs: &dyn FileSystem, layout: &Layout, run: &str) -> Result<Self> {
        let mut found = Self {
            run: run.to_owned(),
            ..Self::default()
        };
        for file in list(fs, &layout.run(run))? {
            match SegmentName::parse(&file) {
                Some(name) => drop(found.live.insert(name)),
                None => found.foreign.push(file),
            }
        }
        for folder in list(fs, &layout.superseded_run(run))? {
            let Some(attempt) = attempt_of_folder(&folder) else {
                continue;
            };
            let files = list(fs, &layout.superseded_attempt(run, attempt))?;
            found.superseded.insert(
                attempt,
                files.iter().filter_map(|file| SegmentName::parse(file)).collect(),
            );
        }
        for stream in list(fs, &layout.logs())?.iter().filter_map(|file| stream_of_log(file)) {
            if stream.run == run {
                found.add_log(fs, layout, &stream)?;
            }
        }
        Ok(found)
    }

    fn add_log(&mut self, fs: &dyn FileSystem, layout: &Layout, stream: &Stream) -> Result<()> {
        let log = read_log(fs, layout, stream)?;
        if !log.damaged.is_empty() {
            self.damaged_lines += log.damaged.len();
            self.damaged_logs.insert(stream.clone());
        }
        for line in log.lines {
            self.lines.entry(line.name()).or_default().push(line);
        }
        Ok(())
    }

    /// Tell whether the segment that the line is about was moved aside: an attempt's segments are moved when it or a
    /// later one ends.
    pub fn is_superseded(&self, line: &LogLine) -> bool {
        let name = line.name();
        self.superseded
            .range(line.attempt..)
            .any(|(_, names)| names.contains(&name))
    }

    /// Tell whether the segment that the line is about was removed on purpose, or was about to be.
    pub fn is_removed(&self, line: &LogLine) -> bool {
        let mut lines = self.lines.get(&line.name()).into_iter().flatten();
        lines.any(|other| other.change == Change::Remove && other.attempt == line.attempt)
    }

    /// Return the latest line of a segment of the trajectory.
    pub fn line(&self, name: &SegmentName) -> Option<&LogLine> {
        let mut lines = self.lines.get(name)?.iter().rev();
        lines.find(|line| !self.is_superseded(line) && !self.is_removed(line))
    }

    /// Return the lines of those places of a writer that were rewritten or emptied on purpose.
    pub fn changed(&self, writer: &str) -> BTreeMap<SegmentName, Vec<LogLine>> {
        let is_changed = |lines: &[LogLine]| lines.iter().any(|line| line.change != Change::Commit);
        self.lines
            .iter()
            .filter(|(name, lines)| name.writer == writer && is_changed(lines))
            .map(|(name, lines)| (name.clone(), lines.clone()))
            .collect()
    }

    /// Tell whether a segment of the trajectory is one that its log describes.
    ///
    /// A crash between the line of a change and the change itself leaves the segment that an earlier line describes.
    pub fn is_described(&self, name: &SegmentName, footer: &Footer, size: u64) -> bool {
        let content = format!("{:032x}", footer.content);
        let lines = self.lines.get(name).into_iter().flatten();
        lines.filter(|line| !self.is_superseded(line)).any(|line| {
            (line.attempt, line.rows, line.bytes) == (footer.attempt, footer.rows, size) && line.content == content
        })
    }

    /// Return the lines whose segment is nowhere.
    pub fn lost(&self) -> Vec<&LogLine> {
        let is_lost =
            |line: &&LogLine| !self.live.contains(&line.name()) && !self.is_superseded(line) && !self.is_removed(line);
        self.lines
            .values()
            .filter_map(|lines| lines.iter().rev().find(is_lost))
            .collect()
    }

    /// Return the superseded segments that no line describes: those of an attempt begin after the one that ended before.
    pub fn unlogged_superseded(&self) -> Vec<(i16, SegmentName)> {
        let mut found = Vec::new();
        for (ended, names) in &self.superseded {
            for name in names {
                let mut earlier = self.superseded.range(..ended).rev();
                let before = earlier
                    .find(|(_, names)| names.contains(name))
                    .map_or(0, |(attempt, _)| *attempt);
                let mut lines = self.lines.get(name).into_iter().flatten();
                if !lines.any(|line| before < line.attempt && line.attempt <= *ended) {
                    found.push((*ended, name.clone()));
                }
            }
        }
        found
    }

    /// Return the names of segments that have a line and need none.
    pub fn logged(&self) -> BTreeSet<SegmentName> {
        self.live
            .iter()
            .filter(|name| self.line(name).is_some())
            .cloned()
            .collect()
    }

    /// Return the latest attempt that a resume has ended, 0 if none.
    pub fn last_ended(&self) -> i16 {
        self.superseded.keys().next_back().copied().unwrap_or(0)
    }

    /// Return the latest attempt of which a segment is part of the trajectory, or was until it was removed; 0 if none.
    pub fn last_live(&self) -> i16 {
        let live = self.live.iter().filter_map(|name| self.line(name));
        let removed = self
            .lines
            .values()
            .flatten()
            .filter(|line| line.change == Change::Remove);
        live.chain(removed).map(|line| line.attempt).max().unwrap_or(0)
    }

    /// Return the attempt that a writer goes on with.
    pub fn attempt(&self) -> i16 {
        self.last_live().max(self.last_ended().saturating_add(1))
    }
}
