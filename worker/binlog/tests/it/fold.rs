//! Reads a binlog file and folds its row changes into the tables' final content.

use std::collections::BTreeMap;

use dm_binlog::{
    DecodeError, Decoder, Event, Header, Image, InnerEvents, RowPlan, RowsEvent, TableMap, Value,
};

use crate::render::render;

/// Rendered rows by key (the first column).
pub(crate) type Table = BTreeMap<String, Vec<String>>;

/// What a file did.
#[derive(Default)]
pub(crate) struct Folded {
    /// By table name.
    pub(crate) tables: BTreeMap<String, Table>,
    /// Short names of all events in order, those inside payloads too.
    pub(crate) events: Vec<String>,
    /// Type codes in order.
    pub(crate) codes: Vec<u8>,
}

/// The events of a file, magic bytes checked.
pub(crate) fn split(file: &[u8]) -> Vec<&[u8]> {
    assert_eq!(&file[..4], b"\xfebin");
    InnerEvents::new(&file[4..])
        .collect::<Result<_, _>>()
        .unwrap()
}

/// Columns of the fixture tables that are unsigned without a map that says so.
fn unsigned(map: &TableMap) -> Vec<bool> {
    let named: &[usize] = match map.table.as_str() {
        "ints" => &[2, 5, 7, 9, 11, 12],
        "images" => &[4],
        "meta" => &[0, 14],
        _ => &[],
    };
    (0..map.columns.len())
        .map(|index| named.contains(&index))
        .collect()
}

impl Folded {
    pub(crate) fn of_file(file: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new();
        let mut folded = Self::default();
        for bytes in split(file) {
            let (header, event) = decoder.decode(bytes)?;
            folded.take(&mut decoder, header, event)?;
        }
        Ok(folded)
    }

    fn take(
        &mut self,
        decoder: &mut Decoder,
        header: Header,
        event: Event<'_>,
    ) -> Result<(), DecodeError> {
        self.codes.push(header.type_code);
        self.events.push(summary(&event));
        match event {
            Event::TransactionPayload(payload) => {
                let plain = payload.decompress(1 << 26)?;
                for inner in InnerEvents::new(&plain) {
                    let (header, event) = decoder.decode_inner(inner?)?;
                    self.take(decoder, header, event)?;
                }
            }
            Event::Rows(rows) if rows.map.schema == "golden" => self.rows(&rows)?,
            _ => {}
        }
        Ok(())
    }

    fn rows(&mut self, event: &RowsEvent<'_>) -> Result<(), DecodeError> {
        let plan = RowPlan::new(&event.map, &unsigned(&event.map))?;
        let table = self.tables.entry(event.map.table.clone()).or_default();
        for change in event.rows(&plan) {
            let change = change?;
            let old = change
                .before
                .as_ref()
                .map(|image| table.remove(&key(image)).expect("the row is there"));
            if let Some(before) = &change.before {
                check_before(before, old.as_ref().unwrap());
            }
            if let Some(after) = &change.after {
                let row = merge(after, old);
                table.insert(row[0].clone(), row);
            }
        }
        Ok(())
    }
}

fn key(image: &Image<'_>) -> String {
    render(image[0].as_ref().expect("the key is in the image"))
}

/// The before image must be what earlier events left.
fn check_before(before: &Image<'_>, old: &[String]) {
    for (value, known) in before.iter().zip(old) {
        if let Some(value) = value {
            assert_eq!(&render(value), known, "{before:?}");
        }
    }
}

fn merge(after: &Image<'_>, old: Option<Vec<String>>) -> Vec<String> {
    let missing = vec!["NULL".to_owned(); after.len()];
    let old = old.unwrap_or(missing);
    after
        .iter()
        .zip(old)
        .map(|(value, old)| {
            value
                .as_ref()
                .map_or(old, |value: &Value<'_>| render(value))
        })
        .collect()
}

/// A line per event for the assertions on boundaries.
fn summary(event: &Event<'_>) -> String {
    let text = String::from_utf8_lossy;
    match event {
        Event::Query(query) => format!("Query({})", text(&query.sql)),
        Event::RowsQuery(sql) => format!("RowsQuery({})", text(sql)),
        Event::MariadbAnnotate(sql) => format!("Annotate({})", text(sql)),
        Event::TableMap(map) => format!("TableMap({}.{})", map.schema, map.table),
        Event::Rows(rows) => format!(
            "Rows({:?} {} end={})",
            rows.kind, rows.map.table, rows.stmt_end
        ),
        Event::XaPrepare { one_phase, xid } => format!(
            "XaPrepare({one_phase} {} {})",
            text(&xid.gtrid),
            text(&xid.bqual)
        ),
        Event::TransactionPayload(payload) => format!("Payload({:?})", payload.algorithm),
        other => format!("{other:?}"),
    }
}
