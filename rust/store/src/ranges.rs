//! A segment as Parquet's readers ask for it: by ranges, so that a column is read without its neighbours.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use xxhash_rust::xxh3::Xxh3;

use crate::fs::FileSystem;

const PIECE: usize = 1 << 20;

/// A file of a known size.
#[derive(Clone, Debug)]
pub(crate) struct Ranges {
    fs: Arc<dyn FileSystem>,
    path: PathBuf,
    size: u64,
}

impl Ranges {
    /// Look a file up.
    pub fn open(fs: &Arc<dyn FileSystem>, path: &Path) -> io::Result<Self> {
        Ok(Self {
            fs: Arc::clone(fs),
            path: path.to_owned(),
            size: fs.size(path)?,
        })
    }

    /// Return the hash of the whole file as the log writes it, a piece in memory at a time.
    pub fn hash(&self) -> io::Result<String> {
        let mut hasher = Xxh3::new();
        let mut tail = self.tail(0);
        loop {
            let piece = tail.piece(PIECE)?;
            if piece.is_empty() {
                return Ok(format!("{:032x}", hasher.digest128()));
            }
            hasher.update(&piece);
        }
    }

    fn tail(&self, at: u64) -> Tail {
        Tail { file: self.clone(), at }
    }
}

impl Length for Ranges {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Ranges {
    type T = BufReader<Tail>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(self.tail(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.fs.read_range(&self.path, start, length);
        bytes
            .map(Bytes::from)
            .map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// The file from a place to its end.
pub(crate) struct Tail {
    file: Ranges,
    at: u64,
}

impl Tail {
    fn piece(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let left = self.file.size.saturating_sub(self.at);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(most);
        if length == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.file.fs.read_range(&self.file.path, self.at, length)?;
        self.at += length as u64;
        Ok(bytes)
    }
}

impl Read for Tail {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.piece(buffer.len())?;
        if let Some(filled) = buffer.get_mut(..piece.len()) {
            filled.copy_from_slice(&piece);
        }
        Ok(piece.len())
    }
}
