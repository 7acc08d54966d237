//! Builds events byte by byte.

use dm_binlog::{Decoder, Event, Image, RowPlan, TableMap, Value, type_code};
use std::sync::Arc;

pub(crate) const SERVER_ID: u32 = 7;
pub(crate) const TABLE_ID: u64 = 0x0102_0304_0506;

/// Header and body, without checksum.
pub(crate) fn event(type_code: u8, body: &[u8]) -> Vec<u8> {
    flagged(type_code, 0, body)
}

/// Header with flags, and body.
pub(crate) fn flagged(type_code: u8, flags: u16, body: &[u8]) -> Vec<u8> {
    header(type_code, flags, body, 0)
}

/// Header, body and CRC32.
pub(crate) fn checksummed(type_code: u8, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(type_code, flags, body, 4);
    let crc = crc32fast::hash(&bytes);
    bytes.extend(crc.to_le_bytes());
    bytes
}

fn header(type_code: u8, flags: u16, body: &[u8], tail: usize) -> Vec<u8> {
    let length = u32::try_from(19 + body.len() + tail).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(1_700_000_000u32.to_le_bytes());
    bytes.push(type_code);
    bytes.extend(SERVER_ID.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(1000u32.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend(body);
    bytes
}

/// Body of a FORMAT_DESCRIPTION event; the last four bytes of checksum are not in it.
pub(crate) fn format_description(version: &str, algorithm: u8) -> Vec<u8> {
    let mut body = 4u16.to_le_bytes().to_vec();
    let mut name = version.as_bytes().to_vec();
    name.resize(50, 0);
    body.extend(name);
    body.extend(0u32.to_le_bytes());
    body.push(19);
    let mut lengths = vec![0u8; 42];
    for (code, length) in [
        (2, 13),
        (19, 8),
        (23, 8),
        (24, 8),
        (25, 8),
        (30, 10),
        (31, 10),
        (32, 10),
    ] {
        lengths[code - 1] = length;
    }
    body.extend(lengths);
    body.push(algorithm);
    body
}

/// A whole FORMAT_DESCRIPTION event with its checksum bytes.
pub(crate) fn format_description_event(version: &str, algorithm: u8) -> Vec<u8> {
    checksummed(
        type_code::FORMAT_DESCRIPTION,
        0,
        &format_description(version, algorithm),
    )
}

/// One column: type code, metadata bytes.
pub(crate) type Column<'a> = (u8, &'a [u8]);

/// Body of a TABLE_MAP of `s`.`t` with all columns nullable.
pub(crate) fn table_map(columns: &[Column<'_>], optional: &[u8]) -> Vec<u8> {
    let mut body = TABLE_ID.to_le_bytes()[..6].to_vec();
    body.extend([1, 0]);
    body.extend(b"\x01s\0\x01t\0");
    body.push(u8::try_from(columns.len()).unwrap());
    body.extend(columns.iter().map(|(code, _)| *code));
    let meta: Vec<u8> = columns
        .iter()
        .flat_map(|(_, meta)| meta.iter().copied())
        .collect();
    body.push(u8::try_from(meta.len()).unwrap());
    body.extend(meta);
    body.extend(vec![0xff; columns.len().div_ceil(8)]);
    body.extend(optional);
    body
}

/// Body of a version 2 rows event up to the rows; one bitmap, or two for updates.
pub(crate) fn rows_head(width: usize, bitmaps: &[&[u8]], stmt_end: bool) -> Vec<u8> {
    let mut body = TABLE_ID.to_le_bytes()[..6].to_vec();
    body.extend([u8::from(stmt_end), 0, 2, 0]);
    body.push(u8::try_from(width).unwrap());
    for bitmap in bitmaps {
        body.extend(*bitmap);
    }
    body
}

/// A decoder that has seen a FORMAT_DESCRIPTION event without checksums.
pub(crate) fn decoder() -> Decoder {
    let mut decoder = Decoder::new();
    decoder
        .decode(&format_description_event("8.0.46", 0))
        .unwrap();
    decoder
}

/// Decodes one event of a file without checksums.
pub(crate) fn decode(bytes: &[u8]) -> Event<'_> {
    decoder().decode(bytes).unwrap().1
}

/// The map that `decoder` makes of these columns.
pub(crate) fn map_of(
    decoder: &mut Decoder,
    columns: &[Column<'_>],
    optional: &[u8],
) -> Arc<TableMap> {
    match decoder
        .decode(&event(type_code::TABLE_MAP, &table_map(columns, optional)))
        .unwrap()
        .1
    {
        Event::TableMap(map) => map,
        other => panic!("{other:?}"),
    }
}

/// Inserts one row of one column that is not NULL, and gives its value to `check`.
pub(crate) fn with_value(
    column: Column<'_>,
    unsigned: bool,
    bytes: &[u8],
    check: impl FnOnce(Result<&Value<'_>, String>),
) {
    let mut decoder = decoder();
    let map = map_of(&mut decoder, &[column], &[]);
    let plan = match RowPlan::new(&map, &[unsigned]) {
        Ok(plan) => plan,
        Err(error) => return check(Err(error.to_string())),
    };
    let mut body = rows_head(1, &[&[0x01]], true);
    body.push(0);
    body.extend(bytes);
    let event = event(type_code::WRITE_ROWS_V2, &body);
    let Event::Rows(rows) = decoder.decode(&event).unwrap().1 else {
        panic!("not rows")
    };
    let mut all: Vec<_> = rows.rows(&plan).collect();
    assert_eq!(all.len(), 1, "one row");
    match all.remove(0) {
        Ok(change) => {
            let image: Image<'_> = change.after.unwrap();
            check(Ok(image[0].as_ref().unwrap()));
        }
        Err(error) => check(Err(error.to_string())),
    }
}

/// A QUERY event with these status variables.
pub(crate) fn query(vars: &[u8]) -> Vec<u8> {
    let mut body = vec![9, 0, 0, 0, 1, 0, 0, 0, 1, 0x32, 0];
    body.extend(u16::try_from(vars.len()).unwrap().to_le_bytes());
    body.extend(vars);
    body.extend(b"s\0DROP TABLE a, b");
    event(type_code::QUERY, &body)
}
