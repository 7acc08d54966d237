//! The text forms of GTIDs and GTID sets.

use super::gtid::{Gtid, Sid};
use super::gtid_set::GtidSet;
use crate::error::{DmError, codes};

/// MySQL's own bound: numbers are signed 64 bit and the last one is not used.
const GNO_MAX: u64 = i64::MAX as u64 - 1;
/// MySQL's own bound for a tag.
const TAG_CHARS_MAX: usize = 32;

pub(super) fn parse_gtid(text: &str) -> Result<Gtid, DmError> {
    let trimmed = text.trim();
    let gtid = if trimmed.contains(':') {
        parse_mysql_gtid(trimmed)
    } else {
        parse_mariadb(trimmed).map(|(domain, server, seq)| Gtid::mariadb(domain, server, seq))
    };
    gtid.ok_or_else(|| bad(text, trimmed))
}

fn parse_mysql_gtid(text: &str) -> Option<Gtid> {
    let mut parts = text.split(':').map(str::trim);
    let uuid = parse_uuid(parts.next()?)?;
    let (tag, number) = match (parts.next()?, parts.next()) {
        (number, None) => (None, number),
        (tag, Some(number)) => (Some(parse_tag(tag)?), number),
    };
    if parts.next().is_some() {
        return None;
    }
    Some(Gtid::mysql(uuid, tag, parse_number(number)?))
}

pub(super) fn parse_set(text: &str) -> Result<GtidSet, DmError> {
    let mut set = GtidSet::default();
    let mut mysql = false;
    let mut mariadb = false;
    for element in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        if element.contains(':') {
            mysql = true;
            add_mysql(&mut set, element).ok_or_else(|| bad(text, element))?;
        } else {
            mariadb = true;
            let (domain, server, seq) = parse_mariadb(element).ok_or_else(|| bad(text, element))?;
            set.add(&Gtid::mariadb(domain, server, seq));
        }
    }
    if mysql && mariadb {
        return Err(DmError::new(
            &codes::PARSE_GTID,
            format!("{text:?} mixes GTIDs of MySQL and MariaDB"),
        ));
    }
    Ok(set)
}

/// `uuid:1-5:7:tag:1:tag2:4`: ranges belong to the tag before them.
fn add_mysql(set: &mut GtidSet, element: &str) -> Option<()> {
    let mut parts = element.split(':').map(str::trim);
    let mut sid = Sid {
        uuid: parse_uuid(parts.next()?)?,
        tag: None,
    };
    let mut complete = false;
    for part in parts {
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            let (first, last) = parse_range(part)?;
            set.add_range(&sid, first, last);
            complete = true;
        } else {
            sid.tag = Some(parse_tag(part)?);
            complete = false;
        }
    }
    complete.then_some(())
}

fn parse_range(text: &str) -> Option<(u64, u64)> {
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (parse_number(first)?, parse_number(last)?),
        None => {
            let number = parse_number(text)?;
            (number, number)
        }
    };
    (first <= last).then_some((first, last))
}

fn parse_number(text: &str) -> Option<u64> {
    let number = parse_digits(text)?;
    (1..=GNO_MAX).contains(&number).then_some(number)
}

/// Stricter than `str::parse`, which takes a plus sign.
fn parse_digits(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn parse_tag(text: &str) -> Option<String> {
    let first = text.chars().next()?;
    let starts_well = first.is_ascii_alphabetic() || first == '_';
    let all_well = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (starts_well && all_well && text.len() <= TAG_CHARS_MAX).then(|| text.to_ascii_lowercase())
}

/// With or without dashes, as servers accept it.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    let digits: Vec<u8> = match bytes.len() {
        32 => bytes.to_vec(),
        36 => {
            let dashed = [8, 13, 18, 23].iter().all(|&i| bytes.get(i) == Some(&b'-'));
            if !dashed {
                return None;
            }
            bytes.iter().copied().filter(|&b| b != b'-').collect()
        }
        _ => return None,
    };
    if digits.len() != 32 {
        return None;
    }
    let mut uuid = [0u8; 16];
    for (slot, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *slot = hex(high)? << 4 | hex(low)?;
    }
    Some(uuid)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|n| u8::try_from(n).ok())
}

fn parse_mariadb(text: &str) -> Option<(u32, u32, u64)> {
    let mut parts = text.split('-');
    let domain = u32::try_from(parse_digits(parts.next()?)?).ok()?;
    let server = u32::try_from(parse_digits(parts.next()?)?).ok()?;
    let seq = parse_digits(parts.next()?)?;
    parts.next().is_none().then_some((domain, server, seq))
}

fn bad(text: &str, element: &str) -> DmError {
    let message = if text.trim() == element {
        format!("{text:?} is not a GTID or GTID set")
    } else {
        format!("{element:?} in {text:?} is not a GTID or GTID set")
    };
    DmError::new(&codes::PARSE_GTID, message)
}
