//! Binlog bytes in, typed events out: a pure decoder for the binary logs of MySQL and MariaDB.
//!
//! # Constraints
//! - No I/O, no clock, no tokio, no `unsafe`. The input is outside data: every read is checked, every
//!   failure is a [`DecodeError`], nothing panics, and memory stays in proportion to the input (named
//!   limits bound decompression and JSON).
//! - Events borrow from the caller's buffer. Values of rows stay slices and integers until somebody
//!   encodes them for a target.
//! - State is what the format itself demands: the current FORMAT_DESCRIPTION event and the table maps
//!   of the current statement. See [`Decoder`].
//!
//! # Layout, in the order of reading
//! - [`decoder`]: header, checksum, dispatch by type, table maps of the statement;
//! - [`event`]: the [`Event`] enum, and one file for each event that has a body worth a file;
//! - [`table_map`]: what a TABLE_MAP says, with its optional metadata;
//! - [`rows`]: the plan of a table, prepared once, and the iterator over row images;
//! - [`value`]: values, and the decoders of DECIMAL, temporal types and binary JSON;
//! - [`reader`]: the checked cursor under all of them.
//!
//! # Not here yet (each answers a typed error)
//! PARTIAL_UPDATE_ROWS (JSON diffs), rows of encrypted files, and the row events that MySQL wrote before 5.1.

#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the layout above is for readers of the source"
)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

mod decoder;
mod error;
mod event;
mod reader;
mod rows;
mod table_map;
mod value;

pub use decoder::{Decoder, HEADER_BYTES, Header, type_code};
pub use error::DecodeError;
pub use event::{
    ChecksumAlgorithm, Compression, DECOMPRESSED_BYTES_MAX, Event, FormatDescription, GtidEvent,
    GtidFamily, GtidListEntry, InnerEvents, MariadbGtid, MysqlGtid, PayloadEvents, QueryEvent,
    StatusVars, TransactionPayload, UserVar, UserVarValue, Xid,
};
pub use rows::{Image, RowChange, RowPlan, Rows, RowsEvent, RowsKind};
pub use table_map::{ColumnMeta, OptionalMetadata, TableMap, column_type};
pub use value::{JSON_DEPTH_MAX, Value};
