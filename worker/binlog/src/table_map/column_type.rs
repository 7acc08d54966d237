//! Column type codes as they stand in a TABLE_MAP, by the servers' names for them.
#![allow(missing_docs, reason = "the names are the servers' own")]

pub const DECIMAL: u8 = 0;
pub const TINY: u8 = 1;
pub const SHORT: u8 = 2;
pub const LONG: u8 = 3;
pub const FLOAT: u8 = 4;
pub const DOUBLE: u8 = 5;
pub const NULL: u8 = 6;
/// Before MySQL 5.6 / MariaDB 10.0 and in tables not rebuilt since.
pub const TIMESTAMP: u8 = 7;
pub const LONGLONG: u8 = 8;
pub const INT24: u8 = 9;
pub const DATE: u8 = 10;
/// See [`TIMESTAMP`].
pub const TIME: u8 = 11;
/// See [`TIMESTAMP`].
pub const DATETIME: u8 = 12;
pub const YEAR: u8 = 13;
pub const NEWDATE: u8 = 14;
pub const VARCHAR: u8 = 15;
pub const BIT: u8 = 16;
pub const TIMESTAMP2: u8 = 17;
pub const DATETIME2: u8 = 18;
pub const TIME2: u8 = 19;
pub const TYPED_ARRAY: u8 = 20;
pub const MARIADB_BLOB_COMPRESSED: u8 = 140;
pub const MARIADB_VARCHAR_COMPRESSED: u8 = 141;
pub const VECTOR: u8 = 242;
pub const JSON: u8 = 245;
pub const NEWDECIMAL: u8 = 246;
pub const ENUM: u8 = 247;
pub const SET: u8 = 248;
pub const TINY_BLOB: u8 = 249;
pub const MEDIUM_BLOB: u8 = 250;
pub const LONG_BLOB: u8 = 251;
pub const BLOB: u8 = 252;
pub const VAR_STRING: u8 = 253;
pub const STRING: u8 = 254;
pub const GEOMETRY: u8 = 255;

/// Does the signedness bitmap count the column? YEAR is among them (seen on MySQL 9.7 and MariaDB 11.8).
pub fn is_numeric(code: u8) -> bool {
    matches!(
        code,
        TINY | SHORT | INT24 | LONG | LONGLONG | NEWDECIMAL | FLOAT | DOUBLE | YEAR
    )
}

/// Does the character set list count the column? ENUM and SET have a list of their own; MariaDB counts
/// GEOMETRY too.
pub fn is_character(code: u8, mariadb: bool) -> bool {
    match code {
        STRING | VAR_STRING | VARCHAR | TINY_BLOB | MEDIUM_BLOB | LONG_BLOB | BLOB => true,
        MARIADB_BLOB_COMPRESSED | MARIADB_VARCHAR_COMPRESSED | GEOMETRY => mariadb,
        _ => false,
    }
}
