//! Reads a snapshot in chunks: by ranges of the key where the server compares a key as we hand it back, else as one stream.
//!
//! Boundaries of ranges are keys that a probe of the index found: the row halfway between two numbers, or the row some thousands on.

use std::{fmt::Write as _, sync::Arc};

use dm_ddl::TypeKind;
use dm_model::{DmError, codes};
use mysql_async::{Conn, Params, Row, Value as Raw, prelude::Queryable};
use tokio::sync::mpsc;

use super::{
    key_value::{Key, KeyUse, KeyValue, key_of, shown},
    work::{Range, Work},
};
use crate::sync::{
    errors,
    transform::{PlannedColumn, TablePlan},
    value::{Value, datetime_text, quote_name, time_text},
};

/// A chunk ends at this many bytes of values.
const CHUNK_BYTES: usize = 1 << 20;
/// A chunk ends at this many rows.
const CHUNK_ROWS: usize = 4_000;

/// What a reader gives away keeps at least this many rows for itself.
const SHARE_ROWS: u64 = 16_384;
/// Halvings of an interval of numbers whose rows all lie at one end.
const HALVINGS_MAX: u32 = 24;

/// Rows that commit together.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) bytes: usize,
    /// The part of the table, for messages.
    pub(crate) part: String,
    /// How far its range is read with it, where that survives a crash.
    pub(crate) reached: Option<Reached>,
}

/// How far a range is read.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) number: u64,
    pub(crate) after: Option<Key>,
    pub(crate) upto: Option<Key>,
}

/// What a reader sends.
#[derive(Debug)]
pub(crate) enum Part {
    Chunk(Chunk),
    /// Every row of this reader was sent. Without it the table is not complete.
    End,
}

/// How a table is read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) plan: Arc<TablePlan>,
    pub(crate) key_use: KeyUse,
    /// Name of the index of the key.
    pub(crate) index: Option<String>,
    /// Condition for the rows to copy, empty for all.
    pub(crate) condition: String,
    pub(crate) work: Work,
}

/// Sends every row of the ranges that it gets hold of, in chunks; an error ends the stream.
pub(crate) async fn read(
    conn: Conn,
    reading: Arc<Reading>,
    sender: mpsc::Sender<Result<Part, DmError>>,
) {
    let mut reader = Reader {
        conn,
        reading,
        sender,
        first: 1,
        rows: Vec::new(),
        bytes: 0,
    };
    let read = if reader.reading.key_use == KeyUse::None {
        reader.stream().await
    } else {
        reader.ranges().await
    };
    let ended = match read {
        Ok(true) => {
            let _copier_gone = reader.sender.send(Ok(Part::End)).await;
            Ok(())
        }
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        reader.reading.work.end();
        let _copier_gone = reader.sender.send(Err(error)).await;
    }
    let _closed = reader.conn.disconnect().await;
}

struct Reader {
    conn: Conn,
    reading: Arc<Reading>,
    sender: mpsc::Sender<Result<Part, DmError>>,
    /// Ordinal of the first row of the chunk, of this reader.
    first: u64,
    rows: Vec<Vec<Value>>,
    bytes: usize,
}

impl Reader {
    /// One SELECT. False: nobody wants the rest.
    async fn stream(&mut self) -> Result<bool, DmError> {
        let reading = self.reading.clone();
        if reading.work.take().await.is_none() {
            return Ok(true);
        }
        let plan = &reading.plan;
        let mut select = format!("SELECT {} FROM {}", select_list(plan), plan.source);
        if !reading.condition.is_empty() {
            let _ = write!(select, " WHERE ({})", reading.condition);
        }
        let sender = self.sender.clone();
        let mut result = self
            .conn
            .exec_iter(select, Params::Empty)
            .await
            .map_err(errors::upstream)?;
        while let Some(row) = result.next().await.map_err(errors::upstream)? {
            let values = values_of(row, plan)?;
            self.bytes += values.iter().map(Value::size).sum::<usize>();
            self.rows.push(values);
            if self.bytes >= CHUNK_BYTES || self.rows.len() >= CHUNK_ROWS {
                let chunk = take(&mut self.rows, &mut self.bytes, &mut self.first, None, plan);
                if sender.send(Ok(Part::Chunk(chunk))).await.is_err() {
                    return Ok(false);
                }
            }
        }
        drop(result);
        reading.work.read();
        if self.rows.is_empty() {
            return Ok(true);
        }
        self.send(None).await
    }

    async fn ranges(&mut self) -> Result<bool, DmError> {
        let reading = self.reading.clone();
        while let Some(range) = reading.work.take().await {
            if !self.pages(range).await? {
                return Ok(false);
            }
            reading.work.read();
        }
        // A reader that was told to end has not read everything.
        Ok(!reading.work.has_ended())
    }

    /// One SELECT per page of a range, each from the last key on.
    async fn pages(&mut self, mut range: Range) -> Result<bool, DmError> {
        let reading = self.reading.clone();
        let (begin, number) = (range.after.clone(), range.number);
        let durable = reading.key_use == KeyUse::Compared;
        let reached = |upto: Option<Key>| {
            durable.then(|| Reached {
                number,
                after: begin.clone(),
                upto,
            })
        };
        let columns = select_list(&reading.plan);
        loop {
            while reading.work.wants_more() && self.share(&mut range).await? {}
            if reading.work.has_ended() {
                return Ok(false);
            }
            let (select, params) = reading.page(&columns, &range, None, Direction::Up, CHUNK_ROWS);
            let mut result = self
                .conn
                .exec_iter(select, params)
                .await
                .map_err(errors::upstream)?;
            let mut count = 0;
            while let Some(row) = result.next().await.map_err(errors::upstream)? {
                if self.bytes >= CHUNK_BYTES {
                    let upto = self.rows.last().and_then(|row| key_of(row, &reading.plan));
                    let plan = &reading.plan;
                    let chunk = take(
                        &mut self.rows,
                        &mut self.bytes,
                        &mut self.first,
                        reached(upto),
                        plan,
                    );
                    if self.sender.send(Ok(Part::Chunk(chunk))).await.is_err() {
                        return Ok(false);
                    }
                }
                count += 1;
                let values = values_of(row, &reading.plan)?;
                self.bytes += values.iter().map(Value::size).sum::<usize>();
                self.rows.push(values);
            }
            drop(result);
            if count < CHUNK_ROWS {
                return self.send(reached(range.upto.clone())).await;
            }
            let last = self.rows.last().and_then(|row| key_of(row, &reading.plan));
            let Some(last) = last else {
                return Err(unreadable_key(&reading.plan));
            };
            range.after = Some(last.clone());
            range.weight = range.weight.saturating_sub(count as u64);
            if !self.send(reached(Some(last))).await? {
                return Ok(false);
            }
        }
    }

    /// Sends what is there. False: nobody wants it.
    async fn send(&mut self, reached: Option<Reached>) -> Result<bool, DmError> {
        if self.rows.is_empty() && reached.is_none() {
            return Ok(true);
        }
        let plan = self.reading.plan.clone();
        let chunk = take(
            &mut self.rows,
            &mut self.bytes,
            &mut self.first,
            reached,
            &plan,
        );
        Ok(self.sender.send(Ok(Part::Chunk(chunk))).await.is_ok())
    }

    /// Gives the upper part of the range to a reader that waits. False: it is too small.
    async fn share(&mut self, range: &mut Range) -> Result<bool, DmError> {
        let reading = self.reading.clone();
        if range.weight < 2 * SHARE_ROWS {
            return Ok(false);
        }
        let Some(middle) = self.middle(range).await? else {
            range.weight = 0;
            return Ok(false);
        };
        let upper = Range {
            after: Some(middle.clone()),
            ..range.clone()
        };
        let weight = self.estimate(&upper).await?.min(range.weight);
        reading
            .work
            .share(middle.clone(), range.upto.take(), weight);
        range.upto = Some(middle);
        range.weight -= weight;
        Ok(true)
    }

    /// A key inside the range, found by probing the index: halfway between its numbers, else some rows on.
    async fn middle(&mut self, range: &Range) -> Result<Option<Key>, DmError> {
        let reading = self.reading.clone();
        let names = reading.key_names();
        let columns = names.join(", ");
        let mut ends = [None, None];
        for (end, direction) in ends.iter_mut().zip([Direction::Up, Direction::Down]) {
            let (select, params) = reading.page(&columns, range, None, direction, 1);
            *end = self.probe(select, params).await?;
        }
        let [Some(lowest), Some(highest)] = ends else {
            return Ok(None);
        };
        if let (Some(KeyValue::Int(low)), Some(KeyValue::Int(high)), Some(name)) =
            (lowest.first(), highest.first(), names.first())
        {
            let (low, mut high) = (*low, *high);
            for _ in 0..HALVINGS_MAX {
                if high - low < 2 {
                    break;
                }
                let half = low + (high - low) / 2;
                let from = (name.as_str(), KeyValue::Int(half));
                let (select, params) = reading.page(&columns, range, Some(from), Direction::Up, 1);
                let found = self.probe(select, params).await?;
                let upper = Range {
                    after: found.clone(),
                    ..range.clone()
                };
                match found {
                    // Nearly nothing lies above: the rows are all in the lower half.
                    Some(_) if self.estimate(&upper).await? < range.weight / 8 => high = half,
                    Some(key) if Some(&key) != range.upto.as_ref() => return Ok(Some(key)),
                    _ => high = half,
                }
            }
        }
        let (mut select, params) = reading.page(&columns, range, None, Direction::Up, 1);
        let _ = write!(select, " OFFSET {SHARE_ROWS}");
        let found = self.probe(select, params).await?;
        Ok(found.filter(|key| Some(key) != range.upto.as_ref() && *key != highest))
    }

    async fn probe(&mut self, select: String, params: Params) -> Result<Option<Key>, DmError> {
        let row: Option<Row> = self
            .conn
            .exec_first(select, params)
            .await
            .map_err(errors::upstream)?;
        let plan = self.reading.plan.clone();
        row.map(|row| {
            let mut values = vec![Value::Null; plan.columns.len()];
            let raws = row.unwrap_raw().into_iter();
            for (raw, index) in raws.zip(&plan.key) {
                if let (Some(column), Some(slot)) =
                    (plan.columns.get(*index), values.get_mut(*index))
                {
                    *slot = value_of(raw.unwrap_or(Raw::NULL), column)
                        .map_err(|cause| unreadable_key(&plan).with_cause(cause))?;
                }
            }
            key_of(&values, &plan).ok_or_else(|| unreadable_key(&plan))
        })
        .transpose()
    }

    /// The server's estimate of the rows in a range, from its index.
    async fn estimate(&mut self, range: &Range) -> Result<u64, DmError> {
        let reading = self.reading.clone();
        let columns = reading.key_names().join(", ");
        let (select, params) = reading.select(&columns, range, None);
        let row: Option<Row> = self
            .conn
            .exec_first(format!("EXPLAIN {select}"), params)
            .await
            .map_err(errors::upstream)?;
        let rows = row.and_then(|row| {
            let place = row
                .columns_ref()
                .iter()
                .position(|column| column.name_str().eq_ignore_ascii_case("rows"))?;
            row.get_opt::<Option<u64>, _>(place)?.ok()?
        });
        Ok(rows.unwrap_or(0))
    }
}

/// From which end a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Reading {
    fn key_names(&self) -> Vec<String> {
        let columns = self.plan.key.iter();
        columns
            .filter_map(|index| self.plan.columns.get(*index))
            .map(|column| quote_name(&column.column.name))
            .collect()
    }

    /// A page of a range: the `limit` rows at one end of it, of those with `from.0 >= from.1`.
    fn page(
        &self,
        columns: &str,
        range: &Range,
        from: Option<(&str, KeyValue)>,
        direction: Direction,
        limit: usize,
    ) -> (String, Params) {
        let (mut select, params) = self.select(columns, range, from);
        let order: Vec<String> = self
            .key_names()
            .into_iter()
            .map(|name| match direction {
                Direction::Up => name,
                Direction::Down => format!("{name} DESC"),
            })
            .collect();
        let _ = write!(select, " ORDER BY {} LIMIT {limit}", order.join(", "));
        (select, params)
    }

    fn select(
        &self,
        columns: &str,
        range: &Range,
        from: Option<(&str, KeyValue)>,
    ) -> (String, Params) {
        let names = self.key_names();
        let mut select = format!("SELECT {columns} FROM {}", self.plan.source);
        if let Some(index) = &self.index {
            let _ = write!(select, " FORCE INDEX ({})", quote_name(index));
        }
        let (mut conditions, mut params) = (Vec::new(), Vec::new());
        if let Some(after) = &range.after {
            conditions.push(beyond(&names, ">", ">"));
            params.extend(beyond_params(after));
        }
        if let Some(upto) = &range.upto {
            conditions.push(beyond(&names, "<", "<="));
            params.extend(beyond_params(upto));
        }
        if let Some((name, value)) = from {
            conditions.push(format!("{name} >= ?"));
            params.push(value.to_raw());
        }
        if !self.condition.is_empty() {
            conditions.push(format!("({})", self.condition));
        }
        if !conditions.is_empty() {
            let _ = write!(select, " WHERE {}", conditions.join(" AND "));
        }
        let params = if params.is_empty() {
            Params::Empty
        } else {
            Params::Positional(params)
        };
        (select, params)
    }
}

fn take(
    rows: &mut Vec<Vec<Value>>,
    bytes: &mut usize,
    first: &mut u64,
    reached: Option<Reached>,
    plan: &TablePlan,
) -> Chunk {
    let rows = std::mem::take(rows);
    let last = *first + rows.len() as u64;
    let ends = rows
        .first()
        .and_then(|row| key_of(row, plan))
        .zip(rows.last().and_then(|row| key_of(row, plan)));
    let part = match ends {
        Some((first, last)) => format!("with keys from {} to {}", shown(&first), shown(&last)),
        None => format!("{first} to {}", last.saturating_sub(1)),
    };
    *first = last;
    Chunk {
        rows,
        bytes: std::mem::take(bytes),
        part,
        reached,
    }
}

/// `(a > ?) OR (a = ? AND b > ?) …`: row constructors don't use the index on every server.
fn beyond(names: &[String], strict: &str, last: &str) -> String {
    let mut text = String::new();
    for upto in 0..names.len() {
        text.push_str(if upto > 0 { " OR (" } else { "(" });
        for (index, name) in names.iter().take(upto + 1).enumerate() {
            let comparison = match () {
                () if index < upto => "=",
                () if upto + 1 == names.len() => last,
                () => strict,
            };
            let and = if index > 0 { " AND " } else { "" };
            let _ = write!(text, "{and}{name} {comparison} ?");
        }
        text.push(')');
    }
    format!("({text})")
}

fn beyond_params(key: &[KeyValue]) -> Vec<Raw> {
    (0..key.len())
        .flat_map(|upto| key.iter().take(upto + 1).map(KeyValue::to_raw))
        .collect()
}

fn unreadable_key(plan: &TablePlan) -> DmError {
    DmError::new(
        &codes::VALUE_UNREADABLE,
        format!("the key of a row of {}", plan.source),
    )
}

/// The columns that are read; ENUM, SET, BIT and YEAR as numbers, as the binlog has them.
fn select_list(plan: &TablePlan) -> String {
    let columns: Vec<String> = plan
        .read()
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
        .filter(|column| column.read || !column.written)
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
        // The driver gives what fits as signed; a row of the binlog has these unsigned.
        Raw::Int(value)
            if column.column.ty.unsigned
                || matches!(
                    kind,
                    TypeKind::Enum | TypeKind::Set | TypeKind::Bit | TypeKind::Year
                ) =>
        {
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
