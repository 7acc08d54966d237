//! From the bytes of one event to a typed event.
//!
//! [`Decoder::decode`] takes an event as it is delivered: the 19-byte header, the body and, when the
//! FORMAT_DESCRIPTION event in force says so, four bytes of CRC32. In this order:
//! - [`header`]: the common header;
//! - [`checksum`]: whether four bytes follow the body, and whether they are right;
//! - [`dispatch`]: the type byte decides who reads the body;
//! - [`table_maps`]: TABLE_MAP events of the current statement, parsed once for equal bytes.

mod checksum;
#[allow(
    clippy::module_inception,
    reason = "the folder's main type stands in the file named after it"
)]
mod decoder;
mod dispatch;
mod header;
mod table_maps;
pub mod type_code;

pub use decoder::Decoder;
pub use header::{HEADER_BYTES, Header};
