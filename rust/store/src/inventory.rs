//! What stands in a store under one run: segments, superseded segments, log lines, and what none of these explains.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::fs::{FileSystem, list};
use crate::layout::{Layout, SegmentName, Stream, attempt_of_folder, stream_of_log};
use crate::log::{LogLine, read_log};

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
        self.damaged_lines += log.damaged;
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

    /// Return the line of a segment of the trajectory.
    pub fn line(&self, name: &SegmentName) -> Option<&LogLine> {
        self.lines
            .get(name)?
            .iter()
            .rev()
            .find(|line| !self.is_superseded(line))
    }

    /// Return the lines whose segment is nowhere.
    pub fn lost(&self) -> Vec<&LogLine> {
        let is_lost = |line: &&LogLine| !self.live.contains(&line.name()) && !self.is_superseded(line);
        self.lines
            .values()
            .filter_map(|lines| lines.iter().rev().find(is_lost))
            .collect()
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

    /// Return the latest attempt of which a segment is part of the trajectory, 0 if none.
    pub fn last_live(&self) -> i16 {
        self.live
            .iter()
            .filter_map(|name| self.line(name))
            .map(|line| line.attempt)
            .max()
            .unwrap_or(0)
    }

    /// Return the attempt that a writer goes on with.
    pub fn attempt(&self) -> i16 {
        self.last_live().max(self.last_ended().saturating_add(1))
    }
}
