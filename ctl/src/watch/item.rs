//! What the live view shows, independent of how it is drawn.

use crate::{
    output::human_bytes,
    status::{Progress, Row, TableProgress, TableState},
};

/// Most tables with a bar of their own per subtask; more would not fit a terminal.
pub const BARS_MAX: usize = 12;

/// One line of the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A line of text.
    Text(String),
    /// A table on its way.
    Bar {
        /// Table at the source.
        label: String,
        /// Rows copied.
        rows: u64,
        /// Rows expected, at least those copied.
        rows_expected: u64,
        /// Shown behind the bar.
        note: String,
    },
}

/// The view of an answer.
pub fn items(rows: &[Row], msg: &str) -> Vec<Item> {
    let mut items = Vec::new();
    if !msg.is_empty() {
        items.push(Item::Text(msg.to_owned()));
    }
    if rows.is_empty() {
        items.push(Item::Text("no task".to_owned()));
    }
    for row in rows {
        items.push(Item::Text(head(row)));
        push_tables(&mut items, &row.detail.tables);
        push_errors(&mut items, row);
    }
    items
}

fn head(row: &Row) -> String {
    let place = if row.worker.is_empty() {
        String::new()
    } else {
        format!(" on {}", row.worker)
    };
    format!(
        "{} · {}{place} · {}",
        row.task,
        row.source,
        progress_text(row)
    )
}

/// Unit and progress of a subtask in one phrase; also what the plain lines say.
pub fn progress_text(row: &Row) -> String {
    let mut text = match &row.progress {
        Progress::Note(note) => note.clone(),
        Progress::Load {
            percent,
            rows,
            rows_estimated,
            bytes_per_s,
        } => {
            let joined = row.detail.count(TableState::Joined);
            let tables = row.detail.tables.len();
            let speed = human_bytes(*bytes_per_s);
            format!(
                "{} {percent} {rows}/{rows_estimated} rows {joined}/{tables} tables {speed}/s",
                row.unit
            )
        }
        Progress::Sync {
            rows_per_s,
            position,
            synced,
        } => {
            let lag = if row.lag_ms.is_some() {
                format!("lag {} ", row.lag())
            } else {
                String::new()
            };
            let synced = if *synced { " synced" } else { "" };
            format!("{} {lag}{rows_per_s} rows/s {position}{synced}", row.unit)
        }
        Progress::Nothing => row.unit.to_owned(),
    };
    let state = row.state();
    if state != "Running" {
        text = format!("{state} · {text}");
    }
    if row.detail.mismatches > 0 {
        text.push_str(&format!(" · {} mismatches", row.detail.mismatches));
        let mut firsts = row.detail.tables.iter();
        if let Some(first) = firsts.find_map(|table| table.first_mismatch.as_deref()) {
            text.push_str(&format!(", first {first}"));
        }
    }
    text
}

/// Bars for tables that are being copied, then for those that wait; the rest is counted.
fn push_tables(items: &mut Vec<Item>, tables: &[TableProgress]) {
    let in_state = |state: TableState| tables.iter().filter(move |table| table.state == state);
    let moving = in_state(TableState::Loading).chain(in_state(TableState::Waiting));
    let shown = items.len();
    items.extend(moving.take(BARS_MAX).map(bar));
    let shown = items.len() - shown;
    let count = |state: TableState| in_state(state).count();
    let hidden = (count(TableState::Loading) + count(TableState::Waiting)).saturating_sub(shown);
    // When nothing is being copied any more, the head says enough.
    if shown > 0 {
        let mut words = vec![format!("{} joined", count(TableState::Joined))];
        for (number, word) in [
            (hidden, "more to come"),
            (count(TableState::Stopped), "stopped"),
        ] {
            if number > 0 {
                words.push(format!("{number} {word}"));
            }
        }
        items.push(Item::Text(format!("  {}", words.join(", "))));
    }
}

/// The subtask's errors; where there are none, what its stopped tables say.
fn push_errors(items: &mut Vec<Item>, row: &Row) {
    items.extend(
        row.errors
            .iter()
            .map(|error| Item::Text(format!("  ! {error}"))),
    );
    if row.errors.is_empty() {
        let stopped = row
            .detail
            .tables
            .iter()
            .filter(|table| table.state == TableState::Stopped);
        items.extend(stopped.take(BARS_MAX).map(|table| {
            let why = table.error.as_deref().unwrap_or("no reason given");
            Item::Text(format!("  ! {} stopped: {why}", table.source))
        }));
    }
}

fn bar(table: &TableProgress) -> Item {
    let note = match table.state {
        TableState::Waiting => "waiting".to_owned(),
        _ => human_bytes(table.bytes),
    };
    Item::Bar {
        label: table.source.clone(),
        rows: table.rows,
        rows_expected: table.rows_estimated.max(table.rows),
        note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Detail;

    fn table(name: &str, state: TableState) -> TableProgress {
        TableProgress {
            source: name.into(),
            state,
            rows: 30,
            rows_estimated: 20,
            bytes: 2048,
            error: (state == TableState::Stopped).then(|| "boom".into()),
            ..Default::default()
        }
    }

    fn row(progress: Progress, tables: Vec<TableProgress>) -> Row {
        Row {
            task: "demo".into(),
            source: "mysql-01".into(),
            worker: "w1".into(),
            stage: "Running",
            unit: if matches!(progress, Progress::Load { .. }) {
                "Load"
            } else {
                "Sync"
            },
            progress,
            lag_ms: Some(1250),
            errors: Vec::new(),
            detail: Detail {
                tables,
                ..Default::default()
            },
        }
    }

    fn load() -> Progress {
        Progress::Load {
            percent: "45.20 %".into(),
            rows: 90,
            rows_estimated: 200,
            bytes_per_s: 1 << 20,
        }
    }

    #[test]
    fn loading_shows_bars_and_counts() {
        use TableState::{Joined, Loading, Stopped, Waiting};
        let tables = vec![
            table("`a`.`1`", Joined),
            table("`a`.`2`", Waiting),
            table("`a`.`3`", Loading),
            table("`a`.`4`", Stopped),
        ];
        let items = items(&[row(load(), tables)], "");
        let bar = |label: &str, note: &str| Item::Bar {
            label: label.into(),
            rows: 30,
            rows_expected: 30,
            note: note.into(),
        };
        let text = |text: &str| Item::Text(text.into());
        let expected = [
            text(
                "demo · mysql-01 on w1 · Running, 1 error · Load 45.20 % 90/200 rows 1/4 tables 1.0 MiB/s",
            ),
            bar("`a`.`3`", "2.0 KiB"),
            bar("`a`.`2`", "waiting"),
            text("  1 joined, 1 stopped"),
            text("  ! `a`.`4` stopped: boom"),
        ];
        assert_eq!(items, expected);
    }

    #[test]
    fn bars_are_bounded() {
        let tables = (0..40)
            .map(|n| table(&n.to_string(), TableState::Waiting))
            .collect();
        let items = items(&[row(load(), tables)], "");
        assert_eq!(
            items
                .iter()
                .filter(|item| matches!(item, Item::Bar { .. }))
                .count(),
            BARS_MAX
        );
        assert_eq!(
            items.last(),
            Some(&Item::Text("  0 joined, 28 more to come".into()))
        );
    }

    #[test]
    fn syncing_is_one_line() {
        let progress = Progress::Sync {
            rows_per_s: 120,
            position: "(f.000001, 4)".into(),
            synced: true,
        };
        let items = items(&[row(progress, vec![table("x", TableState::Joined)])], "");
        assert_eq!(
            items,
            [Item::Text(
                "demo · mysql-01 on w1 · Sync lag 1.2 s 120 rows/s (f.000001, 4) synced".into()
            )]
        );
    }

    #[test]
    fn nothing_runs() {
        assert_eq!(items(&[], "").len(), 1);
    }
}
