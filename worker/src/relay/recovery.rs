//! Finding the end of a relay file after a crash.

use std::{
    fs::{File, OpenOptions},
    io,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use dm_binlog::{HEADER_BYTES, Header};
use dm_model::GtidSet;

use super::{
    boundaries::{Boundaries, Passed},
    layout::MAGIC,
};

/// Largest event that is believed; the server's own limit is 1 GiB, twice that with both images.
const EVENT_BYTES_MAX: u32 = 0x8000_1000;
/// Read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// What a scan found.
#[derive(Debug)]
pub(super) struct Scanned {
    /// End of the last complete transaction; 0 if not even the file's description is whole.
    pub(super) end: u64,
    /// Bytes behind it.
    pub(super) torn: u64,
    /// The file ends with a real ROTATE to this one.
    pub(super) next: Option<String>,
    pub(super) executed: Option<GtidSet>,
}

/// Scans a file from a transaction end that is known to be durable (or from the begin).
///
/// Bytes behind the last complete transaction are torn: a crash may leave any of them unwritten, so the first event that is cut
/// off or whose checksum fails ends the scan.
pub(super) fn scan(path: &Path, from: u64, executed: Option<GtidSet>) -> io::Result<Scanned> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut found = Scanned {
        end: 0,
        torn: length,
        next: None,
        executed: executed.clone(),
    };
    let mut input = BufReader::with_capacity(BUFFER_BYTES, file);
    let mut magic = [0; 4];
    if input.read_exact(&mut magic).is_err() || magic != MAGIC {
        return Ok(found);
    }
    let mut boundaries = Boundaries::new(false, executed);
    let mut at = MAGIC.len() as u64;
    let mut event = Vec::new();
    // The description rules the rest of the file, wherever the scan goes on.
    let mut first = true;
    while let Some(size) = next_event(&mut input, length - at, &mut event)? {
        let Ok((_, passed)) = boundaries.pass(&event) else {
            break;
        };
        at += size;
        found.next = match passed {
            Passed::Rotate(next) => Some(next),
            _ => None,
        };
        if boundaries.is_between() {
            found.end = at;
        }
        if std::mem::take(&mut first) && from > at && from <= length {
            input.seek(SeekFrom::Start(from))?;
            at = from;
            found.end = from;
        }
    }
    found.torn = length - found.end;
    found.executed = boundaries.executed().cloned();
    Ok(found)
}

/// Cuts a file off and makes that durable.
pub(super) fn cut(path: &Path, end: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(end)?;
    file.sync_all()
}

/// Reads one event; `None` when the rest is not a whole one.
fn next_event(input: &mut impl Read, left: u64, event: &mut Vec<u8>) -> io::Result<Option<u64>> {
    if left < HEADER_BYTES as u64 {
        return Ok(None);
    }
    event.clear();
    input.take(HEADER_BYTES as u64).read_to_end(event)?;
    let Ok(header) = Header::read(event) else {
        return Ok(None);
    };
    let size = u64::from(header.length);
    if header.length > EVENT_BYTES_MAX || size < HEADER_BYTES as u64 || size > left {
        return Ok(None);
    }
    input.take(size - HEADER_BYTES as u64).read_to_end(event)?;
    Ok((event.len() as u64 == size).then_some(size))
}
