//! Where a statement comes from, and how an error says so. Pure.
//!
//! An error that a statement caused begins with the statement's place and hash. That text is all that is kept of it (the error
//! column of `dm_table`), and [`Origin::blocked`] reads it back for `binlog skip` and its like.

use dm_model::{BinlogPosition, DmError, EventPlace, Gtid, TransactionId};
use xxhash_rust::xxh3::xxh3_64;

use crate::sync::decode::StatementText;

/// Characters of a statement that an error shows.
const SHOWN_CHARS: usize = 300;
/// How the message of an error of a statement begins.
const PREFIX: &str = "DDL at ";
/// Hexadecimal digits of a hash.
const HASH_DIGITS: usize = 16;

/// A statement of the source's binlog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) place: EventPlace,
    /// Of its text and default database.
    pub(crate) hash: String,
    /// Its text, at most [`SHOWN_CHARS`] of it.
    pub(crate) shown: String,
    /// `<task> -s <source>`, for the commands that an error offers.
    pub(crate) subtask: String,
}

impl Origin {
    pub(crate) fn new(text: &StatementText, id: &TransactionId, subtask: &str) -> Self {
        let hashed = format!("{}\0{}", text.default_schema, text.text);
        Self {
            place: EventPlace {
                gtid: id.gtid.clone(),
                start: Some(BinlogPosition::new(id.end.file.clone(), text.start)),
            },
            hash: format!("{:016x}", xxh3_64(hashed.as_bytes())),
            shown: shown(&text.text),
            subtask: subtask.to_owned(),
        }
    }

    /// Says at which statement an error happened, and which commands get past it.
    pub(crate) fn annotate(&self, error: DmError) -> DmError {
        let at = self.place.flag();
        let commands = format!(
            "get past it with `dmctl binlog skip {0} -b {at}` or `dmctl binlog replace {0} -b {at} \"<statements>\"`, or remove the reason and `dmctl resume-task {0}`",
            self.subtask
        );
        let advice = match &error.workaround {
            Some(own) => format!("{} Else {commands}", ended(own)),
            None => commands,
        };
        error
            .annotate(format!(
                "{PREFIX}{} [{}]: {}",
                self.place, self.hash, self.shown
            ))
            .with_workaround(advice)
    }

    /// The place, hash and text that an error of a statement begins with.
    pub(crate) fn blocked(error: &DmError) -> Option<Self> {
        let rest = error.message.strip_prefix(PREFIX)?;
        let (place, rest) = rest.split_once(" [")?;
        let (hash, shown) = rest.split_once("]: ")?;
        if hash.len() != HASH_DIGITS || !hash.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let (start, gtid) = match place.split_once("), ") {
            Some((start, gtid)) => (format!("{start})"), Some(Gtid::parse(gtid).ok()?)),
            None => (place.to_owned(), None),
        };
        Some(Self {
            place: EventPlace {
                gtid,
                start: Some(BinlogPosition::parse(&start).ok()?),
            },
            hash: hash.to_owned(),
            shown: shown.to_owned(),
            subtask: String::new(),
        })
    }
}

fn ended(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with('.') {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// The beginning of a statement, for people.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use dm_model::codes;

    #[test]
    fn an_error_says_its_statement_and_is_read_back() {
        for gtid in [
            None,
            Some("3e11fa47-71ca-11e1-9e33-c80aa9429562:23"),
            Some("0-1-5"),
        ] {
            let id = TransactionId {
                gtid: gtid.map(|text| Gtid::parse(text).unwrap()),
                end: BinlogPosition::new("bin.000003", 900),
            };
            let text = StatementText {
                text: "ALTER TABLE t ADD c INT [x]: y".to_owned(),
                default_schema: "d".to_owned(),
                start: 800,
                ..StatementText::default()
            };
            let origin = Origin::new(&text, &id, "t1 -s s1");
            let error = origin.annotate(DmError::new(&codes::PARSE_SQL, "no"));
            let read = DmError::parse(&error.to_string()).unwrap();
            let found = Origin::blocked(&read).unwrap();
            assert_eq!((&found.place, &found.hash), (&origin.place, &origin.hash));
            assert!(found.place.is_of(&id, 800));
            let advice = read.workaround.unwrap();
            assert!(
                advice.contains("dmctl binlog skip t1 -s s1 -b bin.000003:800"),
                "{advice}"
            );
        }
        let other = DmError::new(&codes::TABLE_STOPPED, "DDL at nowhere");
        assert_eq!(Origin::blocked(&other), None);
    }

    #[test]
    fn the_hash_is_of_text_and_database() {
        let of = |text: &str, schema: &str| {
            let text = StatementText {
                text: text.to_owned(),
                default_schema: schema.to_owned(),
                ..StatementText::default()
            };
            let id = TransactionId {
                gtid: None,
                end: BinlogPosition::new("bin.000003", 900),
            };
            Origin::new(&text, &id, "").hash
        };
        assert_ne!(of("DROP TABLE t", "a"), of("DROP TABLE t", "b"));
        assert_eq!(of("DROP TABLE t", "a"), of("DROP TABLE t", "a"));
    }
}
