//! Reading a segment's rows batch by batch, and single columns without the others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;

use crate::decoding::caught;
use crate::encode::{Provenance, provenance};
use crate::error::{Result, StoreError};
use crate::fs::FileSystem;
use crate::ranges::Ranges;
use crate::schema::{Kind, LogprobDtype, find};

/// A segment open for reading.
pub(crate) struct Scan {
    path: PathBuf,
    source: Ranges,
    metadata: ArrowReaderMetadata,
}

impl Scan {
    /// Open a segment whose footer was found to be ours.
    pub fn open(fs: &Arc<dyn FileSystem>, path: &Path) -> Result<Self> {
        let source = Ranges::open(fs, path).map_err(StoreError::io("read", path))?;
        // The types come from Parquet's own schema: that of Arrow stands unchecked in the footer.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = decoded(path, || ArrowReaderMetadata::load(&source, options))?;
        Ok(Self {
            path: path.to_owned(),
            source,
            metadata,
        })
    }

    /// Return the hash of the file as the log writes it.
    pub fn hash(&self) -> Result<String> {
        self.source.hash().map_err(StoreError::io("read", &self.path))
    }

    /// Return what the footer says of the segment's origin.
    pub fn provenance(&self) -> Provenance {
        provenance(self.metadata.metadata().file_metadata())
    }

    /// Return the columns with their types of schema v1.
    pub fn schema(&self) -> SchemaRef {
        typed(self.metadata.schema())
    }

    /// Return the number of rows.
    pub fn rows(&self) -> usize {
        usize::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Return the bytes that some columns take.
    pub fn bytes_of(&self, columns: &[String]) -> u64 {
        let groups = self.metadata.metadata().row_groups();
        let chunks = groups.iter().flat_map(RowGroupMetaData::columns);
        let is_meant = |root: &str| columns.iter().any(|name| name == root);
        chunks
            .filter(|chunk| chunk.column_path().parts().first().is_some_and(|root| is_meant(root)))
            .map(|chunk| u64::try_from(chunk.compressed_size()).unwrap_or(0))
            .sum()
    }

    /// Yield all columns, so many rows at a time.
    pub fn batches(&self, rows: usize) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
        self.read(ProjectionMask::all(), rows)
    }

    /// Yield one column of the segment, if it has it.
    pub fn column(&self, name: &str, rows: usize) -> Result<impl Iterator<Item = Result<ArrayRef>>> {
        let parquet = self.metadata.parquet_schema();
        let batches = self.read(ProjectionMask::columns(parquet, [name]), rows)?;
        Ok(batches.filter_map(|batch| batch.map(|batch| batch.columns().first().cloned()).transpose()))
    }

    fn read(&self, columns: ProjectionMask, rows: usize) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.source.clone(), self.metadata.clone());
        let builder = builder.with_projection(columns).with_batch_size(rows.max(1));
        let mut reader = decoded(&self.path, || builder.build())?;
        let path = self.path.clone();
        Ok(std::iter::from_fn(move || {
            let next = decoded(&path, || {
                let batch = reader.next().transpose()?;
                batch.map(|batch| with_types(&batch)).transpose()
            });
            next.transpose()
        }))
    }
}

fn decoded<T, E: Into<ParquetError>>(path: &Path, decode: impl FnOnce() -> Result<T, E>) -> Result<T> {
    let wrong = |problem: String| StoreError::Segment {
        path: path.to_owned(),
        problem: format!("cannot be decoded ({problem})"),
    };
    match caught(decode) {
        Some(read) => read.map_err(|error| wrong(error.into().to_string())),
        None => Err(wrong("the decoder panicked".to_owned())),
    }
}

fn with_types(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = typed(batch.schema_ref());
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| arrow_cast::cast(column, field.data_type()));
    RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)
}

/// Return the types of schema v1; a column that this version does not know keeps its own.
fn typed(read: &Schema) -> SchemaRef {
    let fields = read.fields().iter().map(|field| {
        let Some(column) = find(field.name()) else {
            return field.as_ref().clone();
        };
        let is_half = matches!(field.data_type(), DataType::List(values) if *values.data_type() == DataType::Float16);
        let width = if column.kind == Kind::Logprobs && is_half {
            LogprobDtype::Float16
        } else {
            LogprobDtype::Float32
        };
        Field::new(field.name(), column.kind.data_type(width), column.nullable)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
