//! Looking for damage without touching anything: names, footers and log; with `deep` also every byte.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::encode::Footer;
use crate::error::Result;
use crate::examine::examine;
use crate::fs::{FileSystem, list};
use crate::inventory::Inventory;
use crate::layout::{Layout, SegmentName, Stream};
use crate::lock::try_acquire;
use crate::threads;

/// One thing that is not as the protocol leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// Its rows are not those that were written, or cannot be read; false for what only stands beside the rows.
    pub is_damage: bool,
}

/// What a check has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Readable segments of the trajectories.
    pub segments: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Readable segments that resumes have moved aside.
    pub superseded: u64,
    /// Hashes of the tokenizers that the segments of the trajectories were made with.
    pub tokenizers: BTreeSet<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Check every run of a store.
pub(crate) fn check(fs: &Arc<dyn FileSystem>, layout: &Layout, runs: &[String], deep: bool) -> Result<CheckReport> {
    let mut checker = Checker {
        fs,
        layout,
        deep,
        report: CheckReport::default(),
    };
    for run in runs {
        checker.check_run(&Inventory::read(fs.as_ref(), layout, run)?)?;
    }
    Ok(checker.report)
}

struct Checker<'a> {
    fs: &'a Arc<dyn FileSystem>,
    layout: &'a Layout,
    deep: bool,
    report: CheckReport,
}

impl Checker<'_> {
    fn check_run(&mut self, inventory: &Inventory) -> Result<()> {
        let run = &inventory.run;
        let live = inventory.live.iter().map(|name| (self.layout.segment(run, name), name));
        for (footer, size) in self.check_segments(inventory, live.collect())? {
            self.report.segments += 1;
            self.report.rows += footer.rows;
            self.report.bytes += size;
            self.report.tokenizers.extend(footer.tokenizer_hash);
        }
        for (attempt, names) in &inventory.superseded {
            let folder = self.layout.superseded_attempt(run, *attempt);
            let aside = names.iter().map(|name| (folder.join(name.to_string()), name));
            self.report.superseded += self.check_segments(inventory, aside.collect())?.len() as u64;
        }
        for file in &inventory.foreign {
            self.add(
                &self.layout.run(run).join(file),
                "no segment's name; readers of the glob may take it for one",
            );
        }
        for line in inventory.lost() {
            let path = self.layout.segment(run, &line.name());
            self.add(
                &path,
                &format!(
                    "lost: the log has it with {} rows (attempt {})",
                    line.rows, line.attempt
                ),
            );
        }
        if inventory.damaged_lines > 0 {
            self.add(
                &self.layout.logs(),
                &format!("run {run}: {} damaged log lines", inventory.damaged_lines),
            );
        }
        Ok(())
    }

    /// Add what stands beside the rows.
    fn add(&mut self, path: &Path, what: &str) {
        self.push(path, what, false);
    }

    /// Add what is wrong with the rows.
    fn add_damage(&mut self, path: &Path, what: &str) {
        self.push(path, what, true);
    }

    fn push(&mut self, path: &Path, what: &str, is_damage: bool) {
        self.report.problems.push(Problem {
            path: path.to_owned(),
            what: what.to_owned(),
            is_damage,
        });
    }

    /// Return footers and sizes of the segments that can be read.
    fn check_segments(
        &mut self,
        inventory: &Inventory,
        segments: Vec<(PathBuf, &SegmentName)>,
    ) -> Result<Vec<(Footer, u64)>> {
        let (fs, deep) = (self.fs, self.deep);
        let examine = |(path, name)| examine(fs, inventory, path, name, deep);
        let mut readable = Vec::new();
        for seen in threads::map(segments, threads::available(), examine) {
            let seen = seen?;
            if !seen.is_logged && seen.readable.is_some() && !self.is_being_written(&inventory.run, seen.name)? {
                self.add(&seen.path, "no log line; opening the run for writing adds it");
            }
            for problem in seen.damage {
                self.add_damage(&seen.path, &problem);
            }
            readable.extend(seen.readable);
        }
        Ok(readable)
    }

    /// A living writer may stand between the name and the line.
    fn is_being_written(&self, run: &str, name: &SegmentName) -> Result<bool> {
        let stream = Stream::new(run, &name.writer)?;
        let is_known = list(self.fs.as_ref(), &self.layout.locks())?.contains(&stream.to_string());
        Ok(is_known && try_acquire(self.fs.as_ref(), self.layout, &stream)?.is_none())
    }
}
