//! Rows of schema v1 encoded as one Parquet segment in memory, and its footer read back.

use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{FileMetaData, KeyValue, ParquetMetaDataReader};

use crate::columns::ColumnsWriter;
use crate::content::content_hash;
use crate::decoding::caught;
use crate::layout::Stream;
use crate::schema::SCHEMA_VERSION;

/// Enough for the footer of a segment; a longer one is read in a second go.
pub(crate) const FOOTER_GUESS: u64 = 64 * 1024;

/// Room for a large segment. What is not touched costs nothing, and glibc takes the largest block that was freed as the
/// measure of what to give back: with this one it keeps the encoders' memory for the next append, a fifth of its time.
const ROOM: usize = 16 << 20;

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
    /// Step of the optimizer, of a segment of several the first.
    pub step: i32,
    /// The last step of a segment of several.
    pub last_step: Option<i32>,
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
        last_step: None,
        rows: rows.num_rows() as u64,
        content,
        rewards,
        tokenizer_hash: provenance.tokenizer_hash.clone(),
    };
    let keys = ["group_id", "rollout_idx"];
    let mut writer = ColumnsWriter::new(Vec::with_capacity(ROOM), rows.schema_ref(), &keys, rows.num_rows())?;
    writer.write(rows)?;
    for entry in key_values(&footer, provenance) {
        writer.append_key_value_metadata(entry);
    }
    Ok(Encoded {
        footer,
        bytes: writer.into_inner()?,
    })
}

/// Return the entries of a segment's footer.
pub(crate) fn key_values(footer: &Footer, provenance: &Provenance) -> Vec<KeyValue> {
    let own = [
        ("schema_version", Some(SCHEMA_VERSION.to_string())),
        ("run_id", Some(footer.stream.run.clone())),
        ("attempt", Some(footer.attempt.to_string())),
        ("step", Some(footer.step.to_string())),
        ("last_step", footer.last_step.map(|step| step.to_string())),
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

/// Return what a footer's entries say of the segment's origin.
pub(crate) fn provenance(file: &FileMetaData) -> Provenance {
    let value = |name: &str| {
        let mut pairs = file.key_value_metadata().into_iter().flatten();
        pairs
            .find(|pair| pair.key.strip_prefix("twogrpo.") == Some(name))
            .and_then(|pair| pair.value.clone())
    };
    Provenance {
        config_hash: value("config_hash"),
        tokenizer_hash: value("tokenizer_hash"),
        template_hash: value("template_hash"),
    }
}

/// Read a footer from the last bytes of a segment of `size` bytes.
///
/// # Errors
/// [`ParquetError::NeedMoreData`] if `tail` does not hold the whole footer, one that wraps [`OtherVersion`] if another
/// version of the schema wrote it, another one if it is no footer of ours.
pub(crate) fn read_footer(tail: Vec<u8>, size: u64) -> Result<Footer> {
    caught(|| parse_footer(tail, size)).unwrap_or_else(|| Err(bad("the decoder panicked")))
}

fn parse_footer(tail: Vec<u8>, size: u64) -> Result<Footer> {
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
        last_step: given("last_step").map(|step| number("last_step", step)).transpose()?,
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
