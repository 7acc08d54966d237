//! XA transactions: their rows are logged at XA PREPARE and belong where their XA COMMIT stands (R3).

use std::{collections::BTreeMap, sync::Arc};

use dm_binlog::Xid;
use dm_model::{DmError, Position, TableName, codes};

use super::{Item, Undecided};

/// Bytes of rows of undecided transactions that are held. More stops the source by name.
const PREPARED_BYTES_MAX: usize = 256 << 20;

/// The prepared transactions of one stream.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    held: BTreeMap<String, Held>,
    bytes: usize,
    /// What goes into every transaction's mark; made anew only when it changes.
    listed: Arc<Vec<Undecided>>,
    next: u64,
}

#[derive(Debug)]
struct Held {
    items: Vec<Item>,
    bytes: usize,
    order: u64,
    listed: Undecided,
}

impl Prepared {
    /// Keeps the rows of an XA PREPARE that follows `before`.
    pub(super) fn prepare(
        &mut self,
        xid: String,
        before: Position,
        items: Vec<Item>,
        bytes: usize,
    ) -> Result<(), DmError> {
        self.bytes += bytes;
        Self::bounded(self.bytes, &xid)?;
        let mut tables: Vec<TableName> = items
            .iter()
            .filter_map(|item| match item {
                Item::Rows(rows) | Item::RolledBack(rows) => Some(TableName::new(
                    rows.map.schema.clone(),
                    rows.map.table.clone(),
                )),
                Item::Statement(_) => None,
            })
            .collect();
        tables.sort();
        tables.dedup();
        self.next += 1;
        let listed = Undecided {
            xid: xid.clone(),
            before,
            tables,
        };
        let order = self.next;
        self.held.insert(
            xid,
            Held {
                items,
                bytes,
                order,
                listed,
            },
        );
        self.list();
        Ok(())
    }

    /// An error when so many bytes are not to be held.
    pub(super) fn bounded(bytes: usize, last: &str) -> Result<(), DmError> {
        if bytes <= PREPARED_BYTES_MAX {
            return Ok(());
        }
        Err(DmError::new(
            &codes::NOT_YET_SUPPORTED,
            format!(
                "XA transactions that are not decided have more than {} MiB, the last is {last}",
                PREPARED_BYTES_MAX >> 20
            ),
        )
        .with_workaround("decide them at the source (XA RECOVER lists them), then resume the task; use smaller XA transactions"))
    }

    /// Hands out the rows of a transaction that is decided now. `None`: its PREPARE was not seen.
    pub(super) fn decide(&mut self, xid: &str) -> Option<(Vec<Item>, usize)> {
        let held = self.held.remove(xid)?;
        self.bytes = self.bytes.saturating_sub(held.bytes);
        self.list();
        Some((held.items, held.bytes))
    }

    /// The undecided ones, oldest first.
    pub(super) fn listed(&self) -> Arc<Vec<Undecided>> {
        self.listed.clone()
    }

    fn list(&mut self) {
        let mut held: Vec<&Held> = self.held.values().collect();
        held.sort_by_key(|held| held.order);
        self.listed = Arc::new(held.into_iter().map(|held| held.listed.clone()).collect());
    }
}

/// An XA statement of a QUERY event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum XaStatement {
    /// START or END: brackets around the rows.
    Bracket,
    Commit(String),
    Rollback(String),
}

impl XaStatement {
    /// Servers log `XA COMMIT X'6131',X'62',1`; the id is kept in that form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        if !words.next()?.eq_ignore_ascii_case("XA") {
            return None;
        }
        let verb = words.next()?.to_ascii_uppercase();
        let xid = || {
            let rest: String = text.split_whitespace().skip(2).collect();
            normal(&rest)
        };
        match verb.as_str() {
            "START" | "BEGIN" | "END" => Some(Self::Bracket),
            "COMMIT" => Some(Self::Commit(xid()?)),
            "ROLLBACK" => Some(Self::Rollback(xid()?)),
            _ => None,
        }
    }
}

/// The text form of an id from an event.
pub(super) fn xid_text(xid: &Xid) -> String {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    format!(
        "X'{}',X'{}',{}",
        hex(&xid.gtrid),
        hex(&xid.bqual),
        xid.format_id
    )
}

/// Lower-case digits, no blanks; both parts and the format are there.
fn normal(text: &str) -> Option<String> {
    let mut parts = text.split(',');
    let mut hex = || -> Option<String> {
        let digits = parts
            .next()?
            .strip_prefix(['X', 'x'])?
            .strip_prefix('\'')?
            .strip_suffix('\'')?;
        digits
            .bytes()
            .all(|digit| digit.is_ascii_hexdigit())
            .then(|| digits.to_ascii_lowercase())
    };
    let (gtrid, bqual) = (hex()?, hex()?);
    let format: u32 = parts.next()?.parse().ok()?;
    parts
        .next()
        .is_none()
        .then(|| format!("X'{gtrid}',X'{bqual}',{format}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_events_and_of_statements_are_the_same_text() {
        let xid = Xid {
            format_id: 1,
            gtrid: b"a1".to_vec(),
            bqual: vec![0xfe],
        };
        assert_eq!(xid_text(&xid), "X'6131',X'fe',1");
        assert_eq!(
            XaStatement::parse("XA COMMIT X'6131',X'FE',1"),
            Some(XaStatement::Commit(xid_text(&xid)))
        );
        assert_eq!(
            XaStatement::parse("xa rollback X'6131', X'',7"),
            Some(XaStatement::Rollback("X'6131',X'',7".to_owned()))
        );
        assert_eq!(
            XaStatement::parse("XA START X'61',X'',1"),
            Some(XaStatement::Bracket)
        );
        for other in [
            "XA COMMIT 'a'",
            "XA RECOVER",
            "XANADU",
            "XA COMMIT X'6g',X'',1",
        ] {
            assert_eq!(XaStatement::parse(other), None, "{other}");
        }
    }

    #[test]
    fn r03_rows_wait_for_their_decision() {
        let mut prepared = Prepared::default();
        let none = prepared.listed();
        prepared
            .prepare("a".into(), Position::default(), Vec::new(), 10)
            .unwrap();
        prepared
            .prepare("0".into(), Position::default(), Vec::new(), 10)
            .unwrap();
        let xids: Vec<String> = prepared
            .listed()
            .iter()
            .map(|listed| listed.xid.clone())
            .collect();
        assert_eq!(xids, ["a", "0"], "oldest first");
        assert!(none.is_empty());
        assert!(prepared.decide("b").is_none());
        assert_eq!(prepared.decide("a").map(|(_, bytes)| bytes), Some(10));
        assert_eq!(prepared.listed().len(), 1);
        let error = prepared.prepare(
            "c".into(),
            Position::default(),
            Vec::new(),
            PREPARED_BYTES_MAX,
        );
        assert!(error.unwrap_err().to_string().contains('c'));
    }
}
