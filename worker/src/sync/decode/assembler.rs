//! Groups events into transactions. Pure: one event in, at most one transaction out.

use std::sync::Arc;

use dm_binlog::{
    DECOMPRESSED_BYTES_MAX, Decoder, Event, GtidEvent, GtidFamily, Header, InnerEvents, QueryEvent,
};
use dm_ddl::{Kind, Transaction as Control};
use dm_model::{BinlogPosition, DmError, Flavor, Gtid, TransactionId, codes};

use super::{Item, StatementSession, StatementText, Transaction};
use crate::sync::upstream::RawEvent;

/// Bytes of one transaction that we hold. A larger one stops the source by name; splitting it is the Apply issue's.
const TRANSACTION_BYTES_MAX: usize = 512 << 20;

/// What an event led to.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing is complete yet.
    More,
    Transaction(Transaction),
    /// The upstream is idle.
    Idle,
}

/// The transaction that is being put together.
#[derive(Debug, Default)]
struct Open {
    gtid: Option<Gtid>,
    /// BEGIN was seen, or is implied.
    begun: bool,
    /// MariaDB logs a long ALTER twice; only the second, successful one counts.
    ignored: bool,
    items: Vec<Item>,
    bytes: usize,
    committed_ms: Option<u64>,
}

/// Groups the events of one stream.
#[derive(Debug)]
pub(crate) struct Assembler {
    decoder: Decoder,
    flavor: Flavor,
    version: u32,
    with_gtid: bool,
    file: String,
    open: Option<Open>,
}

impl Assembler {
    /// For a stream that starts in `file`.
    pub(crate) fn new(flavor: Flavor, version: u32, with_gtid: bool, file: &str) -> Self {
        let mut decoder = Decoder::new();
        // The stream asks for checksums, so the artificial ROTATE before the first FORMAT_DESCRIPTION carries one if the server has them on.
        decoder.declared_checksum(false);
        Self {
            decoder,
            flavor,
            version,
            with_gtid,
            file: file.to_owned(),
            open: None,
        }
    }

    /// Takes one event of the stream.
    pub(crate) fn push(&mut self, raw: RawEvent) -> Result<Step, DmError> {
        let size = raw.bytes.len();
        if self.decoder.format_description().is_none() && raw.bytes.get(4) == Some(&ROTATE) {
            return self.first_rotate(&raw.bytes);
        }
        let (header, event) = {
            let decoded = self.decoder.decode(&raw.bytes);
            decoded.map_err(|error| self.undecodable(error))?
        };
        if let Event::TransactionPayload(payload) = &event {
            let end = u64::from(header.end_pos);
            let plain = payload
                .decompress(DECOMPRESSED_BYTES_MAX)
                .map_err(|error| undecodable(&self.file, end, error))?;
            return self.payload(&plain, end);
        }
        self.event(&header, event, u64::from(header.end_pos), size)
    }

    /// The artificial ROTATE before the first FORMAT_DESCRIPTION: whether it ends in a checksum is not known yet, so only its
    /// position is believed and its name is taken up to the first byte that a file name cannot have.
    fn first_rotate(&mut self, bytes: &[u8]) -> Result<Step, DmError> {
        let name = bytes.get(ROTATE_NAME_AT..).unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        if name.starts_with(self.file.as_str()) && !self.file.is_empty() {
            return Ok(Step::More);
        }
        // `name.NNNNNN`: the digits end the name.
        let end = name.rfind('.').map(|dot| {
            let digits = name
                .get(dot + 1..)
                .unwrap_or_default()
                .bytes()
                .take_while(u8::is_ascii_digit)
                .count();
            dot + 1 + digits
        });
        self.file = end
            .and_then(|end| name.get(..end))
            .unwrap_or_default()
            .to_owned();
        Ok(Step::More)
    }

    fn payload(&mut self, plain: &[u8], end: u64) -> Result<Step, DmError> {
        let mut last = Step::More;
        for bytes in InnerEvents::new(plain) {
            let bytes = bytes.map_err(|error| undecodable(&self.file, end, error))?;
            let (header, event) = self
                .decoder
                .decode_inner(bytes)
                .map_err(|error| undecodable(&self.file, end, error))?;
            last = self.event(&header, event, end, bytes.len())?;
        }
        Ok(last)
    }

    fn event(
        &mut self,
        header: &Header,
        event: Event<'_>,
        end: u64,
        size: usize,
    ) -> Result<Step, DmError> {
        match event {
            Event::Rotate { file, .. } => {
                self.file = file;
                // A crash upstream cuts a transaction off: it never happened.
                self.open = None;
                Ok(Step::More)
            }
            Event::Heartbeat { .. } => Ok(Step::Idle),
            Event::Gtid(gtid) => self.begin(&gtid),
            Event::Query(query) => self.query(header, &query, end, size),
            Event::Rows(rows) => self.add(Item::Rows(Arc::new(rows.into_owned())), size),
            Event::Xid(_)
            | Event::XaPrepare {
                one_phase: true, ..
            } => self.finish(header, end),
            Event::XaPrepare { .. } => Err(self.unsupported("an XA transaction", end)),
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
            Event::StatementLoad { .. } => {
                Err(self.statement_dml("LOAD DATA in statement format", end))
            }
            _ => Ok(Step::More),
        }
    }

    fn begin(&mut self, event: &GtidEvent) -> Result<Step, DmError> {
        if event.anonymous {
            if self.with_gtid {
                return Err(DmError::new(
                    &codes::LINEAGE_MISMATCH,
                    format!(
                        "a transaction without GTID in {} while this source is tracked by GTID",
                        self.file
                    ),
                )
                .with_workaround(
                    "set gtid_mode=ON upstream, or enable-gtid: false for this source",
                ));
            }
            self.open = Some(Open::default());
            return Ok(Step::More);
        }
        let mut open = Open::default();
        match &event.family {
            GtidFamily::Mysql(gtid) => {
                open.gtid = Some(Gtid::mysql(gtid.sid, gtid.tag.clone(), gtid.gno));
                open.committed_ms = gtid.immediate_commit_timestamp_us.map(|us| us / 1_000);
            }
            GtidFamily::Mariadb(gtid) => {
                if gtid.prepared_xa || gtid.completed_xa {
                    return Err(self.unsupported("an XA transaction", 0));
                }
                open.gtid = Some(Gtid::mariadb(gtid.domain, gtid.server, gtid.seq));
                // With the capability that we announce the server leaves BEGIN out.
                open.begun = !gtid.standalone;
                open.ignored = gtid.start_alter || gtid.rollback_alter;
            }
        }
        self.open = Some(open);
        Ok(Step::More)
    }

    fn query(
        &mut self,
        header: &Header,
        query: &QueryEvent<'_>,
        end: u64,
        size: usize,
    ) -> Result<Step, DmError> {
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
            start: end.saturating_sub(u64::from(header.length)),
            session: StatementSession::of(header, query),
        };
        match self.control_of(&statement) {
            Some(Control::Begin) => {
                self.open.get_or_insert_default().begun = true;
                Ok(Step::More)
            }
            Some(Control::Commit) => self.finish(header, end),
            Some(Control::Rollback) => {
                if let Some(open) = self.open.as_mut() {
                    open.items.clear();
                }
                self.finish(header, end)
            }
            Some(Control::Savepoint | Control::ReleaseSavepoint) => Ok(Step::More),
            Some(Control::RollbackTo) => Err(self.unsupported(
                "ROLLBACK TO SAVEPOINT in the binlog (non-transactional tables took part)",
                end,
            )),
            Some(Control::Xa) => Err(self.unsupported("an XA transaction", end)),
            None => {
                let begun = self.open.get_or_insert_default().begun;
                if !self.open.get_or_insert_default().ignored {
                    self.add(Item::Statement(statement), size)?;
                }
                if begun {
                    Ok(Step::More)
                } else {
                    self.finish(header, end)
                }
            }
        }
    }

    /// Transaction control, recognised by the parser so that a comment before it changes nothing.
    fn control_of(&self, statement: &StatementText) -> Option<Control> {
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

    fn add(&mut self, item: Item, size: usize) -> Result<Step, DmError> {
        let open = self.open.get_or_insert_default();
        open.items.push(item);
        open.bytes += size;
        if open.bytes > TRANSACTION_BYTES_MAX {
            return Err(DmError::new(
                &codes::NOT_YET_SUPPORTED,
                format!(
                    "a transaction in {} has more than {} MiB",
                    self.file,
                    TRANSACTION_BYTES_MAX >> 20
                ),
            ));
        }
        Ok(Step::More)
    }

    fn finish(&mut self, header: &Header, end: u64) -> Result<Step, DmError> {
        let open = self.open.take().unwrap_or_default();
        if self.with_gtid && open.gtid.is_none() {
            return Err(DmError::new(
                &codes::LINEAGE_MISMATCH,
                format!("a transaction without GTID before ({}, {end})", self.file),
            ));
        }
        let gtid = if self.with_gtid { open.gtid } else { None };
        Ok(Step::Transaction(Transaction {
            id: TransactionId {
                gtid,
                end: BinlogPosition::new(self.file.clone(), end),
            },
            committed_ms: open
                .committed_ms
                .unwrap_or(u64::from(header.timestamp) * 1_000),
            items: open.items,
            bytes: open.bytes,
        }))
    }

    fn unsupported(&self, what: &str, end: u64) -> DmError {
        DmError::new(
            &codes::NOT_YET_SUPPORTED,
            format!("{what} before ({}, {end}) cannot be applied yet", self.file),
        )
        .with_workaround("nothing was skipped; this version cannot go past it")
    }

    fn statement_dml(&self, what: &str, end: u64) -> DmError {
        DmError::new(
            &codes::SYNC_UNIT_DML_STATEMENT_FOUND,
            format!("{what} before ({}, {end})", self.file),
        )
    }

    fn undecodable(&self, error: dm_binlog::DecodeError) -> DmError {
        undecodable(&self.file, 0, error)
    }
}

/// Type code of ROTATE, and where its file name starts.
const ROTATE: u8 = 4;
const ROTATE_NAME_AT: usize = 27;

fn undecodable(file: &str, end: u64, error: dm_binlog::DecodeError) -> DmError {
    DmError::new(
        &codes::SYNCER_GET_EVENT,
        format!("an event of {file} before {end} cannot be decoded"),
    )
    .with_cause(error)
}
