//! Where transactions end, from raw events. Pure.

use dm_binlog::{DecodeError, Decoder, Event, GtidFamily, Header, type_code as t};
use dm_model::{Gtid, GtidSet};

use super::previous;

/// Follows the events of one file.
///
/// Only events that say something about boundaries are decoded; of all others the checksum is verified.
#[derive(Debug)]
pub(super) struct Boundaries {
    decoder: Decoder,
    group: Group,
    open: Option<Gtid>,
    /// Transactions seen, when a set to add them to was given.
    executed: Option<GtidSet>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// Between transactions.
    None,
    /// A statement that commits by itself, or BEGIN, follows.
    Announced,
    /// Goes on until it is committed or rolled back.
    Begun,
}

/// What an event was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// Inside a transaction.
    Inside,
    /// Nothing is open behind it.
    Boundary,
    /// The file goes on in another one.
    Rotate(String),
}

impl Boundaries {
    /// `checksums` is what the stream declared; a file's own description says it for the rest of the file.
    pub(super) fn new(checksums: bool, executed: Option<GtidSet>) -> Self {
        let mut decoder = Decoder::new();
        decoder.declared_checksum(checksums);
        Self {
            decoder,
            group: Group::None,
            open: None,
            executed,
        }
    }

    pub(super) fn executed(&self) -> Option<&GtidSet> {
        self.executed.as_ref()
    }

    /// Whether nothing is open.
    pub(super) fn is_between(&self) -> bool {
        self.group == Group::None
    }

    /// A connection was lost in a transaction: it is read again from its begin.
    pub(super) fn forget_open(&mut self) {
        self.group = Group::None;
        self.open = None;
    }

    /// Takes one event.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Result<(Header, Passed), DecodeError> {
        let header = Header::read(bytes)?;
        match header.type_code {
            t::TABLE_MAP
            | t::WRITE_ROWS_V1..=t::DELETE_ROWS_V1
            | t::WRITE_ROWS_V2..=t::DELETE_ROWS_V2
            | t::MARIADB_WRITE_ROWS_COMPRESSED_V1..=t::MARIADB_DELETE_ROWS_COMPRESSED
            | t::ROWS_QUERY
            | t::MARIADB_ANNOTATE_ROWS => {
                self.decoder.verify(bytes)?;
                return Ok((header, self.inside()));
            }
            _ => {}
        }
        let (header, event) = match self.decoder.decode(bytes) {
            Ok(decoded) => decoded,
            // Copied all the same: whoever reads it says what it can't do.
            Err(DecodeError::Unsupported { .. } | DecodeError::UnknownEvent { .. }) => {
                return Ok((header, self.inside()));
            }
            Err(error) => return Err(error),
        };
        let passed = match event {
            Event::Gtid(gtid) => {
                self.group = Group::Announced;
                self.open = match &gtid.family {
                    GtidFamily::Mysql(_) if gtid.anonymous => None,
                    GtidFamily::Mysql(id) => Some(Gtid::mysql(id.sid, id.tag.clone(), id.gno)),
                    GtidFamily::Mariadb(id) => {
                        if !id.standalone {
                            self.group = Group::Begun;
                        }
                        Some(Gtid::mariadb(id.domain, id.server, id.seq))
                    }
                };
                Passed::Inside
            }
            Event::Query(query) => self.query(&query.sql),
            Event::Xid(_) | Event::XaPrepare { .. } | Event::TransactionPayload(_) => self.end(),
            Event::IntVar { .. } | Event::Rand { .. } | Event::UserVar(_) => {
                if self.group == Group::None {
                    self.group = Group::Announced;
                }
                Passed::Inside
            }
            Event::Rotate { file, .. } => {
                self.forget_open();
                Passed::Rotate(file)
            }
            Event::PreviousGtids(_) | Event::GtidList { .. } => {
                // The first file of a sub-directory says what comes before it.
                if let Some(executed) = self.executed.as_mut().filter(|set| set.is_empty())
                    && let Some(set) = previous::of_event(&event)
                {
                    *executed = set;
                }
                self.inside()
            }
            Event::FormatDescription(_) => {
                self.forget_open();
                Passed::Boundary
            }
            _ => self.inside(),
        };
        Ok((header, passed))
    }

    fn inside(&self) -> Passed {
        if self.group == Group::None {
            Passed::Boundary
        } else {
            Passed::Inside
        }
    }

    fn query(&mut self, sql: &[u8]) -> Passed {
        let is = |words: &[u8]| sql.eq_ignore_ascii_case(words);
        let starts = |words: &[u8]| {
            sql.get(..words.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(words))
        };
        if is(b"BEGIN") || starts(b"XA START") {
            self.group = Group::Begun;
            Passed::Inside
        } else if is(b"COMMIT") || is(b"ROLLBACK") || self.group != Group::Begun {
            self.end()
        } else {
            Passed::Inside
        }
    }

    fn end(&mut self) -> Passed {
        self.group = Group::None;
        if let (Some(gtid), Some(executed)) = (self.open.take(), self.executed.as_mut()) {
            executed.add(&gtid);
        }
        Passed::Boundary
    }
}
