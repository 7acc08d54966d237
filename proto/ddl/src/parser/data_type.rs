//! Data types and their aliases.

use super::cursor::{Cursor, Parsed};
use crate::lexer::{TokenKind, decode_hex};
use crate::structure::{Type, TypeKind};

use TypeKind::*;

/// Types whose name is one word. What the name implies beyond its kind is in [`implied`].
const NAMES: &[(&str, TypeKind)] = &[
    ("TINYINT", TinyInt),
    ("INT1", TinyInt),
    ("BOOL", TinyInt),
    ("BOOLEAN", TinyInt),
    ("SMALLINT", SmallInt),
    ("INT2", SmallInt),
    ("MEDIUMINT", MediumInt),
    ("MIDDLEINT", MediumInt),
    ("INT3", MediumInt),
    ("INT", Int),
    ("INTEGER", Int),
    ("INT4", Int),
    ("BIGINT", BigInt),
    ("INT8", BigInt),
    ("SERIAL", BigInt),
    ("DECIMAL", Decimal),
    ("DEC", Decimal),
    ("NUMERIC", Decimal),
    ("FIXED", Decimal),
    ("NUMBER", Decimal),
    ("FLOAT", Float),
    ("FLOAT4", Float),
    ("FLOAT8", Double),
    ("DOUBLE", Double),
    ("REAL", Double),
    ("BIT", Bit),
    ("YEAR", Year),
    ("DATE", Date),
    ("TIME", Time),
    ("DATETIME", DateTime),
    ("TIMESTAMP", Timestamp),
    ("CHAR", Char),
    ("CHARACTER", Char),
    ("NCHAR", Char),
    ("VARCHAR", VarChar),
    ("VARCHARACTER", VarChar),
    ("VARCHAR2", VarChar),
    ("NVARCHAR", VarChar),
    ("TINYTEXT", TinyText),
    ("TEXT", Text),
    ("MEDIUMTEXT", MediumText),
    ("LONGTEXT", LongText),
    ("CLOB", LongText),
    ("BINARY", Binary),
    ("VARBINARY", VarBinary),
    ("RAW", VarBinary),
    ("TINYBLOB", TinyBlob),
    ("BLOB", Blob),
    ("MEDIUMBLOB", MediumBlob),
    ("LONGBLOB", LongBlob),
    ("ENUM", Enum),
    ("SET", Set),
    ("JSON", Json),
    ("GEOMETRY", Geometry),
    ("POINT", Point),
    ("LINESTRING", LineString),
    ("POLYGON", Polygon),
    ("MULTIPOINT", MultiPoint),
    ("MULTILINESTRING", MultiLineString),
    ("MULTIPOLYGON", MultiPolygon),
    ("GEOMETRYCOLLECTION", GeometryCollection),
    ("GEOMCOLLECTION", GeometryCollection),
    ("VECTOR", Vector),
    ("UUID", Uuid),
    ("INET4", Inet4),
    ("INET6", Inet6),
    ("XMLTYPE", Xml),
];

/// A data type without its attributes, and whether it is SERIAL.
pub(super) fn data_type(cursor: &mut Cursor<'_>) -> Parsed<(Type, bool)> {
    // MariaDB says whose type it means: mariadb_schema.date.
    let oracle = cursor.word("oracle_schema");
    if cursor.punct_at(1, b'.') && (oracle || cursor.any_word(&["mariadb_schema", "maxdb_schema"]))
    {
        cursor.skip(2);
    }
    if let Some(long) = long_type(cursor) {
        return Ok((long, false));
    }
    if let Some(ty) = national_type(cursor) {
        return Ok((ty, false));
    }
    let serial = cursor.word("SERIAL");
    let Some((name, kind)) = NAMES.iter().find(|(name, _)| cursor.word(name)) else {
        return Err(cursor.expected("a column type"));
    };
    cursor.skip(1);
    let mut ty = Type::new(*kind);
    implied(&mut ty, name, cursor);
    if oracle && ty.kind == Date {
        ty.kind = DateTime;
    }
    arguments(cursor, &mut ty)?;
    complete(&mut ty);
    Ok((ty, serial))
}

fn implied(ty: &mut Type, name: &str, cursor: &mut Cursor<'_>) {
    match name {
        "SERIAL" => ty.unsigned = true,
        "DOUBLE" => drop(cursor.accept("PRECISION")),
        "CHAR" | "CHARACTER" if cursor.accept("VARYING") => ty.kind = VarChar,
        "NCHAR" | "NVARCHAR" => {
            national(ty);
            if cursor
                .accept_any(&["VARCHAR", "VARCHARACTER", "VARYING"])
                .is_some()
            {
                ty.kind = VarChar;
            }
        }
        "JSON" if cursor.is_mariadb() => {
            ty.kind = LongText;
            ty.charset = Some(String::from("utf8mb4"));
            ty.collation = Some(String::from("utf8mb4_bin"));
        }
        _ => {}
    }
}

fn national(ty: &mut Type) {
    ty.charset = Some(String::from("utf8mb3"));
}

/// NATIONAL CHAR, NATIONAL VARCHAR and their spellings.
fn national_type(cursor: &mut Cursor<'_>) -> Option<Type> {
    if !cursor.accept("NATIONAL") {
        return None;
    }
    let mut kind = match cursor.accept_any(&["CHAR", "CHARACTER", "VARCHAR", "VARCHARACTER"]) {
        Some("VARCHAR" | "VARCHARACTER") => VarChar,
        _ => Char,
    };
    if cursor.accept("VARYING") {
        kind = VarChar;
    }
    let mut ty = Type::new(kind);
    national(&mut ty);
    arguments(cursor, &mut ty).ok()?;
    complete(&mut ty);
    Some(ty)
}

/// LONG, LONG VARCHAR, LONG VARBINARY and their spellings.
fn long_type(cursor: &mut Cursor<'_>) -> Option<Type> {
    if !cursor.accept("LONG") {
        return None;
    }
    if cursor.accept("VARBINARY") {
        return Some(Type::new(MediumBlob));
    }
    if cursor.accept_any(&["VARCHAR", "VARCHARACTER"]).is_none()
        && !cursor.accept_all(&["CHAR", "VARYING"])
        && !cursor.accept_all(&["CHARACTER", "VARYING"])
        && cursor.any_word(&["CHAR", "CHARACTER"])
        && !cursor.word_at(1, "SET")
    {
        cursor.skip(1);
    }
    Some(Type::new(MediumText))
}

fn arguments(cursor: &mut Cursor<'_>, ty: &mut Type) -> Parsed<()> {
    if !cursor.punct(b'(') {
        return Ok(());
    }
    if matches!(ty.kind, Enum | Set) {
        ty.elements = elements(cursor)?;
        return Ok(());
    }
    cursor.skip(1);
    ty.length = cursor.number();
    if ty.length.is_some() && cursor.accept_punct(b',') {
        ty.decimals = cursor.number();
    }
    // Oracle's VARCHAR2(10 CHAR).
    cursor.skip_clause();
    cursor.expect_punct(b')')
}

/// Members of ENUM and SET. The server cuts trailing spaces.
fn elements(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.expect_punct(b'(')?;
    let mut elements = Vec::new();
    loop {
        if cursor.peek().kind == TokenKind::Word {
            // An introducer.
            cursor.skip(1);
        }
        let token = cursor.peek();
        let value = match token.kind {
            TokenKind::Hex => {
                cursor.skip(1);
                decode_hex(cursor.raw(token))
            }
            TokenKind::Bit => {
                cursor.skip(1);
                decode_bits(cursor.raw(token))
            }
            _ => cursor.string().ok_or_else(|| cursor.expected("a string"))?,
        };
        elements.push(value.trim_end_matches(' ').to_owned());
        if cursor.accept_punct(b')') {
            return Ok(elements);
        }
        cursor.expect_punct(b',')?;
    }
}

fn decode_bits(raw: &str) -> String {
    let digits: Vec<u8> = raw
        .bytes()
        .skip(2)
        .filter(|b| matches!(b, b'0' | b'1'))
        .collect();
    let bytes: Vec<u8> = digits
        .rchunks(8)
        .rev()
        .map(|byte| {
            byte.iter()
                .fold(0_u8, |sum, b| sum.wrapping_shl(1) | (b & 1))
        })
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Lengths that the server fills in, and those that it drops.
fn complete(ty: &mut Type) {
    match ty.kind {
        Decimal => {
            ty.length = Some(ty.length.filter(|&length| length > 0).unwrap_or(10));
            ty.decimals = Some(ty.decimals.unwrap_or(0));
        }
        // One argument is the precision in bits, and picks the type.
        Float if ty.decimals.is_none() => {
            if ty.length.is_some_and(|bits| bits > 24) {
                ty.kind = Double;
            }
            ty.length = None;
        }
        Double if ty.decimals.is_none() => ty.length = None,
        Time | DateTime | Timestamp => {
            ty.decimals = ty.length.take().filter(|&digits| digits > 0);
        }
        Year => ty.length = ty.length.filter(|&digits| digits == 2),
        Bit | Char | Binary => ty.length = Some(ty.length.unwrap_or(1)),
        Vector => ty.length = Some(ty.length.unwrap_or(2048)),
        _ => {}
    }
}
