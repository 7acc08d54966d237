//! Groups events into transactions. Pure: events in, transactions out.

use std::{collections::VecDeque, sync::Arc};

use dm_binlog::{
    Decoder, Event, GtidEvent, GtidFamily, Header, PayloadEvents, QueryEvent, RowPlan, RowsEvent,
};
use dm_ddl::{Kind, Transaction as Control};
use dm_model::{BinlogPosition, DmError, Flavor, Gtid, Position, TransactionId, codes};

use super::{
    Digester, Item, Mark, Part, Receipt, StatementSession, StatementText, Transaction,
    offsets::Offsets,
    xa::{Prepared, XaStatement, xid_text},
};
use crate::sync::upstream::RawEvent;

/// What events led to.
#[derive(Debug)]
pub(crate) enum Step {
    Transaction(Box<Transaction>),
    /// The upstream is idle.
    Idle,
}

/// The transaction that is being put together.
#[derive(Debug, Default)]
struct Open {
    gtid: Option<Gtid>,
    begin: BinlogPosition,
    /// BEGIN was seen, or is implied.
    begun: bool,
    /// MariaDB logs a long ALTER twice; only the second, successful one counts.
    ignored: bool,
    /// Its rows wait for a decision.
    xa: bool,
    items: Vec<Item>,
    /// Items that were handed over in earlier parts, and their rows.
    items_before: usize,
    rows_before: u64,
    bytes: usize,
    /// Name, and how many items there were.
    savepoints: Vec<(String, usize)>,
    committed_ms: Option<u64>,
    digester: Digester,
}

/// A compressed transaction that is being unpacked.
struct Payload {
    events: PayloadEvents,
    end: u64,
}

/// Groups the events of one stream.
pub(crate) struct Assembler {
    decoder: Decoder,
    flavor: Flavor,
    version: u32,
    with_gtid: bool,
    file: String,
    offsets: Offsets,
    /// After the last transaction that was handed over.
    at: Position,
    /// Transactions up to here were dealt with before: they are read again only to be recognised or for their PREPARE.
    known: Option<Position>,
    part_bytes: usize,
    open: Option<Open>,
    prepared: Prepared,
    payload: Option<Payload>,
    ready: VecDeque<Step>,
}

impl Assembler {
    /// For a stream that starts after `at`; positions are GTID sets if it has one. A transaction of more than `part_bytes` is handed
    /// over in parts of about that size.
    pub(crate) fn new(flavor: Flavor, version: u32, at: Position, part_bytes: usize) -> Self {
        let mut decoder = Decoder::new();
        // Every stream of ours declares CRC32.
        decoder.declared_checksum(true);
        let mut offsets = Offsets::default();
        offsets.jump(at.binlog.offset);
        Self {
            decoder,
            flavor,
            version,
            with_gtid: at.gtid.is_some(),
            file: at.binlog.file.clone(),
            offsets,
            at,
            known: None,
            part_bytes,
            open: None,
            prepared: Prepared::default(),
            payload: None,
            ready: VecDeque::new(),
        }
    }

    /// Transactions up to here come again; an XA COMMIT among them may lack its PREPARE.
    pub(crate) fn known_up_to(&mut self, position: Position) {
        self.known = Some(position);
    }

    /// Parts of a transaction were handed over, its end was not.
    pub(crate) fn is_inside(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.items_before > 0)
    }

    /// Takes one event of the stream; then [`Self::next`] is to be called until it has nothing more.
    pub(crate) fn push(&mut self, raw: &RawEvent) -> Result<(), DmError> {
        let size = raw.bytes.len();
        let decoded = self.decoder.decode(&raw.bytes);
        let (header, event) =
            decoded.map_err(|error| undecodable(&self.file, self.offsets.at(), error))?;
        let (begin, end) = self.offsets.pass(&header);
        if let Event::TransactionPayload(payload) = event {
            let events =
                PayloadEvents::new(payload).map_err(|error| undecodable(&self.file, end, error))?;
            self.payload = Some(Payload { events, end });
            return Ok(());
        }
        self.event(&header, event, begin, end, size)
    }

    /// The events that follow stand elsewhere.
    pub(crate) fn jump(&mut self, to: BinlogPosition) -> Result<(), DmError> {
        if self.is_inside() {
            return Err(DmError::new(
                &codes::DB_BAD_CONN,
                format!("a transaction is cut off at the end of {}", self.file),
            ));
        }
        self.offsets.jump(to.offset);
        self.file = to.file;
        // A crash upstream cuts a transaction off: it never happened.
        self.open = None;
        Ok(())
    }

    /// What the events so far led to.
    pub(crate) fn next(&mut self) -> Result<Option<Step>, DmError> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Ok(Some(step));
            }
            let Some(mut payload) = self.payload.take() else {
                return Ok(None);
            };
            let end = payload.end;
            let bytes = payload
                .events
                .next_event()
                .map_err(|error| undecodable(&self.file, end, error))?;
            let Some(bytes) = bytes else { continue };
            self.payload = Some(payload);
            let (header, event) = self
                .decoder
                .decode_inner(&bytes)
                .map_err(|error| undecodable(&self.file, end, error))?;
            self.event(&header, event, end, end, bytes.len())?;
        }
    }

    fn event(
        &mut self,
        header: &Header,
        event: Event<'_>,
        begin: u64,
        end: u64,
        size: usize,
    ) -> Result<(), DmError> {
        match event {
            Event::Rotate { file, position } => self.jump(BinlogPosition::new(file, position)),
            Event::Heartbeat { .. } => {
                self.ready.push_back(Step::Idle);
                Ok(())
            }
            Event::Gtid(gtid) => self.begin(header, &gtid, begin),
            Event::Query(query) => self.query(header, &query, begin, end, size),
            Event::Rows(rows) => self.rows(header, rows, begin, end, size),
            Event::Xid(_)
            | Event::XaPrepare {
                one_phase: true, ..
            } => self.finish(header, end),
            Event::XaPrepare { xid, .. } => self.prepare(header, &xid_text(&xid), end),
            Event::Incident { message, .. } => Err(DmError::new(
                &codes::SYNCER_GET_EVENT,
                format!(
                    "the upstream lost events before ({}, {end}): {message}",
                    self.file
                ),
            )
            .with_workaround(
                "load the tables again: start-task --remove-meta with empty target tables",
            )),
            Event::StatementLoad { .. } => Err(DmError::new(
                &codes::SYNC_UNIT_DML_STATEMENT_FOUND,
                format!(
                    "LOAD DATA in statement format before ({}, {end})",
                    self.file
                ),
            )),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, header: &Header, event: &GtidEvent, begin: u64) -> Result<(), DmError> {
        self.abandoned(header, begin)?;
        let mut open = Open {
            begin: BinlogPosition::new(self.file.clone(), begin),
            ..Open::default()
        };
        match &event.family {
            _ if event.anonymous => {
                if self.with_gtid {
                    return Err(DmError::new(
                        &codes::LINEAGE_MISMATCH,
                        format!(
                            "a transaction without GTID at ({}, {begin}) while this source is tracked by GTID",
                            self.file
                        ),
                    )
                    .with_workaround(
                        "set gtid_mode=ON upstream, or enable-gtid: false for this source",
                    ));
                }
            }
            GtidFamily::Mysql(gtid) => {
                open.gtid = Some(Gtid::mysql(gtid.sid, gtid.tag.clone(), gtid.gno));
                open.committed_ms = gtid.immediate_commit_timestamp_us.map(|us| us / 1_000);
            }
            GtidFamily::Mariadb(gtid) => {
                open.gtid = Some(Gtid::mariadb(gtid.domain, gtid.server, gtid.seq));
                // With the capability that we announce the server leaves BEGIN and XA START out.
                open.begun = !gtid.standalone;
                open.xa = gtid.prepared_xa;
                open.ignored = gtid.start_alter || gtid.rollback_alter;
            }
        }
        self.open = Some(open);
        Ok(())
    }

    /// A group that another one follows although it has no end. An empty one still uses up its GTID.
    fn abandoned(&mut self, header: &Header, begin: u64) -> Result<(), DmError> {
        let Some(open) = self.open.as_ref().filter(|open| open.gtid.is_some()) else {
            return Ok(());
        };
        if open.items.is_empty() && open.items_before == 0 {
            return self.finish(header, begin);
        }
        Err(DmError::new(
            &codes::SYNCER_GET_EVENT,
            format!(
                "the transaction that begins at {} has no end before ({}, {begin})",
                open.begin, self.file
            ),
        ))
    }

    /// The open transaction; without GTID events it begins here.
    fn opened(&mut self, begin: u64) -> &mut Open {
        let file = &self.file;
        self.open.get_or_insert_with(|| Open {
            begin: BinlogPosition::new(file.clone(), begin),
            ..Open::default()
        })
    }

    fn query(
        &mut self,
        header: &Header,
        query: &QueryEvent<'_>,
        begin: u64,
        end: u64,
        size: usize,
    ) -> Result<(), DmError> {
        let text = String::from_utf8(query.sql.to_vec()).map_err(|_| {
            DmError::new(
                &codes::PARSE_SQL,
                format!(
                    "a statement before ({}, {end}) is not valid UTF-8",
                    self.file
                ),
            )
        })?;
        let statement = StatementText {
            text,
            default_schema: String::from_utf8_lossy(query.schema).into_owned(),
            start: begin,
            session: StatementSession::of(header, query),
        };
        match self.control_of(&statement) {
            Some(Control::Begin) => {
                self.opened(begin).begun = true;
                Ok(())
            }
            Some(Control::Commit) => self.finish(header, end),
            Some(Control::Rollback) => {
                self.roll_back_to(0, end)?;
                self.finish(header, end)
            }
            Some(Control::Savepoint) => {
                let open = self.opened(begin);
                let items = open.items_before + open.items.len();
                open.savepoints
                    .push((savepoint_name(&statement.text), items));
                Ok(())
            }
            Some(Control::ReleaseSavepoint) => Ok(()),
            Some(Control::RollbackTo) => {
                let name = savepoint_name(&statement.text);
                let found = self.open.as_ref().and_then(|open| {
                    open.savepoints
                        .iter()
                        .rev()
                        .find(|(known, _)| known.eq_ignore_ascii_case(&name))
                        .map(|(_, items)| *items)
                });
                let items = found.ok_or_else(|| {
                    DmError::new(
                        &codes::SYNCER_GET_EVENT,
                        format!(
                            "ROLLBACK TO {name} before ({}, {end}) without its SAVEPOINT",
                            self.file
                        ),
                    )
                })?;
                self.roll_back_to(items, end)
            }
            Some(Control::Xa) => self.xa(header, &statement.text, begin, end),
            None => {
                let open = self.opened(begin);
                let begun = open.begun;
                if !open.ignored {
                    open.digester
                        .statement(&statement.default_schema, &statement.text);
                    open.items.push(Item::Statement(statement));
                    open.bytes += size;
                }
                if begun {
                    Ok(())
                } else {
                    self.finish(header, end)
                }
            }
        }
    }

    /// Only non-transactional tables keep what was changed after that many items.
    fn roll_back_to(&mut self, items: usize, end: u64) -> Result<(), DmError> {
        let Some(open) = self.open.as_mut() else {
            return Ok(());
        };
        let Some(kept) = items.checked_sub(open.items_before) else {
            return Err(DmError::new(
                &codes::NOT_YET_SUPPORTED,
                format!(
                    "a transaction of over {} MiB is rolled back at ({}, {end}) after its first rows were handed over",
                    self.part_bytes >> 20,
                    self.file
                ),
            ));
        };
        for item in open.items.iter_mut().skip(kept) {
            if let Item::Rows(rows) = item {
                *item = Item::RolledBack(rows.clone());
            }
        }
        Ok(())
    }

    fn xa(&mut self, header: &Header, text: &str, begin: u64, end: u64) -> Result<(), DmError> {
        let statement = XaStatement::parse(text).ok_or_else(|| {
            DmError::new(
                &codes::PARSE_SQL,
                format!(
                    "the XA statement before ({}, {end}) is not understood: {text}",
                    self.file
                ),
            )
        })?;
        let (xid, commit) = match statement {
            XaStatement::Bracket => {
                let open = self.opened(begin);
                (open.begun, open.xa) = (true, true);
                return Ok(());
            }
            XaStatement::Commit(xid) => (xid, true),
            XaStatement::Rollback(xid) => (xid, false),
        };
        let held = self.prepared.decide(&xid);
        let (with_gtid, known) = (self.with_gtid, self.known.clone());
        let file = self.file.clone();
        let open = self.opened(begin);
        open.digester.statement("", text);
        match held {
            Some((items, bytes)) if commit => {
                open.items.extend(items);
                open.bytes += bytes;
            }
            Some(_) => {}
            None if !commit => {}
            None => {
                let id = TransactionId {
                    gtid: open.gtid.clone().filter(|_| with_gtid),
                    end: BinlogPosition::new(file.clone(), end),
                };
                if !known.is_some_and(|known| known.covers(&id)) {
                    return Err(DmError::new(
                        &codes::LINEAGE_MISMATCH,
                        format!("XA COMMIT {xid} before ({file}, {end}): its XA PREPARE lies before the start of this task, so its rows are not known"),
                    )
                    .with_workaround("load the tables again with start-task --remove-meta after emptying the target tables; start a task while no XA transaction is prepared (XA RECOVER lists them)"));
                }
            }
        }
        self.finish(header, end)
    }

    fn prepare(&mut self, header: &Header, xid: &str, end: u64) -> Result<(), DmError> {
        let open = self.opened(end);
        let (items, bytes) = (std::mem::take(&mut open.items), open.bytes);
        open.digester.statement("", xid);
        let before = self.at.clone();
        self.prepared
            .prepare(xid.to_owned(), before, items, bytes)?;
        self.finish(header, end)
    }

    /// Transaction control, recognised by the parser so that a comment before it changes nothing.
    fn control_of(&self, statement: &StatementText) -> Option<Control> {
        match statement.text.as_str() {
            "BEGIN" => return Some(Control::Begin),
            "COMMIT" => return Some(Control::Commit),
            _ => {}
        }
        let flavor = match self.flavor {
            Flavor::Mysql => dm_ddl::Flavor::Mysql,
            Flavor::Mariadb => dm_ddl::Flavor::Mariadb,
        };
        let context = dm_ddl::Context {
            default_schema: None,
            ansi_quotes: statement.session.ansi_quotes(),
            no_backslash_escapes: statement.session.no_backslash_escapes(),
            flavor,
            version: self.version,
        };
        // Texts that don't parse are judged where tables are known.
        let parsed = dm_ddl::parse(&statement.text, &context).ok()?;
        match parsed.first().map(|statement| statement.kind()) {
            Some(Kind::Transaction(control)) => Some(*control),
            _ => None,
        }
    }

    fn rows(
        &mut self,
        header: &Header,
        rows: RowsEvent<'_>,
        begin: u64,
        end: u64,
        size: usize,
    ) -> Result<(), DmError> {
        let part_bytes = self.part_bytes;
        let open = self.opened(begin);
        open.digester.rows(&rows);
        open.items.push(Item::Rows(Arc::new(rows.into_owned())));
        open.bytes += size;
        if open.xa {
            // Whether it counts is not known before its end.
            return Prepared::bounded(open.bytes, "one that is not prepared yet");
        }
        if open.bytes >= part_bytes {
            return self.part(header, end);
        }
        Ok(())
    }

    /// Hands over what there is of a giant transaction.
    fn part(&mut self, header: &Header, end: u64) -> Result<(), DmError> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        let items = std::mem::take(&mut open.items);
        let rows = count_rows(&items).map_err(|error| undecodable(&self.file, end, error))?;
        let transaction = Transaction {
            id: TransactionId {
                gtid: open.gtid.clone().filter(|_| self.with_gtid),
                end: BinlogPosition::new(self.file.clone(), end),
            },
            part: Part {
                begin: open.begin.clone(),
                first_row: open.rows_before,
                last: false,
                digest: open.digester.digest(),
            },
            mark: Mark {
                receipt: None,
                undecided: self.prepared.listed(),
            },
            committed_ms: committed_ms(&open, header),
            bytes: open.bytes,
            items,
        };
        open.rows_before += rows;
        open.items_before += transaction.items.len();
        open.bytes = 0;
        self.open = Some(open);
        self.ready
            .push_back(Step::Transaction(Box::new(transaction)));
        Ok(())
    }

    fn finish(&mut self, header: &Header, end: u64) -> Result<(), DmError> {
        let open = self.open.take().unwrap_or_default();
        if self.with_gtid && open.gtid.is_none() {
            return Err(DmError::new(
                &codes::LINEAGE_MISMATCH,
                format!("a transaction without GTID before ({}, {end})", self.file),
            ));
        }
        let committed_ms = committed_ms(&open, header);
        let gtid = open.gtid.filter(|_| self.with_gtid);
        let previous = match (&gtid, &self.at.gtid) {
            (Some(Gtid::Mariadb { domain, .. }), Some(set)) => set.last_of_domain(*domain),
            _ => None,
        };
        let id = TransactionId {
            gtid,
            end: BinlogPosition::new(self.file.clone(), end),
        };
        self.goes_on(&id)?;
        self.at.advance(&id);
        let digest = open.digester.digest();
        let receipt = Receipt {
            id: id.clone(),
            begin: open.begin.clone(),
            previous,
            digest,
        };
        self.ready
            .push_back(Step::Transaction(Box::new(Transaction {
                id,
                part: Part {
                    begin: open.begin,
                    first_row: open.rows_before,
                    last: true,
                    digest,
                },
                mark: Mark {
                    receipt: Some(receipt),
                    undecided: self.prepared.listed(),
                },
                committed_ms,
                items: open.items,
                bytes: open.bytes,
            })));
        Ok(())
    }

    /// MariaDB numbers of a domain never go back (R1).
    fn goes_on(&self, id: &TransactionId) -> Result<(), DmError> {
        if let (Some(gtid @ Gtid::Mariadb { domain, .. }), Some(set)) = (&id.gtid, &self.at.gtid)
            && set.contains(gtid)
            && let Some(last) = set.last_of_domain(*domain)
        {
            return Err(DmError::new(
                &codes::LINEAGE_MISMATCH,
                format!("the source sends {id} after {last}: sequence numbers of domain {domain} go back"),
            )
            .with_workaround("the source was reset or another server writes into this domain; load the tables again with start-task --remove-meta after emptying the target tables"));
        }
        Ok(())
    }
}

fn committed_ms(open: &Open, header: &Header) -> u64 {
    open.committed_ms
        .unwrap_or(u64::from(header.timestamp) * 1_000)
}

fn count_rows(items: &[Item]) -> Result<u64, dm_binlog::DecodeError> {
    let mut count = 0u64;
    for item in items {
        if let Item::Rows(rows) | Item::RolledBack(rows) = item {
            let signs = vec![false; rows.map.columns.len()];
            count += rows.count_rows(&RowPlan::new(&rows.map, &signs)?)?;
        }
    }
    Ok(count)
}

/// `SAVEPOINT`, `ROLLBACK TO` and `RELEASE` end in the name.
fn savepoint_name(text: &str) -> String {
    match (text.find('`'), text.rfind('`')) {
        (Some(open), Some(close)) if open < close => {
            text.get(open + 1..close).unwrap_or_default().to_owned()
        }
        _ => text
            .split_whitespace()
            .last()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn undecodable(file: &str, end: u64, error: dm_binlog::DecodeError) -> DmError {
    DmError::new(
        &codes::SYNCER_GET_EVENT,
        format!("an event of {file} after {end} cannot be decoded"),
    )
    .with_cause(error)
}

#[cfg(test)]
#[path = "assembler_test.rs"]
mod tests;
