//! The commit log of one writer: a line of JSON a segment, each with a checksum of itself.
//!
//! The log is an index for finding damage and can be rebuilt from the segments, so a torn or damaged line is skipped.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::encode::Footer;
use crate::error::{Result, StoreError};
use crate::fs::{FileSystem, OpenFile, read_if_there, sync_dir};
use crate::layout::{Layout, SegmentName, Stream};
use crate::schema::SCHEMA_VERSION;

const CHECK: &str = ",\"check\":\"";

/// What a line says of its segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    /// It was committed.
    #[default]
    Commit,
    /// It is about to be replaced by the file described, of fewer rows or columns.
    Rewrite,
    /// It is about to be removed on purpose: the file described is the one that stood there.
    Remove,
}

impl Change {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_commit(&self) -> bool {
        *self == Self::Commit
    }
}

/// One change of one segment, written before the change for all but a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogLine {
    #[serde(default, skip_serializing_if = "Change::is_commit")]
    pub change: Change,
    pub schema_version: u32,
    pub run_id: String,
    pub attempt: i16,
    pub step: i32,
    /// Of a segment of several steps, as compaction makes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_step: Option<i32>,
    pub writer: String,
    pub rows: u64,
    pub bytes: u64,
    /// Of the whole file.
    pub xxh3_128: String,
    /// Of the values of the rows.
    pub content: String,
    pub rewards: Vec<String>,
}

impl LogLine {
    /// Describe a segment by its footer and its bytes.
    pub fn new(footer: &Footer, bytes: &[u8]) -> Self {
        Self::of(footer, bytes.len() as u64, file_hash(bytes))
    }

    /// Describe a segment by its footer, its size and the hash of its bytes.
    pub fn of(footer: &Footer, bytes: u64, xxh3_128: String) -> Self {
        Self {
            change: Change::Commit,
            schema_version: SCHEMA_VERSION,
            run_id: footer.stream.run.clone(),
            attempt: footer.attempt,
            step: footer.step,
            last_step: footer.last_step,
            writer: footer.stream.writer.clone(),
            rows: footer.rows,
            bytes,
            xxh3_128,
            content: format!("{:032x}", footer.content),
            rewards: footer.rewards.clone(),
        }
    }

    /// The file that the line is about.
    pub fn name(&self) -> SegmentName {
        SegmentName {
            step: self.step,
            writer: self.writer.clone(),
            last_step: self.last_step,
        }
    }

    fn encode(&self) -> serde_json::Result<String> {
        let body = serde_json::to_string(self)?;
        let check = xxh3_64(body.as_bytes());
        Ok(format!("{}{CHECK}{check:016x}\"}}\n", body.trim_end_matches('}')))
    }

    fn decode(line: &str) -> Option<Self> {
        let (body, check) = line.rsplit_once(CHECK)?;
        let body = format!("{body}}}");
        let check = u64::from_str_radix(check.strip_suffix("\"}")?, 16).ok()?;
        (check == xxh3_64(body.as_bytes())).then_some(())?;
        serde_json::from_str(&body).ok()
    }
}

/// Return the hash of a file as the log writes it.
pub(crate) fn file_hash(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

/// What a log holds.
#[derive(Debug, Default)]
pub(crate) struct LogContent {
    /// The good lines in order.
    pub lines: Vec<LogLine>,
    /// The same as they stand in the file.
    pub good: Vec<u8>,
    /// Lines that are torn, fail their checksum or are another writer's, as they stand in the file.
    pub damaged: Vec<Vec<u8>>,
}

/// Read the log of a stream, empty if there is none.
pub(crate) fn read_log(fs: &dyn FileSystem, layout: &Layout, stream: &Stream) -> Result<LogContent> {
    let bytes = read_if_there(fs, &layout.log(stream))?.unwrap_or_default();
    let mut content = LogContent::default();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match std::str::from_utf8(line).ok().and_then(LogLine::decode) {
            Some(decoded) if decoded.run_id == stream.run && decoded.writer == stream.writer => {
                content.lines.push(decoded);
                content.good.extend_from_slice(line);
                content.good.push(b'\n');
            }
            _ => content.damaged.push(line.to_owned()),
        }
    }
    Ok(content)
}

/// A log open for appending.
pub(crate) struct Log {
    file: Box<dyn OpenFile>,
    layout: Layout,
    stream: Stream,
}

impl Log {
    /// Open a writer's log; a line torn by a crash is ended first, so that the next one stands alone.
    pub fn open(fs: &dyn FileSystem, layout: &Layout, stream: &Stream) -> Result<Self> {
        let path = layout.log(stream);
        let is_torn = read_if_there(fs, &path)?.is_some_and(|bytes| bytes.last().is_some_and(|last| *last != b'\n'));
        let mut file = fs.append(&path).map_err(StoreError::io("open", &path))?;
        if is_torn {
            file.write(b"\n").map_err(StoreError::io("write", &path))?;
        }
        sync_dir(fs, &layout.logs())?;
        Ok(Self {
            file,
            layout: layout.clone(),
            stream: stream.clone(),
        })
    }

    /// Add a line and return when it is on the disk.
    pub fn add(&mut self, line: &LogLine) -> Result<()> {
        let path = self.layout.log(&self.stream);
        let text = line
            .encode()
            .map_err(|error| StoreError::io("write", &path)(error.into()))?;
        self.file
            .write(text.as_bytes())
            .map_err(StoreError::io("write", &path))?;
        self.file.sync().map_err(StoreError::io("sync", &path))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn line() -> LogLine {
        let stream = Stream::new("r", "w0").unwrap();
        let footer = Footer {
            stream,
            attempt: 1,
            step: 3,
            last_step: None,
            rows: 2,
            content: 5,
            rewards: vec!["reward_format".into()],
            tokenizer_hash: None,
        };
        LogLine::new(&footer, b"bytes")
    }

    #[test]
    fn a_line_reads_back() {
        let text = line().encode().unwrap();
        assert_eq!(LogLine::decode(text.trim_end()), Some(line()));
    }

    #[test]
    fn any_changed_byte_of_a_line_is_noticed() {
        let text = line().encode().unwrap();
        for at in 0..text.len() - 1 {
            let mut bytes = text.trim_end().as_bytes().to_vec();
            bytes[at] ^= 1;
            let found = std::str::from_utf8(&bytes).ok().and_then(LogLine::decode);
            assert_eq!(found, None, "byte {at}");
        }
    }
}
