//! Freeing disk, and removing a prompt: which segments go, and which lose rows or columns.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;

use crate::change::{Place, SegmentChange};
use crate::edit::Edit;
use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, list, sync_dir};
use crate::maintain::OpenRun;
use crate::scan::Scan;
use crate::store::Store;

/// What `prune` takes.
#[derive(Clone, Debug, Default)]
pub struct Pruning {
    /// Everything that resumes have moved aside.
    pub superseded: bool,
    /// Everything in the quarantine.
    pub quarantine: bool,
    /// Only segments all of whose steps are before this one.
    pub steps_before: Option<i32>,
    /// Only segments of this phase.
    pub phase: Option<String>,
    /// Values of these columns go, instead of whole segments.
    pub columns: Vec<String>,
}

impl Store {
    /// Remove what was chosen and return what was done, segment by segment; in a dry run only say so.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while a writer lives, [`StoreError::Damaged`] for a segment that cannot be rewritten.
    pub fn prune(&self, chosen: &Pruning, is_dry_run: bool) -> Result<Vec<SegmentChange>> {
        let columns = Edit::of_columns(&chosen.columns)?;
        let mut changes = Vec::new();
        for run in self.runs()? {
            let mut run = self.open_run(&run, is_dry_run)?;
            if chosen.superseded {
                for place in run.superseded() {
                    changes.push(run.remove(&place)?);
                }
            }
            for place in run.live() {
                if !self.is_chosen(chosen, &place)? {
                    continue;
                }
                if chosen.columns.is_empty() {
                    changes.push(run.remove(&place)?);
                } else {
                    changes.extend(run.rewrite(&place, &columns)?);
                }
            }
        }
        if chosen.quarantine {
            changes.extend(empty(self.fs().as_ref(), &self.layout().quarantine(), is_dry_run)?);
        }
        Ok(changes)
    }

    /// Remove every rollout of some prompts, superseded ones included, and return what was done.
    ///
    /// # Errors
    /// As [`Store::prune`].
    pub fn purge(&self, prompt_ids: &[String], is_dry_run: bool) -> Result<Vec<SegmentChange>> {
        let prompts = Edit::of_prompts(prompt_ids);
        let mut changes = Vec::new();
        for run in self.runs()? {
            let mut run = self.open_run(&run, is_dry_run)?;
            for place in run.live().iter().chain(&run.superseded()) {
                changes.extend(run.rewrite(place, &prompts)?);
            }
        }
        Ok(changes)
    }

    fn open_run(&self, run: &str, is_dry_run: bool) -> Result<OpenRun> {
        if is_dry_run {
            OpenRun::look(self.fs(), self.layout(), run)
        } else {
            OpenRun::lock(self.fs(), self.layout(), run)
        }
    }

    fn is_chosen(&self, chosen: &Pruning, place: &Place) -> Result<bool> {
        let Pruning {
            steps_before,
            phase,
            columns,
            ..
        } = chosen;
        if steps_before.is_none() && phase.is_none() {
            return Ok(!columns.is_empty());
        }
        let last = place.name.last_step.unwrap_or(place.name.step);
        if steps_before.is_some_and(|step| last >= step) {
            return Ok(false);
        }
        match phase {
            None => Ok(true),
            Some(phase) => Ok(phase_of(self.fs(), &place.path())?.as_ref() == Some(phase)),
        }
    }
}

/// Return the phase of a segment, which all of its rows share.
pub(crate) fn phase_of(fs: &Arc<dyn FileSystem>, path: &Path) -> Result<Option<String>> {
    let segment = Scan::open(fs, path)?;
    let first = segment.column("phase", 1)?.next().transpose()?;
    Ok(first.and_then(|phases| {
        let phases = phases.as_string::<i32>();
        (!phases.is_empty()).then(|| phases.value(0).to_owned())
    }))
}

/// Remove every file of a folder.
fn empty(fs: &dyn FileSystem, folder: &Path, is_dry_run: bool) -> Result<Vec<SegmentChange>> {
    let mut changes = Vec::new();
    let paths: Vec<PathBuf> = list(fs, folder)?.iter().map(|file| folder.join(file)).collect();
    for path in &paths {
        let bytes_before = fs.size(path).map_err(StoreError::io("read", path))?;
        if !is_dry_run {
            fs.remove(path).map_err(StoreError::io("remove", path))?;
        }
        changes.push(SegmentChange {
            path: path.clone(),
            rows_before: 0,
            rows_after: 0,
            bytes_before,
            bytes_after: 0,
        });
    }
    if !is_dry_run && !paths.is_empty() {
        sync_dir(fs, folder)?;
    }
    Ok(changes)
}
