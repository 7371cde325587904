//! Row groups encoded column by column on two threads, so that what is appended is on the disk sooner.

use std::cmp::Reverse;
use std::io::{Write, sink};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, FieldRef, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterPropertiesBuilder;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;

use crate::properties::{Pages, properties};
use crate::threads;
use crate::tokens::{self, TokenChunk};

/// One for tokens and text, one for log-probabilities and the rest: more would wait for these.
const THREADS: usize = 2;

/// Rows that a column is fed at once: the levels of their tokens fit into the processor's cache.
const ROWS_AT_ONCE: usize = 64;

/// A segment that is being written, one row group at a time.
pub(crate) struct ColumnsWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    factories: Vec<Factory>,
}

/// Makes the encoders of the columns that have one kind of pages.
struct Factory {
    /// Where they stand in the file.
    places: Vec<usize>,
    encoders: ArrowRowGroupWriterFactory,
}

/// One column to encode.
struct Task {
    place: usize,
    field: FieldRef,
    leaf: ColumnDescPtr,
    column: ArrayRef,
    encoder: ArrowColumnWriter,
}

/// A column that is encoded.
struct Encoded {
    place: usize,
    chunk: Chunk,
}

enum Chunk {
    Values(ArrowColumnChunk),
    Tokens(TokenChunk),
}

impl<W: Write + Send> ColumnsWriter<W> {
    /// Write rows of this schema that stand in the order of `keys`, at most so many in a row group.
    pub fn new(sink: W, schema: &SchemaRef, keys: &[&str], rows_per_group: usize) -> Result<Self> {
        let laid_out = |pages| properties(schema, keys, rows_per_group, pages);
        let (file, _) = open(sink, schema, laid_out(Pages::Short)?)?;
        let mut factories = Vec::new();
        for pages in [Pages::Short, Pages::Long] {
            factories.push(Factory::new(schema, pages, laid_out(pages)?)?);
        }
        Ok(Self { file, factories })
    }

    /// Encode rows as the next row group.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let mut tasks = self.tasks(rows)?;
        // The largest first, so that neither thread ends long before the other.
        tasks.sort_by_key(|task| Reverse(task.column.get_buffer_memory_size()));
        let chunks = threads::map(tasks, THREADS, Task::encode).into_iter();
        let mut chunks = chunks.collect::<Result<Vec<_>>>()?;
        chunks.sort_unstable_by_key(|chunk| chunk.place);
        let mut group = self.file.next_row_group()?;
        for Encoded { chunk, .. } in chunks {
            match chunk {
                Chunk::Values(chunk) => chunk.append_to_row_group(&mut group)?,
                Chunk::Tokens(chunk) => group.append_column(&chunk.bytes, chunk.close)?,
            }
        }
        group.close()?;
        Ok(())
    }

    fn tasks(&self, rows: &RecordBatch) -> Result<Vec<Task>> {
        let group = self.file.flushed_row_groups().len();
        let mut tasks = Vec::with_capacity(rows.num_columns());
        for Factory { places, encoders } in &self.factories {
            for (place, encoder) in places.iter().zip(encoders.create_column_writers(group)?) {
                tasks.push(Task {
                    place: *place,
                    field: Arc::new(rows.schema_ref().field(*place).clone()),
                    leaf: self.file.schema_descr().column(*place),
                    column: Arc::clone(rows.column(*place)),
                    encoder,
                });
            }
        }
        Ok(tasks)
    }

    /// Add an entry to the footer.
    pub fn append_key_value_metadata(&mut self, entry: KeyValue) {
        self.file.append_key_value_metadata(entry);
    }

    /// Write the footer and return what was written to.
    pub fn into_inner(self) -> Result<W> {
        self.file.into_inner()
    }
}

impl Factory {
    fn new(schema: &SchemaRef, pages: Pages, properties: WriterPropertiesBuilder) -> Result<Self> {
        let fields = schema.fields().iter().enumerate();
        let places: Vec<usize> = fields
            .filter(|(_, field)| Pages::of(field.name()) == pages)
            .map(|(place, _)| place)
            .collect();
        let columns = Arc::new(schema.project(&places)?);
        // Limits of pages hold for a whole file; this one lends its encoders and is never written.
        let (_, encoders) = open(sink(), &columns, properties.set_sorting_columns(None))?;
        Ok(Self { places, encoders })
    }
}

fn open<W: Write + Send>(
    sink: W,
    schema: &SchemaRef,
    properties: WriterPropertiesBuilder,
) -> Result<(SerializedFileWriter<W>, ArrowRowGroupWriterFactory)> {
    ArrowWriter::try_new(sink, Arc::clone(schema), Some(properties.build()))?.into_serialized_writer()
}

impl Task {
    fn encode(self) -> Result<Encoded> {
        let place = self.place;
        let chunk = match self.encode_tokens()? {
            Some(chunk) => Chunk::Tokens(chunk),
            None => Chunk::Values(self.encode_values()?),
        };
        Ok(Encoded { place, chunk })
    }

    fn encode_tokens(&self) -> Result<Option<TokenChunk>> {
        match self.column.as_list_opt::<i32>() {
            Some(lists) if lists.value_type() == DataType::Int32 => {
                tokens::encode(lists, &self.leaf, Pages::of(self.field.name()))
            }
            _ => Ok(None),
        }
    }

    fn encode_values(mut self) -> Result<ArrowColumnChunk> {
        let rows = self.column.len();
        for first in (0..rows).step_by(ROWS_AT_ONCE) {
            let part = self.column.slice(first, ROWS_AT_ONCE.min(rows - first));
            // A list of scalars has one leaf, as every other column of the schema.
            for leaf in compute_leaves(&self.field, &part)? {
                self.encoder.write(&leaf)?;
            }
        }
        self.encoder.close()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use arrow_array::{Float32Array, Int64Array, LargeStringArray};
    use bytes::Bytes;
    use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

    use super::*;

    fn segment(rows: usize, response: &str) -> ParquetMetaData {
        let columns: [(&str, ArrayRef); 3] = [
            ("group_id", Arc::new(Int64Array::from_iter_values((0i64..).take(rows)))),
            ("response", Arc::new(LargeStringArray::from(vec![response; rows]))),
            ("reward", Arc::new(Float32Array::from(vec![1.0; rows]))),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ColumnsWriter::new(Vec::new(), rows.schema_ref(), &["group_id"], rows.num_rows()).unwrap();
        writer.write(&rows).unwrap();
        let bytes = Bytes::from(writer.into_inner().unwrap());
        let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
        reader.try_parse(&bytes).unwrap();
        reader.finish().unwrap()
    }

    fn pages(metadata: &ParquetMetaData, column: usize) -> usize {
        metadata.offset_index().unwrap()[0][column].page_locations().len()
    }

    #[test]
    fn columns_stand_in_the_order_of_the_schema() {
        let metadata = segment(10, "text");
        let columns = metadata.row_group(0).columns().iter();
        let names: Vec<String> = columns.map(|column| column.column_path().string()).collect();
        assert_eq!(names, ["group_id", "response", "reward"]);
    }

    #[test]
    fn a_page_of_short_values_has_64_rows() {
        assert_eq!(pages(&segment(512, "text"), 2), 8);
    }

    #[test]
    fn the_responses_of_an_ordinary_step_stand_in_one_page() {
        assert_eq!(pages(&segment(512, "text"), 1), 1);
    }

    #[test]
    fn a_page_of_long_responses_is_bounded() {
        let bytes_per_row = "text ".repeat(20_000);
        assert_eq!(pages(&segment(512, &bytes_per_row), 1), 25);
    }

    #[test]
    fn only_numbers_have_statistics() {
        let metadata = segment(10, "text");
        let columns = metadata.row_group(0).columns().iter();
        let has: Vec<bool> = columns.map(|column| column.statistics().is_some()).collect();
        assert_eq!(has, [true, false, true]);
    }
}
