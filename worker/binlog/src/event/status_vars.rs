//! Status variables of a QUERY event: code and value, without lengths. So the first unknown code ends
//! what can be read; the servers do the same.

use crate::DecodeError;
use crate::reader::{Reader, text};

/// The settings that matter to whoever runs or parses the statement again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusVars {
    /// Session flags (foreign_key_checks, unique_checks, autocommit…).
    pub flags: Option<u32>,
    /// `sql_mode` bits.
    pub sql_mode: Option<u64>,
    /// auto_increment_increment and _offset.
    pub auto_increment: Option<(u16, u16)>,
    /// Collation ids of character_set_client, collation_connection, collation_server.
    pub charset: Option<(u16, u16, u16)>,
    /// Absent when the statement does not depend on it.
    pub time_zone: Option<String>,
    /// lc_time_names.
    pub locale: Option<u16>,
    /// Collation id of the default database.
    pub database_collation: Option<u16>,
    /// Microseconds to add to the header's timestamp.
    pub microseconds: Option<u32>,
    /// MySQL 5.6+: explicit_defaults_for_timestamp.
    pub explicit_defaults_for_timestamp: Option<bool>,
    /// XID of an atomic DDL.
    pub ddl_xid: Option<u64>,
    /// MySQL 8.0: default collation of utf8mb4.
    pub default_utf8mb4_collation: Option<u16>,
    /// MySQL 8.0: sql_require_primary_key.
    pub require_primary_key: Option<bool>,
    /// MySQL 8.0: default_table_encryption.
    pub default_table_encryption: Option<bool>,
    /// MariaDB: flags of a two-phase ALTER in its QUERY event.
    pub gtid_flags_extra: Option<u8>,
    /// MariaDB ≥ 11.2: (character set's collation id, its default collation id).
    pub character_set_collations: Vec<(u16, u16)>,
    /// Databases that the statement changes; `None` if the list was too long or is absent.
    pub updated_databases: Option<Vec<String>>,
    /// The first code that was not known; what follows it was not read.
    pub unknown_code: Option<u8>,
}

impl StatusVars {
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let mut vars = Self::default();
        while !reader.is_empty() {
            let code = reader.u8()?;
            if !(vars.read_setting(code, &mut reader)? || vars.read_rest(code, &mut reader)?) {
                vars.unknown_code = Some(code);
                break;
            }
        }
        Ok(vars)
    }

    /// Codes of which the value is kept.
    fn read_setting(&mut self, code: u8, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
        match code {
            0 => self.flags = Some(reader.u32()?),
            1 => self.sql_mode = Some(reader.u64()?),
            3 => self.auto_increment = Some((reader.u16()?, reader.u16()?)),
            4 => self.charset = Some((reader.u16()?, reader.u16()?, reader.u16()?)),
            5 => self.time_zone = Some(text(reader.short_bytes()?)),
            7 => self.locale = Some(reader.u16()?),
            8 => self.database_collation = Some(reader.u16()?),
            12 => self.updated_databases = updated_databases(reader)?,
            // 128 is MariaDB's number for the same three bytes.
            13 | 128 => self.microseconds = Some(reader.uint_le(3)? as u32),
            16 => self.explicit_defaults_for_timestamp = Some(reader.u8()? != 0),
            17 | 129 => self.ddl_xid = Some(reader.u64()?),
            18 => self.default_utf8mb4_collation = Some(reader.u16()?),
            19 => self.require_primary_key = Some(reader.u8()? != 0),
            20 => self.default_table_encryption = Some(reader.u8()? != 0),
            130 => self.gtid_flags_extra = Some(gtid_flags_extra(reader)?),
            131 => self.character_set_collations = character_set_collations(reader)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Codes of which only the length matters.
    fn read_rest(&mut self, code: u8, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
        match code {
            // Catalog with a zero byte behind it (MySQL 5.0.0 to 5.0.3).
            2 => {
                reader.short_bytes()?;
                reader.skip(1)?;
            }
            // Catalog.
            6 => drop(reader.short_bytes()?),
            // Tables of a multi-table update, as a bitmap.
            9 => reader.skip(8)?,
            // Length of the event on the first server.
            10 => reader.skip(4)?,
            // Invoker: user and host.
            11 => {
                reader.short_bytes()?;
                reader.short_bytes()?;
            }
            // MariaDB fills a replaced event with these.
            255 => {}
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// 254 stands for "too many to list".
fn updated_databases(reader: &mut Reader<'_>) -> Result<Option<Vec<String>>, DecodeError> {
    const OVER_MAX: u8 = 254;
    let count = reader.u8()?;
    if count == OVER_MAX {
        return Ok(None);
    }
    (0..count)
        .map(|_| reader.zero_ended().map(text))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// With COMMIT or ROLLBACK ALTER the sequence number of the START follows.
fn gtid_flags_extra(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    const COMMIT_OR_ROLLBACK_ALTER: u8 = 4 | 8;
    let flags = reader.u8()?;
    if flags & COMMIT_OR_ROLLBACK_ALTER != 0 {
        reader.skip(8)?;
    }
    Ok(flags)
}

fn character_set_collations(reader: &mut Reader<'_>) -> Result<Vec<(u16, u16)>, DecodeError> {
    let count = reader.u8()?;
    (0..count)
        .map(|_| Ok((reader.u16()?, reader.u16()?)))
        .collect()
}
