//! Where events stand in their file, in 64 bits.

use dm_binlog::{Header, type_code as t};

/// Follows the stream through one file.
///
/// Headers carry 32 bits, and MariaDB ≥ 11.4 writes 0 inside groups (`binlog_legacy_event_pos=OFF`), so lengths are summed up and
/// checked against the header where it says something. A stream by GTID leaves out what we have: then the header leads.
#[derive(Clone, Debug, Default)]
pub(super) struct Offsets {
    at: u64,
}

/// Bytes that a 32-bit position can tell apart.
const WRAP: u64 = 1 << 32;

impl Offsets {
    /// The stream goes on at this place of another file, or begins there.
    pub(super) fn jump(&mut self, at: u64) {
        self.at = at;
    }

    /// Behind the last event.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Moves behind an event and returns where it begins and ends. Both are the same for events that stand in no file.
    pub(super) fn pass(&mut self, header: &Header) -> (u64, u64) {
        if stands_in_no_file(header) {
            return (self.at, self.at);
        }
        let length = u64::from(header.length);
        let mut end = self.at.saturating_add(length);
        let told = u64::from(header.end_pos);
        if told != 0 && end % WRAP != told {
            end = (self.at / WRAP) * WRAP + told;
            if end < self.at {
                end += WRAP;
            }
        }
        self.at = end;
        (end.saturating_sub(length), end)
    }
}

/// Heartbeats, and what the server makes up at the begin of a stream or file.
fn stands_in_no_file(header: &Header) -> bool {
    header.is_artificial()
        || matches!(header.type_code, t::HEARTBEAT | t::HEARTBEAT_V2)
        || (header.end_pos == 0 && matches!(header.type_code, t::ROTATE | t::FORMAT_DESCRIPTION))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(type_code: u8, length: u32, end_pos: u32) -> Header {
        Header {
            timestamp: 0,
            type_code,
            server_id: 1,
            length,
            end_pos,
            flags: 0,
        }
    }

    #[test]
    fn positions_go_on_beyond_four_gib() {
        let mut offsets = Offsets::default();
        offsets.jump(WRAP - 100);
        assert_eq!(
            offsets.pass(&header(t::WRITE_ROWS_V2, 300, 200)),
            (WRAP - 100, WRAP + 200)
        );
        assert_eq!(
            offsets.pass(&header(t::XID, 31, 231)),
            (WRAP + 200, WRAP + 231)
        );
    }

    #[test]
    fn mariadb_writes_no_positions_inside_groups() {
        let mut offsets = Offsets::default();
        offsets.jump(1_000);
        assert_eq!(
            offsets.pass(&header(t::MARIADB_GTID, 42, 1_042)),
            (1_000, 1_042)
        );
        assert_eq!(offsets.pass(&header(t::TABLE_MAP, 50, 0)), (1_042, 1_092));
        assert_eq!(offsets.pass(&header(t::XID, 31, 1_123)), (1_092, 1_123));
    }

    #[test]
    fn a_stream_by_gtid_jumps_over_what_we_have() {
        let mut offsets = Offsets::default();
        offsets.jump(4);
        assert_eq!(
            offsets.pass(&header(t::FORMAT_DESCRIPTION, 122, 126)),
            (4, 126)
        );
        assert_eq!(offsets.pass(&header(t::GTID, 79, 5_079)), (5_000, 5_079));
        assert_eq!(
            offsets.pass(&header(t::HEARTBEAT, 39, 9_999)),
            (5_079, 5_079),
            "not in the file"
        );
        assert_eq!(offsets.pass(&header(t::ROTATE, 47, 0)), (5_079, 5_079));
    }
}
