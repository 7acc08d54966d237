//! What comes before a file: the sets at its begin.

use std::{fs::File, io, io::Read, path::Path};

use dm_binlog::{Decoder, Event, HEADER_BYTES, Header};
use dm_model::{Gtid, GtidSet};

use super::layout::{MAGIC, damaged};

/// Events before the one that has the set: the description, MariaDB's encryption event.
const EVENTS_MAX: usize = 4;
/// A set of a thousand servers has 40 KiB.
const EVENT_BYTES_MAX: u32 = 16 << 20;
/// Ranges in all sets of one event.
const RANGES_MAX: u64 = 1 << 20;

/// Reads the set at the begin of a file. `None`: the server writes none.
pub(super) fn of_file(path: &Path) -> io::Result<Option<GtidSet>> {
    first_events(path, |event| match event {
        Event::Gtid(_) => Some(None),
        Event::PreviousGtids(_) | Event::GtidList { .. } => Some(of_event(event)),
        _ => None,
    })
    .map(Option::flatten)
}

/// The set that such an event carries.
pub(super) fn of_event(event: &Event<'_>) -> Option<GtidSet> {
    match event {
        Event::PreviousGtids(body) => mysql(body),
        Event::GtidList { entries, .. } => {
            let mut set = GtidSet::default();
            for entry in entries {
                set.add(&Gtid::mariadb(entry.domain, entry.server, entry.seq));
            }
            Some(set)
        }
        _ => None,
    }
}

/// The version of the server that wrote a file.
pub(super) fn version(path: &Path) -> io::Result<String> {
    first_events(path, |event| match event {
        Event::FormatDescription(description) => Some(description.server_version.clone()),
        _ => None,
    })?
    .ok_or_else(|| damaged(format!("{} has no description", path.display())))
}

/// What the first of the leading events that says something says.
fn first_events<T>(
    path: &Path,
    mut says: impl FnMut(&Event<'_>) -> Option<T>,
) -> io::Result<Option<T>> {
    let mut file = File::open(path)?;
    let mut magic = [0; 4];
    file.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(damaged(format!("{} is not a binlog", path.display())));
    }
    let mut decoder = Decoder::new();
    for _ in 0..EVENTS_MAX {
        let mut bytes = vec![0; HEADER_BYTES];
        if file.read_exact(&mut bytes).is_err() {
            return Ok(None);
        }
        let header = Header::read(&bytes).map_err(io::Error::other)?;
        if header.length > EVENT_BYTES_MAX || (header.length as usize) < HEADER_BYTES {
            return Err(damaged(format!(
                "{} begins with a damaged event",
                path.display()
            )));
        }
        bytes.resize(header.length as usize, 0);
        file.read_exact(bytes.get_mut(HEADER_BYTES..).unwrap_or_default())?;
        let (_, event) = decoder.decode(&bytes).map_err(io::Error::other)?;
        if let Some(said) = says(&event) {
            return Ok(Some(said));
        }
    }
    Ok(None)
}

/// The encoding of MySQL's Gtid_set: a count of servers, then per server uuid, (in the tagged format) tag, and ranges whose ends are
/// exclusive. Since 8.3 the top byte of the count is the format, and in format 1 the count stands in bits 8 to 55.
fn mysql(body: &[u8]) -> Option<GtidSet> {
    let mut rest = body;
    let head = word(&mut rest)?;
    let tagged = head >> 56 == 1;
    let servers = if tagged {
        (head >> 8) & 0xffff_ffff_ffff
    } else {
        head
    };
    let mut set = GtidSet::default();
    let mut ranges = 0u64;
    for _ in 0..servers {
        let (uuid, tail) = rest.split_first_chunk::<16>()?;
        rest = tail;
        let mut tag = None;
        if tagged {
            // A variable-length integer; tags have at most 32 characters, so it is one byte with the length in its upper bits.
            let (length, tail) = rest.split_first()?;
            let (text, tail) = tail.split_at_checked(usize::from(length >> 1))?;
            rest = tail;
            tag = (!text.is_empty())
                .then(|| String::from_utf8(text.to_vec()).ok())
                .flatten();
        }
        for _ in 0..word(&mut rest)? {
            let (first, end) = (word(&mut rest)?, word(&mut rest)?);
            ranges += 1;
            if first == 0 || end <= first || ranges > RANGES_MAX {
                return None;
            }
            set.add_between(&Gtid::mysql(*uuid, tag.clone(), first), end - 1);
        }
    }
    Some(set)
}

fn word(rest: &mut &[u8]) -> Option<u64> {
    let (word, tail) = rest.split_first_chunk::<8>()?;
    *rest = tail;
    Some(u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_of_mysql() {
        let uuid = [7u8; 16];
        let mut plain = 1u64.to_le_bytes().to_vec();
        plain.extend(uuid);
        for word in [2u64, 1, 6, 9, 10] {
            plain.extend(word.to_le_bytes());
        }
        let text = "07070707-0707-0707-0707-070707070707";
        let set = mysql(&plain).unwrap();
        assert_eq!(set.to_string(), format!("{text}:1-5:9"));
        let mut tagged = ((1u64 << 56) | (2 << 8)).to_le_bytes().to_vec();
        for (tag, last) in [("", 6u64), ("blue", 3)] {
            tagged.extend(uuid);
            tagged.push((tag.len() as u8) << 1);
            tagged.extend(tag.as_bytes());
            for word in [1u64, 1, last] {
                tagged.extend(word.to_le_bytes());
            }
        }
        let set = mysql(&tagged).unwrap();
        assert_eq!(set.to_string(), format!("{text}:1-5:blue:1-2"));
        for end in 0..tagged.len() {
            assert_eq!(mysql(&tagged[..end]), None, "cut at {end}");
        }
    }
}
