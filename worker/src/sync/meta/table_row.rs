//! One row per source table: where it stands, what it looks like.

use dm_ddl::Table;
use dm_model::{DmError, Position, TableName, codes};
use mysql_async::{Conn, prelude::Queryable};

use super::MetaTables;
use crate::sync::{errors, value::quote_text};

/// Where a table stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableState {
    /// Found at set-up, not copied yet.
    Waiting,
    /// Rows are being copied; some may be in the target.
    Loading,
    /// Copied as of its cursor; the main stream passes it over until it has caught up.
    Loaded,
    /// Has everything up to its cursor; what comes after it is the main stream's.
    Joining,
    /// Rides on the main cursor.
    Joined,
    /// Stopped at its cursor by an error; nothing of it is applied.
    Stopped,
    /// Stopped at its cursor by a command.
    Paused,
    /// A second reader applies its changes after its cursor, or after the position of that reader's lane if that is later.
    CatchingUp,
}

impl TableState {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Waiting, "waiting"),
        (Self::Loading, "loading"),
        (Self::Loaded, "loaded"),
        (Self::Joining, "joining"),
        (Self::Joined, "joined"),
        (Self::Stopped, "stopped"),
        (Self::Paused, "paused"),
        (Self::CatchingUp, "catching up"),
    ];

    /// The word in the meta table and in the status.
    pub(crate) fn text(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("", |(_, text)| text)
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(state, _)| *state)
    }
}

/// A row of `dm_table`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableRow {
    pub(crate) name: TableName,
    pub(crate) state: TableState,
    /// Everything up to here is applied. `None`: the main cursor says so.
    pub(crate) cursor: Option<Position>,
    /// Its snapshot was opened without a lock: changes after the cursor and up to here may be in it (R21).
    pub(crate) window: Option<Position>,
    /// The lane of the second reader; 0: none.
    pub(crate) catch_up_lane: i32,
    /// The target table had rows before the copy began: not every row in it is ours.
    pub(crate) had_rows: bool,
    /// Structure at that point; `None` before the snapshot.
    pub(crate) structure: Option<Table>,
    /// Why it stopped: DM's error text.
    pub(crate) error: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl TableRow {
    /// A table that nothing is known of yet.
    pub(crate) fn new(name: TableName, state: TableState) -> Self {
        Self {
            name,
            state,
            cursor: None,
            window: None,
            catch_up_lane: 0,
            had_rows: false,
            structure: None,
            error: String::new(),
            rows: 0,
            bytes: 0,
        }
    }

    /// All rows of the subtask, in name order.
    pub(crate) async fn read_all(
        conn: &mut Conn,
        tables: &MetaTables,
    ) -> Result<Vec<Self>, DmError> {
        type Columns = (
            String,
            String,
            String,
            String,
            String,
            i32,
            bool,
            String,
            String,
            u64,
            u64,
        );
        let select = format!(
            "SELECT db, tbl, state, cursor_at, window_at, catch_up_lane, had_rows, structure, error, loaded_rows, loaded_bytes FROM {} WHERE {} ORDER BY db, tbl",
            tables.table(),
            tables.key()
        );
        let rows: Vec<Columns> = conn.query(select).await.map_err(errors::target)?;
        rows.into_iter()
            .map(
                |(
                    db,
                    table,
                    state,
                    cursor,
                    window,
                    catch_up_lane,
                    had_rows,
                    structure,
                    error,
                    rows,
                    bytes,
                )| {
                    let name = TableName::new(db, table);
                    let damaged = |what: &str| {
                        DmError::new(
                            &codes::META_DAMAGED,
                            format!("column {what} of dm_table for {name} cannot be read"),
                        )
                    };
                    Ok(Self {
                        state: TableState::parse(&state).ok_or_else(|| damaged("state"))?,
                        cursor: json(&cursor)
                            .map_err(|cause| damaged("cursor_at").with_cause(cause))?,
                        window: json(&window)
                            .map_err(|cause| damaged("window_at").with_cause(cause))?,
                        catch_up_lane,
                        had_rows,
                        structure: json(&structure)
                            .map_err(|cause| damaged("structure").with_cause(cause))?,
                        name,
                        error,
                        rows,
                        bytes,
                    })
                },
            )
            .collect()
    }

    /// The statement that writes the row, whether it is there or not.
    pub(crate) fn upsert(&self, tables: &MetaTables) -> String {
        format!(
            "REPLACE INTO {} (task, source, db, tbl, state, cursor_at, window_at, catch_up_lane, had_rows, structure, error, loaded_rows, loaded_bytes) \
             VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
            tables.table(),
            tables.key_values(),
            quote_text(&self.name.schema),
            quote_text(&self.name.table),
            quote_text(self.state.text()),
            quote_text(&text(self.cursor.as_ref())),
            quote_text(&text(self.window.as_ref())),
            self.catch_up_lane,
            self.had_rows,
            quote_text(&text(self.structure.as_ref())),
            quote_text(&self.error),
            self.rows,
            self.bytes
        )
    }

    /// The statement that removes it (the table was dropped or renamed).
    pub(crate) fn delete(name: &TableName, tables: &MetaTables) -> String {
        format!(
            "DELETE FROM {} WHERE {} AND db = {} AND tbl = {}",
            tables.table(),
            tables.key(),
            quote_text(&name.schema),
            quote_text(&name.table)
        )
    }
}

fn json<T: serde::de::DeserializeOwned>(column: &str) -> Result<Option<T>, serde_json::Error> {
    if column.is_empty() {
        Ok(None)
    } else {
        serde_json::from_str(column).map(Some)
    }
}

fn text<T: serde::Serialize>(value: Option<&T>) -> String {
    // Plain structs with string keys always serialise.
    value.map_or_else(String::new, |value| {
        serde_json::to_string(value).unwrap_or_default()
    })
}
