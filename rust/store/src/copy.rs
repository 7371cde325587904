//! The segments of a run copied into files of many steps, stream by stream and batch by batch.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::SchemaRef;

use crate::compact::Compaction;
use crate::encode::{Footer, Provenance};
use crate::error::{Result, StoreError};
use crate::examine::line_of;
use crate::fs::{FileSystem, ensure_dir, sync_dir};
use crate::groups::{GroupWriter, ROWS_PER_GROUP};
use crate::inventory::Inventory;
use crate::layout::{Layout, SegmentName, Stream};
use crate::log::{Log, LogLine};
use crate::prune::phase_of;
use crate::scan::Scan;
use crate::segment::footer;
use crate::staging::Staging;

/// Steps of a file; files begin at its multiples, so that those of all writers hold the same steps.
const STEPS_PER_FILE: i32 = 64;

/// What the rows of one file have in common.
#[derive(PartialEq, Eq)]
struct Kind {
    window: i32,
    attempt: i16,
    phase: Option<String>,
    provenance: Provenance,
    schema: SchemaRef,
}

/// A file that is being written.
struct Output {
    kind: Kind,
    stream: Stream,
    path: PathBuf,
    first: i32,
    last: i32,
    writer: GroupWriter<Staging>,
}

/// A store on its way into a new one.
pub(crate) struct Copy<'a> {
    pub fs: &'a Arc<dyn FileSystem>,
    pub from: &'a Layout,
    pub to: &'a Layout,
    pub compaction: Compaction,
}

impl Copy<'_> {
    /// Copy the trajectory of one run.
    pub fn run(&mut self, inventory: &Inventory) -> Result<()> {
        self.compaction.lost += inventory.lost().len() as u64;
        for (attempt, names) in &inventory.superseded {
            for name in names {
                let path = self
                    .from
                    .superseded_attempt(&inventory.run, *attempt)
                    .join(name.to_string());
                self.compaction.superseded_segments += 1;
                let footer = footer(self.fs.as_ref(), &path, &inventory.run, name);
                self.compaction.superseded_rows += footer.map_or(0, |footer| footer.rows);
            }
        }
        if inventory.live.is_empty() {
            return Ok(());
        }
        ensure_dir(self.fs.as_ref(), &self.to.run(&inventory.run))?;
        let mut names: Vec<&SegmentName> = inventory.live.iter().collect();
        names.sort_by_key(|name| (&name.writer, name.step));
        for stream in names.chunk_by(|one, next| one.writer == next.writer) {
            self.stream(inventory, stream)?;
        }
        sync_dir(self.fs.as_ref(), &self.to.run(&inventory.run))
    }

    fn stream(&mut self, inventory: &Inventory, names: &[&SegmentName]) -> Result<()> {
        let mut output: Option<Output> = None;
        for name in names {
            let (segment, footer) = self.open(inventory, name)?;
            let kind = Kind {
                window: name.step / STEPS_PER_FILE,
                attempt: footer.attempt,
                phase: phase_of(self.fs, &self.from.segment(&inventory.run, name))?,
                provenance: segment.provenance(),
                schema: segment.schema(),
            };
            let mut file = match output.take() {
                Some(file) if file.kind == kind => file,
                earlier => {
                    self.finish(earlier)?;
                    self.begin(kind, footer.stream, name.step)?
                }
            };
            file.last = name.last_step.unwrap_or(name.step);
            for rows in segment.batches(ROWS_PER_GROUP)? {
                file.writer.push(rows?).map_err(encoder(name.step))?;
            }
            output = Some(file);
        }
        self.finish(output)
    }

    /// Open a segment after making sure that it is the one that was written.
    fn open(&mut self, inventory: &Inventory, name: &SegmentName) -> Result<(Scan, Footer)> {
        let path = self.from.segment(&inventory.run, name);
        let footer = footer(self.fs.as_ref(), &path, &inventory.run, name)?;
        let segment = Scan::open(self.fs, &path)?;
        let bytes = self.fs.size(&path).map_err(StoreError::io("read", &path))?;
        let line = line_of(inventory, name, &footer, bytes);
        if line.is_some() && line.map(|line| &line.xxh3_128) != Some(&segment.hash()?) {
            return Err(StoreError::Damaged {
                path,
                problem: "its bytes are not those that were written".to_owned(),
                others: 0,
            });
        }
        self.compaction.segments_before += 1;
        self.compaction.bytes_before += bytes;
        Ok((segment, footer))
    }

    fn begin(&self, kind: Kind, stream: Stream, step: i32) -> Result<Output> {
        let path = self.to.temporary(&stream, std::process::id(), 1);
        let staging = Staging::create(self.fs.as_ref(), &path)?;
        Ok(Output {
            writer: GroupWriter::new(staging, &kind.schema).map_err(encoder(step))?,
            kind,
            stream,
            path,
            first: step,
            last: step,
        })
    }

    fn finish(&mut self, output: Option<Output>) -> Result<()> {
        let Some(file) = output else {
            return Ok(());
        };
        let name = SegmentName {
            step: file.first,
            writer: file.stream.writer.clone(),
            last_step: Some(file.last),
        };
        let footer = Footer {
            attempt: file.kind.attempt,
            step: file.first,
            last_step: name.last_step,
            rows: 0,
            content: 0,
            rewards: rewards(&file.kind.schema),
            tokenizer_hash: file.kind.provenance.tokenizer_hash.clone(),
            stream: file.stream.clone(),
        };
        let finished = file.writer.finish(footer, &file.kind.provenance);
        let (footer, staging) = finished.map_err(encoder(file.first))?;
        let staged = staging.finish()?;
        let renamed = self
            .fs
            .rename_new(&file.path, &self.to.segment(&file.stream.run, &name));
        renamed.map_err(StoreError::io("rename", &file.path))?;
        self.compaction.segments_after += 1;
        self.compaction.rows += footer.rows;
        self.compaction.bytes_after += staged.bytes;
        let line = LogLine::of(&footer, staged.bytes, staged.hash);
        Log::open(self.fs.as_ref(), self.to, &file.stream)?.add(&line)
    }
}

fn rewards(schema: &SchemaRef) -> Vec<String> {
    let names = schema.fields().iter().map(|field| field.name());
    names.filter(|name| crate::schema::is_reward(name)).cloned().collect()
}

fn encoder(step: i32) -> impl Fn(parquet::errors::ParquetError) -> StoreError {
    move |source| StoreError::Encode { step, source }
}
