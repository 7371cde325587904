//! Rollouts kept as Parquet segments that survive a crash: append, resume, recover, check.
//!
//! A segment is committed when its name exists; the listing of a store is its truth and the log an integrity index.
//! Any reader of Parquet takes the glob `run=*/*.parquet`. This crate writes and checks; it does not query.

mod cast;
mod check;
mod commit;
mod conform;
mod content;
mod derive;
mod disk;
mod encode;
mod error;
mod fs;
mod inventory;
mod layout;
mod lock;
mod log;
mod marker;
mod order;
mod recover;
mod resume;
pub mod schema;
mod segment;
mod store;
mod worker;
mod writer;

pub use check::{CheckReport, Problem};
pub use conform::{Place, conform};
pub use content::content_hash;
pub use derive::{prompt_id, rollout_id};
pub use disk::Disk;
pub use encode::{Encoded, Footer, Provenance, encode};
pub use error::{DataError, Result, StoreError};
pub use fs::{FileSystem, Locking, OpenFile};
pub use layout::{Layout, SegmentName, Stream};
pub use recover::Recovery;
pub use store::Store;
pub use writer::{Writer, WriterOptions};
