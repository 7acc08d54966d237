//! The type byte decides who reads the body.

use super::{Decoder, Header, type_code as t};
use crate::DecodeError;
use crate::event::{self, Event, GtidEvent, QueryEvent, TransactionPayload, UserVar, Xid};
use crate::reader::{Reader, text};
use crate::rows::{DUMMY_TABLE_ID, RowsEvent, RowsKind, RowsLayout};
use crate::table_map::TableMap;

/// Usual lengths of fixed parts, used when no FORMAT_DESCRIPTION was seen.
const TABLE_MAP_POST_HEADER: usize = 8;
const ROWS_V1_POST_HEADER: usize = 8;
const ROWS_V2_POST_HEADER: usize = 10;
const QUERY_POST_HEADER: usize = 13;

/// Decodes a body of which header and checksum are stripped.
pub(super) fn decode_body<'a>(
    decoder: &mut Decoder,
    header: &Header,
    body: &'a [u8],
) -> Result<Event<'a>, DecodeError> {
    let code = header.type_code;
    match code {
        t::QUERY | t::MARIADB_QUERY_COMPRESSED => query(decoder, code, body),
        t::TABLE_MAP => table_map(decoder, body),
        t::WRITE_ROWS_V1..=t::DELETE_ROWS_V1
        | t::WRITE_ROWS_V2..=t::DELETE_ROWS_V2
        | t::MARIADB_WRITE_ROWS_COMPRESSED_V1..=t::MARIADB_DELETE_ROWS_COMPRESSED => {
            rows(decoder, code, body)
        }
        t::XID => {
            decoder.table_maps.end_statement();
            Ok(Event::Xid(Reader::new(body, "the XID event").u64()?))
        }
        t::XA_PREPARE => {
            decoder.table_maps.end_statement();
            let (one_phase, xid) = Xid::read_prepare(Reader::new(body, "the XA_PREPARE event"))?;
            Ok(Event::XaPrepare { one_phase, xid })
        }
        t::PARTIAL_UPDATE_ROWS => Err(DecodeError::unsupported(
            "a partial JSON update (event PARTIAL_UPDATE_ROWS; set binlog_row_value_options='' at the source)",
        )),
        t::PRE_GA_WRITE_ROWS..=t::PRE_GA_DELETE_ROWS => Err(DecodeError::unsupported(
            "a rows event of a MySQL 5.1 preview",
        )),
        t::START_V3 => Err(DecodeError::unsupported(
            "a binlog in the format of MySQL before 5.0",
        )),
        _ => simple(header, body),
    }
}

/// Events that neither need nor change the decoder's state.
fn simple<'a>(header: &Header, body: &'a [u8]) -> Result<Event<'a>, DecodeError> {
    let code = header.type_code;
    let reader = |what| Reader::new(body, what);
    Ok(match code {
        t::ROTATE => event::rotate(reader("the ROTATE event"))?,
        t::GTID | t::ANONYMOUS_GTID => Event::Gtid(GtidEvent::read_mysql(
            reader("the GTID event"),
            code == t::ANONYMOUS_GTID,
        )?),
        t::GTID_TAGGED => Event::Gtid(GtidEvent::read_tagged(reader("the tagged GTID event"))?),
        t::MARIADB_GTID => Event::Gtid(GtidEvent::read_mariadb(
            reader("the GTID event"),
            header.server_id,
        )?),
        t::PREVIOUS_GTIDS => Event::PreviousGtids(body),
        t::MARIADB_GTID_LIST => event::gtid_list(reader("the GTID_LIST event"))?,
        t::TRANSACTION_PAYLOAD => Event::TransactionPayload(TransactionPayload::read(reader(
            "the TRANSACTION_PAYLOAD event",
        ))?),
        t::ROWS_QUERY => event::rows_query(reader("the ROWS_QUERY event"))?,
        t::MARIADB_ANNOTATE_ROWS => Event::MariadbAnnotate(body),
        t::MARIADB_BINLOG_CHECKPOINT => {
            event::binlog_checkpoint(reader("the BINLOG_CHECKPOINT event"))?
        }
        t::MARIADB_START_ENCRYPTION => {
            event::start_encryption(reader("the START_ENCRYPTION event"))?
        }
        t::HEARTBEAT => Event::Heartbeat {
            file: text(body),
            position: None,
        },
        t::HEARTBEAT_V2 => event::heartbeat_v2(reader("the HEARTBEAT event"))?,
        t::INCIDENT => event::incident(reader("the INCIDENT event"))?,
        t::STOP => Event::Stop,
        t::INTVAR => event::int_var(reader("the INTVAR event"))?,
        t::RAND => event::rand(reader("the RAND event"))?,
        t::USER_VAR => Event::UserVar(UserVar::read(reader("the USER_VAR event"))?),
        t::LOAD | t::CREATE_FILE..=t::NEW_LOAD | t::BEGIN_LOAD_QUERY | t::EXECUTE_LOAD_QUERY => {
            Event::StatementLoad { type_code: code }
        }
        // Group replication writes the last two without the ignorable flag; they carry no data.
        t::IGNORABLE | t::TRANSACTION_CONTEXT | t::VIEW_CHANGE => {
            Event::Ignorable { type_code: code }
        }
        _ if header.is_ignorable() => Event::Ignorable { type_code: code },
        _ => return Err(DecodeError::UnknownEvent { type_code: code }),
    })
}

fn query<'a>(decoder: &mut Decoder, code: u8, body: &'a [u8]) -> Result<Event<'a>, DecodeError> {
    let fixed = decoder.post_header_bytes(code, QUERY_POST_HEADER);
    let event = QueryEvent::read(
        Reader::new(body, "the QUERY event"),
        fixed,
        code == t::MARIADB_QUERY_COMPRESSED,
    )?;
    decoder.table_maps.end_statement();
    Ok(Event::Query(event))
}

fn table_map<'a>(decoder: &mut Decoder, body: &'a [u8]) -> Result<Event<'a>, DecodeError> {
    let fixed = decoder.post_header_bytes(t::TABLE_MAP, TABLE_MAP_POST_HEADER);
    let mariadb = decoder
        .description
        .as_ref()
        .is_some_and(|description| description.is_mariadb());
    let parse = || TableMap::read(Reader::new(body, "the TABLE_MAP event"), fixed, mariadb);
    decoder.table_maps.note(body, parse).map(Event::TableMap)
}

fn rows<'a>(decoder: &mut Decoder, code: u8, body: &'a [u8]) -> Result<Event<'a>, DecodeError> {
    let extended = matches!(
        code,
        t::WRITE_ROWS_V2..=t::DELETE_ROWS_V2 | t::MARIADB_WRITE_ROWS_COMPRESSED..=t::MARIADB_DELETE_ROWS_COMPRESSED
    );
    let layout = RowsLayout {
        kind: rows_kind(code),
        post_header_bytes: decoder.post_header_bytes(
            code,
            if extended {
                ROWS_V2_POST_HEADER
            } else {
                ROWS_V1_POST_HEADER
            },
        ),
        extended,
        compressed: code >= t::MARIADB_WRITE_ROWS_COMPRESSED_V1,
    };
    let head = layout.head(Reader::new(body, "the rows event"))?;
    let stmt_end = head.stmt_end;
    let event = if head.table_id == DUMMY_TABLE_ID && stmt_end {
        // Written only to end a statement whose rows the server left out.
        Event::Ignorable { type_code: code }
    } else {
        let map = decoder.table_maps.get(head.table_id)?;
        Event::Rows(RowsEvent::read(layout, head, map)?)
    };
    if stmt_end {
        decoder.table_maps.end_statement();
    }
    Ok(event)
}

fn rows_kind(code: u8) -> RowsKind {
    match code {
        t::WRITE_ROWS_V1
        | t::WRITE_ROWS_V2
        | t::MARIADB_WRITE_ROWS_COMPRESSED_V1
        | t::MARIADB_WRITE_ROWS_COMPRESSED => RowsKind::Insert,
        t::UPDATE_ROWS_V1
        | t::UPDATE_ROWS_V2
        | t::MARIADB_UPDATE_ROWS_COMPRESSED_V1
        | t::MARIADB_UPDATE_ROWS_COMPRESSED => RowsKind::Update,
        _ => RowsKind::Delete,
    }
}
