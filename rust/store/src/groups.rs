//! Segments of many row groups, written one group at a time, so that no more than a group is in memory.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use parquet::errors::Result;

use crate::columns::ColumnsWriter;
use crate::content::{GroupsContent, content_hash};
use crate::encode::{Footer, Provenance, key_values};

/// Rows of a row group where a segment has several.
pub(crate) const ROWS_PER_GROUP: usize = 2048;

const KEYS: [&str; 3] = ["step", "group_id", "rollout_idx"];

/// A segment that is being written; rows come in the order of step, group and member.
pub(crate) struct GroupWriter<W: Write + Send> {
    writer: ColumnsWriter<W>,
    schema: SchemaRef,
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    content: GroupsContent,
    rows: u64,
}

impl<W: Write + Send> GroupWriter<W> {
    /// Write rows of this schema.
    pub fn new(sink: W, schema: &SchemaRef) -> Result<Self> {
        Ok(Self {
            writer: ColumnsWriter::new(sink, schema, &KEYS, ROWS_PER_GROUP)?,
            schema: Arc::clone(schema),
            waiting: Vec::new(),
            waiting_rows: 0,
            content: GroupsContent::default(),
            rows: 0,
        })
    }

    /// Add rows, and write a group when it is full.
    pub fn push(&mut self, mut rows: RecordBatch) -> Result<()> {
        while self.waiting_rows + rows.num_rows() >= ROWS_PER_GROUP {
            let taken = ROWS_PER_GROUP - self.waiting_rows;
            self.waiting.push(rows.slice(0, taken));
            rows = rows.slice(taken, rows.num_rows() - taken);
            self.write_group()?;
        }
        if rows.num_rows() > 0 {
            self.waiting_rows += rows.num_rows();
            self.waiting.push(rows);
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let group = concat_batches(&self.schema, &self.waiting)?;
        self.waiting.clear();
        self.waiting_rows = 0;
        self.rows += group.num_rows() as u64;
        self.content.add(content_hash(&group)?);
        self.writer.write(&group)
    }

    /// Write what is left and the footer, whose rows and content are filled in; return both.
    pub fn finish(mut self, footer: Footer, provenance: &Provenance) -> Result<(Footer, W)> {
        if self.waiting_rows > 0 {
            self.write_group()?;
        }
        let footer = Footer {
            rows: self.rows,
            content: self.content.hash(),
            ..footer
        };
        for entry in key_values(&footer, provenance) {
            self.writer.append_key_value_metadata(entry);
        }
        Ok((footer, self.writer.into_inner()?))
    }
}
