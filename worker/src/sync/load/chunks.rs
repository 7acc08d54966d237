//! Reads a snapshot in chunks: by ranges of the primary key where the server compares a key as we hand it back, else as one stream.

use std::{fmt::Write as _, sync::Arc};

use dm_ddl::TypeKind;
use dm_model::{DmError, codes};
use mysql_async::{Conn, Params, Row, Value as Raw, prelude::Queryable};
use tokio::sync::mpsc;

use crate::sync::{
    errors,
    transform::{Charset, PlannedColumn, TablePlan},
    value::{Value, datetime_text, quote_name, time_text},
};

/// A chunk ends at this many bytes of values.
const CHUNK_BYTES: usize = 1 << 20;
/// A chunk ends at this many rows.
const CHUNK_ROWS: usize = 4_000;

/// Rows that commit together.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) bytes: usize,
    /// Ordinals of its rows in the table's snapshot, for messages.
    pub(crate) range: String,
}

/// What a reader sends.
#[derive(Debug)]
pub(crate) enum Part {
    Chunk(Chunk),
    /// Every row was sent. Without it the table is not complete.
    End,
}

/// Sends every row of the snapshot, in chunks; an error ends the stream.
pub(crate) async fn read(
    conn: Conn,
    plan: Arc<TablePlan>,
    sender: mpsc::Sender<Result<Part, DmError>>,
) {
    let mut reader = Reader {
        conn,
        plan,
        sender,
        first: 1,
        rows: Vec::new(),
        bytes: 0,
    };
    let read = if reader.plan.key.is_empty() || !key_is_plain(&reader.plan) {
        reader.stream().await
    } else {
        reader.pages().await
    };
    let ended = match read {
        Ok(true) => match reader.flush().await {
            Ok(true) => reader.sender.send(Ok(Part::End)).await.map_or(Ok(()), Ok),
            ended => ended.map(drop),
        },
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        let _copier_gone = reader.sender.send(Err(error)).await;
    }
    let _closed = reader.conn.disconnect().await;
}

struct Reader {
    conn: Conn,
    plan: Arc<TablePlan>,
    sender: mpsc::Sender<Result<Part, DmError>>,
    /// Ordinal of the first row of the chunk.
    first: u64,
    rows: Vec<Vec<Value>>,
    bytes: usize,
}

impl Reader {
    /// One SELECT. False: nobody wants the rest.
    async fn stream(&mut self) -> Result<bool, DmError> {
        let select = format!(
            "SELECT {} FROM {}",
            select_list(&self.plan),
            self.plan.source
        );
        let (plan, sender) = (self.plan.clone(), self.sender.clone());
        let mut result = self
            .conn
            .exec_iter(select, Params::Empty)
            .await
            .map_err(errors::upstream)?;
        while let Some(row) = result.next().await.map_err(errors::upstream)? {
            let values = values_of(row, &plan)?;
            self.bytes += values.iter().map(Value::size).sum::<usize>();
            self.rows.push(values);
            if self.bytes >= CHUNK_BYTES || self.rows.len() >= CHUNK_ROWS {
                let chunk = take(&mut self.rows, &mut self.bytes, &mut self.first);
                if sender.send(Ok(Part::Chunk(chunk))).await.is_err() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// One SELECT per page, each from the last key on.
    async fn pages(&mut self) -> Result<bool, DmError> {
        let plan = self.plan.clone();
        let order: Vec<String> = plan
            .key
            .iter()
            .filter_map(|index| plan.columns.get(*index))
            .map(|column| quote_name(&column.column.name))
            .collect();
        let head = format!("SELECT {} FROM {}", select_list(&plan), plan.source);
        let tail = format!("ORDER BY {} LIMIT {CHUNK_ROWS}", order.join(", "));
        let mut last: Option<Vec<Raw>> = None;
        loop {
            let (select, params) = match &last {
                None => (format!("{head} {tail}"), Params::Empty),
                Some(key) => (
                    format!("{head} WHERE {} {tail}", after_key(&order)),
                    Params::Positional(after_params(key)),
                ),
            };
            let mut result = self
                .conn
                .exec_iter(select, params)
                .await
                .map_err(errors::upstream)?;
            let mut count = 0;
            let mut next_last = None;
            while let Some(row) = result.next().await.map_err(errors::upstream)? {
                count += 1;
                next_last = Some(key_of(&row, &plan));
                let values = values_of(row, &plan)?;
                self.bytes += values.iter().map(Value::size).sum::<usize>();
                self.rows.push(values);
                if self.bytes >= CHUNK_BYTES {
                    let chunk = take(&mut self.rows, &mut self.bytes, &mut self.first);
                    if self.sender.send(Ok(Part::Chunk(chunk))).await.is_err() {
                        return Ok(false);
                    }
                }
            }
            drop(result);
            if !self.flush().await? {
                return Ok(false);
            }
            if count < CHUNK_ROWS {
                return Ok(true);
            }
            last = next_last;
        }
    }

    /// Sends what is there. False: nobody wants it.
    async fn flush(&mut self) -> Result<bool, DmError> {
        if self.rows.is_empty() {
            return Ok(true);
        }
        let chunk = take(&mut self.rows, &mut self.bytes, &mut self.first);
        Ok(self.sender.send(Ok(Part::Chunk(chunk))).await.is_ok())
    }
}

fn take(rows: &mut Vec<Vec<Value>>, bytes: &mut usize, first: &mut u64) -> Chunk {
    let rows = std::mem::take(rows);
    let last = *first + rows.len() as u64;
    let range = format!("{first} to {}", last - 1);
    *first = last;
    Chunk {
        rows,
        bytes: std::mem::take(bytes),
        range,
    }
}

/// Whether every part of the key comes back to the server exactly as it compared it. DECIMAL does not: it travels as text, which
/// servers compare with it as a double.
fn key_is_plain(plan: &TablePlan) -> bool {
    use TypeKind::{
        BigInt, Binary, Char, Date, DateTime, Int, MediumInt, SmallInt, Timestamp, TinyInt,
        VarBinary, VarChar,
    };
    plan.key
        .iter()
        .filter_map(|index| plan.columns.get(*index))
        .all(|column| match column.column.ty.kind {
            TinyInt | SmallInt | MediumInt | Int | BigInt | Date | DateTime | Timestamp
            | Binary | VarBinary => true,
            Char | VarChar => column.charset == Charset::Utf8,
            _ => false,
        })
}

/// `(a > ?) OR (a = ? AND b > ?) …`: row constructors don't use the index on every server.
fn after_key(order: &[String]) -> String {
    let mut text = String::new();
    for upto in 0..order.len() {
        text.push_str(if upto > 0 { " OR (" } else { "(" });
        for (index, name) in order.iter().take(upto + 1).enumerate() {
            let _ = write!(
                text,
                "{}{name} {} ?",
                if index > 0 { " AND " } else { "" },
                if index == upto { ">" } else { "=" }
            );
        }
        text.push(')');
    }
    format!("({text})")
}

fn after_params(key: &[Raw]) -> Vec<Raw> {
    (0..key.len())
        .flat_map(|upto| key.iter().take(upto + 1).cloned())
        .collect()
}

fn key_of(row: &Row, plan: &TablePlan) -> Vec<Raw> {
    let written: Vec<usize> = plan.written().map(|(index, _)| index).collect();
    plan.key
        .iter()
        .map(|index| {
            let place = written.iter().position(|written| written == index);
            place
                .and_then(|place| row.as_ref(place))
                .cloned()
                .unwrap_or(Raw::NULL)
        })
        .collect()
}

/// The written columns; ENUM, SET, BIT and YEAR as numbers, as the binlog has them.
fn select_list(plan: &TablePlan) -> String {
    let columns: Vec<String> = plan
        .written()
        .map(|(_, column)| {
            let name = quote_name(&column.column.name);
            match column.column.ty.kind {
                TypeKind::Enum | TypeKind::Set | TypeKind::Bit | TypeKind::Year => {
                    format!("CAST({name} AS UNSIGNED)")
                }
                _ => name,
            }
        })
        .collect();
    columns.join(", ")
}

fn values_of(row: Row, plan: &TablePlan) -> Result<Vec<Value>, DmError> {
    // Every value is there: none has been taken out of the row.
    let mut raws = row
        .unwrap_raw()
        .into_iter()
        .map(|raw| raw.unwrap_or(Raw::NULL));
    plan.columns
        .iter()
        .map(|column| {
            if !column.written {
                return Ok(Value::Null);
            }
            value_of(raws.next().unwrap_or(Raw::NULL), column).map_err(|cause| {
                DmError::new(
                    &codes::VALUE_UNREADABLE,
                    format!(
                        "column `{}` of a row of {}",
                        column.column.name, plan.source
                    ),
                )
                .with_cause(cause)
            })
        })
        .collect()
}

fn value_of(raw: Raw, column: &PlannedColumn) -> Result<Value, String> {
    let kind = column.column.ty.kind;
    Ok(match raw {
        Raw::NULL => Value::Null,
        Raw::Int(value) if column.column.ty.unsigned => {
            Value::UInt(u64::try_from(value).map_err(|error| error.to_string())?)
        }
        Raw::Int(value) => Value::Int(value),
        Raw::UInt(value) => Value::UInt(value),
        Raw::Float(value) => Value::Float(value),
        Raw::Double(value) => Value::Double(value),
        Raw::Date(year, month, day, ..) if kind == TypeKind::Date => {
            Value::Time(format!("{year:04}-{month:02}-{day:02}"))
        }
        Raw::Date(year, month, day, hour, minute, second, micros) => Value::Time(datetime_text(
            year, month, day, hour, minute, second, micros,
        )),
        Raw::Time(negative, days, hours, minutes, seconds, micros) => Value::Time(time_text(
            negative,
            days * 24 + u32::from(hours),
            minutes,
            seconds,
            micros,
        )),
        Raw::Bytes(bytes) if kind == TypeKind::Decimal => {
            Value::Number(String::from_utf8(bytes).map_err(|error| error.to_string())?)
        }
        Raw::Bytes(bytes) => Value::from_bytes(&bytes, &column.column, column.charset)
            .map_err(|error| error.to_string())?,
    })
}
