//! Repairing what no opening for writing does: the marker, every run at once, and damage that only a full read shows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::check::check;
use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, ensure_dir};
use crate::layout::{Layout, SegmentName, Stream, run_of_folder};
use crate::lock::try_acquire;
use crate::marker;
use crate::quarantine::set_aside;
use crate::recover::{Recovery, recover_run};
use crate::segment::footer;
use crate::store::runs;

/// Repair every run of a store whose writers are dead; `deep` reads every byte.
pub(crate) fn repair(fs: &Arc<dyn FileSystem>, layout: &Layout, deep: bool) -> Result<Recovery> {
    let mut recovery = Recovery {
        rewrote_marker: marker::repair(fs.as_ref(), layout)?,
        ..Recovery::default()
    };
    for folder in [layout.logs(), layout.locks(), layout.temporaries()] {
        ensure_dir(fs.as_ref(), &folder)?;
    }
    let runs = runs(fs.as_ref(), layout)?;
    for run in &runs {
        recovery.add(recover_run(fs, layout, run, None)?.1);
    }
    if deep {
        let problems = check(fs, layout, &runs, true)?.problems;
        let damaged: BTreeSet<PathBuf> = problems.into_iter().filter(|p| p.is_damage).map(|p| p.path).collect();
        for path in &damaged {
            quarantine(fs.as_ref(), layout, path, &mut recovery)?;
        }
    }
    recovery.skipped.sort();
    recovery.skipped.dedup();
    Ok(recovery)
}

/// Move a damaged segment out of the readers' sight, unless its writer lives.
fn quarantine(fs: &dyn FileSystem, layout: &Layout, path: &Path, recovery: &mut Recovery) -> Result<()> {
    let Some((stream, name)) = place_of(layout, path) else {
        return Ok(());
    };
    let Some(_lock) = try_acquire(fs, layout, &stream)? else {
        recovery.skipped.push(stream.to_string());
        return Ok(());
    };
    // Another version of the schema is no damage.
    if matches!(footer(fs, path, &stream.run, &name), Err(StoreError::Schema { .. })) {
        return Ok(());
    }
    set_aside(fs, layout, path)?;
    let shown = path.strip_prefix(layout.root()).unwrap_or(path);
    recovery.quarantined.push(format!(
        "{}: its bytes are not those that were written",
        shown.display()
    ));
    Ok(())
}

/// Return whose segment a path of the store is.
fn place_of(layout: &Layout, path: &Path) -> Option<(Stream, SegmentName)> {
    let mut folders = path.strip_prefix(layout.root()).ok()?.iter();
    let run = folders.find_map(|folder| run_of_folder(folder.to_str()?))?;
    let name = SegmentName::parse(path.file_name()?.to_str()?)?;
    Some((Stream::new(run, &name.writer).ok()?, name))
}
