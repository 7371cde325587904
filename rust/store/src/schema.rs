//! Schema v1: one table of columns, from which the Arrow schema, the encodings and the documentation are made.
//!
//! Within a major version only nullable columns are added; none is renamed or given another type.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Version of the column table, stored in every segment's footer.
pub const SCHEMA_VERSION: u32 = 1;

/// Prefix of the columns that hold single scores of a combined reward.
pub const REWARD_PREFIX: &str = "reward_";

/// Name of the values inside a list column, as the Parquet format asks.
pub(crate) const LIST_ELEMENT: &str = "element";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text with 32-bit offsets.
    Text,
    /// UTF-8 text with 64-bit offsets.
    LargeText,
    /// A list of texts.
    TextList,
    /// True or false.
    Bool,
    /// A list of true or false.
    BoolList,
    /// 16-bit integer.
    Int16,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// A list of 32-bit integers: token ids.
    Int32List,
    /// 32-bit float.
    Float32,
    /// 64-bit float.
    Float64,
    /// A list of floats whose width is the store's `logprob_dtype`.
    Logprobs,
    /// Microseconds since 1970, UTC.
    Timestamp,
}

/// How a column is laid out in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Dictionary; texts and lists with zstd 1, numbers without.
    Dictionary,
    /// `DELTA_BINARY_PACKED`: right for a sorted key, costly for token ids.
    Delta,
    /// Plain and zstd 3: long texts that never repeat.
    Plain,
    /// `BYTE_STREAM_SPLIT` and zstd 1: floats.
    Split,
}

/// Width of the stored log-probabilities. Bfloat16 is not offered: its ratios are off by up to 6.4 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogprobDtype {
    /// Lossless for what generators return.
    #[default]
    Float32,
    /// Ratios are off by at most 0.8 %; sums are taken before rounding.
    Float16,
}

/// One column of schema v1.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name, final.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a row may be null.
    pub nullable: bool,
    /// How it is laid out.
    pub storage: Storage,
    /// One line of documentation.
    pub about: &'static str,
}

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Column {
    Column {
        name,
        kind,
        nullable: false,
        storage: Storage::Dictionary,
        about,
    }
}

const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Column {
    Column {
        name,
        kind,
        nullable: true,
        storage: Storage::Dictionary,
        about,
    }
}

impl Column {
    const fn stored(self, storage: Storage) -> Self {
        Self { storage, ..self }
    }
}

/// The columns of schema v1 in file order.
pub const COLUMNS: &[Column] = &[
    required("run_id", Kind::Text, "the run"),
    required("writer", Kind::Text, "the process that stored the row, by name"),
    required("phase", Kind::Text, "train, eval, replay or imported"),
    required("attempt", Kind::Int16, "1 for a new run, one more after each resume"),
    required(
        "step",
        Kind::Int32,
        "step of the optimizer that the rollout was made for, from 0",
    ),
    required(
        "group_id",
        Kind::Int64,
        "index of the draw in the run's prompt sequence",
    )
    .stored(Storage::Delta),
    required("rollout_idx", Kind::Int16, "member of the group, from 0"),
    required(
        "rollout_id",
        Kind::Int64,
        "low 63 bits of xxh3_64 over run_id, attempt, step, writer, group_id, rollout_idx joined by U+001F",
    ),
    optional("model_id", Kind::Text, "the model that sampled"),
    optional(
        "policy_version",
        Kind::Int32,
        "version of the weights at the first token",
    ),
    optional(
        "policy_version_max",
        Kind::Int32,
        "version of the weights at the last token",
    ),
    optional("dataset", Kind::Text, "where the prompt comes from"),
    required(
        "prompt_id",
        Kind::Text,
        "hex of xxh3_128 over dataset, U+001F, prompt, unless given",
    ),
    optional(
        "prompt",
        Kind::Text,
        "the problem as in the data set, before system text, suffix and template",
    ),
    optional("gold", Kind::Text, "the expected answer"),
    optional("gold_alternatives", Kind::TextList, "further acceptable answers"),
    optional("response", Kind::LargeText, "decoded text of the response").stored(Storage::Plain),
    optional(
        "prompt_ids",
        Kind::Int32List,
        "token ids that were fed, template included",
    ),
    optional(
        "response_ids",
        Kind::Int32List,
        "token ids that were sampled, end token included",
    ),
    optional(
        "logprobs",
        Kind::Logprobs,
        "one a response token, of the sampling distribution",
    )
    .stored(Storage::Split),
    optional("logprob_kind", Kind::Text, "processed or raw"),
    optional("generator", Kind::Text, "transformers, builtin, vllm, openrlhf"),
    optional("dtype", Kind::Text, "number format of the sampling model"),
    optional(
        "logprob_sum",
        Kind::Float64,
        "sum of logprobs, taken before any rounding to float16",
    ),
    optional("ref_logprob_sum", Kind::Float64, "the same under the reference model"),
    optional(
        "loss_mask",
        Kind::BoolList,
        "one a response token; false where a tool or user wrote it",
    ),
    optional("reward", Kind::Float32, "as trained; null: scoring failed"),
    optional("advantage", Kind::Float32, "as trained"),
    optional("is_inert", Kind::Bool, "the group took no part in training"),
    optional("correct", Kind::Bool, "the verifier's verdict"),
    optional("status", Kind::Text, "the verifier's status"),
    optional("rule", Kind::Text, "the equality rule that decided"),
    optional("extracted", Kind::Text, "the answer found in the response"),
    optional("verifier", Kind::Text, "name@version:profile"),
    optional("finish_reason", Kind::Text, "stop, length or abort"),
    optional("temperature", Kind::Float32, "of sampling"),
    optional("top_p", Kind::Float32, "of sampling"),
    optional("min_p", Kind::Float32, "of sampling"),
    optional("top_k", Kind::Int32, "of sampling"),
    optional("max_new_tokens", Kind::Int32, "limit of the response in tokens"),
    optional("seed", Kind::Int64, "of sampling"),
    optional("prompt_len", Kind::Int32, "tokens in prompt_ids"),
    optional("response_len", Kind::Int32, "tokens in response_ids"),
    optional(
        "created_at",
        Kind::Timestamp,
        "when the row was handed over; no part of the content hash",
    ),
    optional(
        "generate_ms",
        Kind::Float32,
        "wall time of sampling; no part of the content hash",
    ),
    optional("extra", Kind::Text, "JSON, the caller's own"),
];

/// Columns of time, in which an honest repetition of an append differs.
pub(crate) const VOLATILE: [&str; 2] = ["created_at", "generate_ms"];

/// Return the column of that name, a `reward_<name>` column included.
pub(crate) fn find(name: &str) -> Option<Column> {
    COLUMNS
        .iter()
        .find(|column| column.name == name)
        .copied()
        .or_else(|| is_reward(name).then(|| optional("reward_<name>", Kind::Float32, "one score of a combined reward")))
}

/// Tell whether the name is that of a single score, `reward_<name>`.
pub fn is_reward(name: &str) -> bool {
    name.strip_prefix(REWARD_PREFIX)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

impl Kind {
    /// Return the Arrow type.
    pub fn data_type(self, logprobs: LogprobDtype) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::LargeText => DataType::LargeUtf8,
            Self::TextList => list(DataType::Utf8),
            Self::Bool => DataType::Boolean,
            Self::BoolList => list(DataType::Boolean),
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Int32List => list(DataType::Int32),
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Logprobs => list(match logprobs {
                LogprobDtype::Float32 => DataType::Float32,
                LogprobDtype::Float16 => DataType::Float16,
            }),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// Tell whether values have a small fixed width; only these get statistics, so that no text leaks into a footer.
    pub(crate) fn is_scalar(self) -> bool {
        !matches!(
            self,
            Self::Text | Self::LargeText | Self::TextList | Self::BoolList | Self::Int32List | Self::Logprobs
        )
    }

    /// Tell whether a row holds a list.
    pub(crate) fn is_list(self) -> bool {
        matches!(self, Self::TextList | Self::BoolList | Self::Int32List | Self::Logprobs)
    }
}

fn list(values: DataType) -> DataType {
    DataType::List(Arc::new(Field::new(LIST_ELEMENT, values, false)))
}

/// Return schema v1 with the given `reward_<name>` columns behind `reward`.
pub fn schema(logprobs: LogprobDtype, rewards: &[String]) -> SchemaRef {
    let field = |column: &Column| Field::new(column.name, column.kind.data_type(logprobs), column.nullable);
    let mut fields = Vec::with_capacity(COLUMNS.len() + rewards.len());
    for column in COLUMNS {
        fields.push(field(column));
        if column.name == "reward" {
            fields.extend(rewards.iter().map(|name| Field::new(name, DataType::Float32, true)));
        }
    }
    Arc::new(Schema::new(fields))
}

/// Return the column table as Markdown, for the page on the format.
pub fn markdown() -> String {
    let mut page = String::from("| column | type | what |\n|---|---|---|\n");
    for Column {
        name,
        kind,
        nullable,
        about,
        ..
    } in COLUMNS
    {
        let mark = if *nullable { "?" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{name}`{mark} | {} | {about} |", kind.label());
    }
    page
}

impl Kind {
    fn label(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::LargeText => "large_string",
            Self::TextList => "list<string>",
            Self::Bool => "bool",
            Self::BoolList => "list<bool>",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Int32List => "list<int32>",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Logprobs => "list<float32> or list<float16>",
            Self::Timestamp => "timestamp[us, UTC]",
        }
    }
}
