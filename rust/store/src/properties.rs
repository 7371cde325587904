//! How each column of a segment is laid out: encoding, compression, statistics, pages.

use arrow_schema::Schema;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{DEFAULT_PAGE_SIZE, EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::schema::{Column, LIST_ELEMENT, Storage, find};

/// Rows of a short page: what tells which rows are wanted is found without decoding a whole column.
const ROWS_PER_PAGE: usize = 64;

/// Rows and bytes of a long page: those of an ordinary step, and a bound on what a reader holds of a longer one.
const ROWS_PER_LONG_PAGE: usize = 512;
const BYTES_PER_LONG_PAGE: usize = 2 << 20;

/// How a column is cut into pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    /// 64 rows.
    Short,
    /// As many as fit: what a response consists of. Pages of 64 rows take 8 % more bytes and a tenth more time, as each is
    /// compressed alone, and readers that ask for a few rows are no faster.
    Long,
}

impl Pages {
    /// Return the pages of a column.
    pub fn of(column: &str) -> Self {
        match column {
            "response" | "response_ids" | "logprobs" | "loss_mask" => Self::Long,
            _ => Self::Short,
        }
    }

    /// Return the rows of a page.
    pub fn rows(self) -> usize {
        match self {
            Self::Short => ROWS_PER_PAGE,
            Self::Long => ROWS_PER_LONG_PAGE,
        }
    }

    /// Return the bytes after which a page ends before it has all its rows.
    pub fn bytes(self) -> usize {
        match self {
            Self::Short => DEFAULT_PAGE_SIZE,
            Self::Long => BYTES_PER_LONG_PAGE,
        }
    }
}

/// Return how the columns with such pages are laid out, of rows in the order of `keys`, at most so many in a row group.
pub(crate) fn properties(
    schema: &Schema,
    keys: &[&str],
    rows_per_group: usize,
    pages: Pages,
) -> Result<WriterPropertiesBuilder> {
    let mut builder = WriterProperties::builder()
        .set_data_page_row_count_limit(pages.rows())
        .set_data_page_size_limit(pages.bytes())
        // The limits are looked at after each batch, and a batch never splits a list.
        .set_write_batch_size(pages.rows())
        .set_max_row_group_row_count(Some(rows_per_group.max(1)))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_sorting_columns(sorting(schema, keys));
    for field in schema.fields() {
        if let Some(column) = find(field.name()) {
            builder = column_properties(builder, field.name(), column)?;
        }
    }
    Ok(builder)
}

fn sorting(schema: &Schema, keys: &[&str]) -> Option<Vec<SortingColumn>> {
    let keys: Option<Vec<usize>> = keys.iter().map(|name| schema.index_of(name).ok()).collect();
    let ascending = |index| {
        let column_idx = i32::try_from(index).ok()?;
        Some(SortingColumn {
            column_idx,
            descending: false,
            nulls_first: false,
        })
    };
    keys?.into_iter().map(ascending).collect()
}

fn column_properties(builder: WriterPropertiesBuilder, name: &str, column: Column) -> Result<WriterPropertiesBuilder> {
    let mut parts = vec![name.to_owned()];
    if column.kind.is_list() {
        parts.extend(["list".to_owned(), LIST_ELEMENT.to_owned()]);
    }
    let path = ColumnPath::new(parts);
    let builder = if column.kind.is_scalar() {
        // Numbers hardly shrink further, and a compressor for each column takes longer than its values.
        builder
            .set_column_statistics_enabled(path.clone(), EnabledStatistics::Page)
            .set_column_compression(path.clone(), Compression::UNCOMPRESSED)
    } else {
        builder
    };
    let builder = builder.set_column_dictionary_enabled(path.clone(), column.storage == Storage::Dictionary);
    Ok(match column.storage {
        Storage::Dictionary => builder,
        Storage::Delta => builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
        Storage::Split => builder.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
        Storage::Plain => builder
            .set_column_encoding(path.clone(), Encoding::PLAIN)
            .set_column_compression(path, Compression::ZSTD(ZstdLevel::try_new(3)?)),
    })
}
