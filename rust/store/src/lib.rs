//! Rollouts kept as Parquet segments that survive a crash: append, resume, recover, check.
//!
//! A segment is committed when its name exists; the listing of a store is its truth and the log an integrity index.
//! Any reader of Parquet takes the glob `run=*/*.parquet`. This crate writes and checks; it does not query.

mod cast;
mod change;
mod check;
mod columns;
mod commit;
mod compact;
mod conform;
mod content;
mod copy;
mod decoding;
mod derive;
mod dictionary;
mod disk;
mod edit;
mod encode;
mod error;
mod examine;
mod fs;
mod groups;
mod inventory;
mod layout;
mod levels;
mod lock;
mod log;
mod maintain;
mod marker;
mod mend;
mod order;
mod properties;
mod prune;
mod quarantine;
mod ranges;
mod recover;
mod repair;
mod resume;
mod rewrite;
mod scan;
pub mod schema;
mod segment;
mod staging;
mod store;
mod threads;
mod token_pages;
mod tokens;
mod worker;
mod writer;

pub use change::SegmentChange;
pub use check::{CheckReport, Problem};
pub use compact::Compaction;
pub use conform::{Place, conform};
pub use content::content_hash;
pub use decoding::catches_panics;
pub use derive::{prompt_id, rollout_id};
pub use disk::Disk;
pub use encode::{Encoded, Footer, Provenance, encode};
pub use error::{DataError, Result, StoreError};
pub use fs::{FileSystem, Locking, OpenFile};
pub use layout::{Layout, SegmentName, Stream};
pub use prune::Pruning;
pub use recover::Recovery;
pub use store::Store;
pub use writer::{Writer, WriterOptions};
