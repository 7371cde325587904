//! Rows of schema v1 encoded as one Parquet segment in memory, and its footer read back.

use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::content::content_hash;
use crate::layout::Stream;
use crate::schema::{Column, LIST_ELEMENT, SCHEMA_VERSION, Storage, find};

/// Rows a page: one group is read without decoding its neighbours' responses.
const ROWS_PER_PAGE: usize = 64;

/// Enough for the footer of a segment; a longer one is read in a second go.
pub(crate) const FOOTER_GUESS: u64 = 64 * 1024;

/// Hashes that a run records in each segment, so that rows can be traced to what made them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Hash of the resolved configuration.
    pub config_hash: Option<String>,
    /// Hash of the tokenizer.
    pub tokenizer_hash: Option<String>,
    /// Hash of the chat template.
    pub template_hash: Option<String>,
}

/// What a segment says about itself in its footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    /// Run and writer.
    pub stream: Stream,
    /// Attempt, from 1.
    pub attempt: i16,
    /// Step of the optimizer.
    pub step: i32,
    /// Number of rows.
    pub rows: u64,
    /// Hash over the values of the rows.
    pub content: u128,
    /// Names of the `reward_<name>` columns.
    pub rewards: Vec<String>,
    /// Hash of the tokenizer, where it was given.
    pub tokenizer_hash: Option<String>,
}

/// A footer of another version of the schema than this one reads.
#[derive(Debug, thiserror::Error)]
#[error("schema version {0}")]
pub(crate) struct OtherVersion(pub u32);

/// A segment ready to be committed.
#[derive(Debug)]
pub struct Encoded {
    /// The same as the file's footer.
    pub footer: Footer,
    /// The whole file.
    pub bytes: Vec<u8>,
}

/// Encode conformed rows of one stream, attempt and step.
pub fn encode(
    rows: &RecordBatch,
    stream: &Stream,
    attempt: i16,
    step: i32,
    provenance: &Provenance,
) -> Result<Encoded> {
    let content = content_hash(rows)?;
    let names = rows.schema_ref().fields().iter().map(|field| field.name());
    let rewards = names.filter(|name| crate::schema::is_reward(name)).cloned().collect();
    let footer = Footer {
        stream: stream.clone(),
        attempt,
        step,
        rows: rows.num_rows() as u64,
        content,
        rewards,
        tokenizer_hash: provenance.tokenizer_hash.clone(),
    };
    let properties = properties(rows, key_values(&footer, provenance))?;
    let mut writer = ArrowWriter::try_new(Vec::with_capacity(4 << 20), rows.schema(), Some(properties))?;
    writer.write(rows)?;
    Ok(Encoded {
        footer,
        bytes: writer.into_inner()?,
    })
}

fn key_values(footer: &Footer, provenance: &Provenance) -> Vec<KeyValue> {
    let own = [
        ("schema_version", Some(SCHEMA_VERSION.to_string())),
        ("run_id", Some(footer.stream.run.clone())),
        ("attempt", Some(footer.attempt.to_string())),
        ("step", Some(footer.step.to_string())),
        ("writer", Some(footer.stream.writer.clone())),
        ("rows", Some(footer.rows.to_string())),
        ("content_xxh3_128", Some(format!("{:032x}", footer.content))),
        ("config_hash", provenance.config_hash.clone()),
        ("tokenizer_hash", provenance.tokenizer_hash.clone()),
        ("template_hash", provenance.template_hash.clone()),
        ("version", Some(env!("CARGO_PKG_VERSION").to_owned())),
    ];
    let given = own
        .into_iter()
        .filter_map(|(key, value)| value.map(|value| (key, value)));
    given
        .map(|(key, value)| KeyValue::new(format!("twogrpo.{key}"), value))
        .collect()
}

fn properties(rows: &RecordBatch, metadata: Vec<KeyValue>) -> Result<WriterProperties> {
    let mut builder = WriterProperties::builder()
        .set_key_value_metadata(Some(metadata))
        .set_max_row_group_row_count(Some(rows.num_rows().max(1)))
        .set_data_page_row_count_limit(ROWS_PER_PAGE)
        // The page limit is looked at after each batch, and a batch never splits a list.
        .set_write_batch_size(ROWS_PER_PAGE)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_sorting_columns(sorting(rows));
    for field in rows.schema_ref().fields() {
        if let Some(column) = find(field.name()) {
            builder = column_properties(builder, field.name(), column)?;
        }
    }
    Ok(builder.build())
}

fn sorting(rows: &RecordBatch) -> Option<Vec<SortingColumn>> {
    let keys = ["group_id", "rollout_idx"].map(|name| rows.schema_ref().index_of(name).ok());
    let keys: Option<Vec<usize>> = keys.into_iter().collect();
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
    let statistics = if column.kind.is_scalar() {
        EnabledStatistics::Page
    } else {
        EnabledStatistics::None
    };
    let builder = builder
        .set_column_statistics_enabled(path.clone(), statistics)
        .set_column_dictionary_enabled(path.clone(), column.storage == Storage::Dictionary);
    Ok(match column.storage {
        Storage::Dictionary => builder,
        Storage::Delta => builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
        Storage::Split => builder.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
        Storage::Plain => builder
            .set_column_encoding(path.clone(), Encoding::PLAIN)
            .set_column_compression(path, Compression::ZSTD(ZstdLevel::try_new(3)?)),
    })
}

/// Read a footer from the last bytes of a segment of `size` bytes.
///
/// # Errors
/// [`ParquetError::NeedMoreData`] if `tail` does not hold the whole footer, one that wraps [`OtherVersion`] if another
/// version of the schema wrote it, another one if it is no footer of ours.
pub(crate) fn read_footer(tail: Vec<u8>, size: u64) -> Result<Footer> {
    let mut reader = ParquetMetaDataReader::new();
    reader.try_parse_sized(&Bytes::from(tail), size)?;
    let metadata = reader.finish()?;
    let file = metadata.file_metadata();
    let given = |key: &str| -> Option<&str> {
        let pairs = file.key_value_metadata()?;
        let pair = pairs
            .iter()
            .find(|pair| pair.key.strip_prefix("twogrpo.") == Some(key))?;
        pair.value.as_deref()
    };
    let value = |key: &str| given(key).ok_or_else(|| bad(&format!("footer key twogrpo.{key} is missing")));
    let version = number("schema_version", value("schema_version")?)?;
    if version != SCHEMA_VERSION {
        return Err(ParquetError::External(Box::new(OtherVersion(version))));
    }
    let rows: u64 = number("rows", value("rows")?)?;
    if u64::try_from(file.num_rows()).ok() != Some(rows) {
        return Err(bad(&format!(
            "the footer says {rows} rows, the row groups hold {}",
            file.num_rows()
        )));
    }
    let columns = file.schema_descr().root_schema().get_fields();
    Ok(Footer {
        stream: Stream::new(value("run_id")?, value("writer")?).map_err(|error| bad(&error.to_string()))?,
        attempt: number("attempt", value("attempt")?)?,
        step: number("step", value("step")?)?,
        rows,
        content: u128::from_str_radix(value("content_xxh3_128")?, 16).map_err(|error| bad(&error.to_string()))?,
        rewards: columns
            .iter()
            .map(|c| c.name().to_owned())
            .filter(|n| crate::schema::is_reward(n))
            .collect(),
        tokenizer_hash: given("tokenizer_hash").map(str::to_owned),
    })
}

fn number<T: std::str::FromStr>(key: &str, text: &str) -> Result<T> {
    text.parse()
        .map_err(|_| bad(&format!("footer key twogrpo.{key} holds {text:?}, expected a number")))
}

fn bad(problem: &str) -> ParquetError {
    ParquetError::General(problem.to_owned())
}
