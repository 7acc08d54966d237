//! QUERY: a statement with the session settings it ran under.

use std::borrow::Cow;

use super::{StatusVars, inflate_mariadb};
use crate::DecodeError;
use crate::reader::Reader;

/// A logged statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryEvent<'a> {
    /// Connection at the source; scopes temporary tables.
    pub thread_id: u32,
    /// Seconds it took.
    pub execution_secs: u32,
    /// Not 0 when the statement failed half-way and was logged for what it did.
    pub error_code: u16,
    /// Default database, empty if none. UTF-8.
    pub schema: &'a [u8],
    /// The statement, in the client's character set.
    pub sql: Cow<'a, [u8]>,
    /// Session settings that came along.
    pub status: StatusVars,
}

impl<'a> QueryEvent<'a> {
    /// `fixed_bytes` is the length of the fixed part by the file's FORMAT_DESCRIPTION.
    pub(crate) fn read(
        mut reader: Reader<'a>,
        fixed_bytes: usize,
        compressed: bool,
    ) -> Result<Self, DecodeError> {
        const KNOWN_FIXED_BYTES: usize = 13;
        let thread_id = reader.u32()?;
        let execution_secs = reader.u32()?;
        let schema_bytes = usize::from(reader.u8()?);
        let error_code = reader.u16()?;
        let status_bytes = usize::from(reader.u16()?);
        let unknown = fixed_bytes.checked_sub(KNOWN_FIXED_BYTES);
        reader.skip(unknown.ok_or(DecodeError::Malformed {
            what: "the fixed part of a QUERY event is too short",
        })?)?;
        let status = StatusVars::read(Reader::new(
            reader.bytes(status_bytes)?,
            "the status variables of a QUERY event",
        ))?;
        let schema = reader.bytes(schema_bytes)?;
        reader.skip(1)?;
        let sql = reader.take_rest();
        let sql = if compressed {
            Cow::Owned(inflate_mariadb(sql, "a compressed query")?)
        } else {
            Cow::Borrowed(sql)
        };
        Ok(Self {
            thread_id,
            execution_secs,
            error_code,
            schema,
            sql,
            status,
        })
    }

    /// The default database as text.
    pub fn schema_text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.schema)
    }
}
