//! One row per source table: where it stands, what it looks like.

use dm_ddl::Table;
use dm_model::{Applied, DmError, Islands, Position, TableName, codes};
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
    /// What is applied beyond the cursor: lanes commit out of order, so a table that stops has exceptions (R4).
    pub(crate) beyond: Islands,
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
            beyond: Islands::default(),
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
                    let applied: Option<Applied> =
                        json(&cursor).map_err(|cause| damaged("cursor_at").with_cause(cause))?;
                    let (cursor, beyond) = match applied {
                        Some(applied) => (Some(applied.at), applied.beyond),
                        None => (None, Islands::default()),
                    };
                    Ok(Self {
                        state: TableState::parse(&state).ok_or_else(|| damaged("state"))?,
                        cursor,
                        beyond,
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
            quote_text(&text(self.applied().as_ref())),
            quote_text(&text(self.window.as_ref())),
            self.catch_up_lane,
            self.had_rows,
            quote_text(&text(self.structure.as_ref())),
            quote_text(&self.error),
            self.rows,
            self.bytes
        )
    }

    /// What is applied, when the table has a cursor of its own.
    fn applied(&self) -> Option<Applied> {
        self.cursor.clone().map(|at| Applied {
            at,
            beyond: self.beyond.clone(),
        })
    }

    /// The statement that changes state, cursor and error of a row that is there.
    pub(crate) fn update_standing(&self, tables: &MetaTables) -> String {
        format!(
            "UPDATE {} SET state = {}, cursor_at = {}, error = {} WHERE {}",
            tables.table(),
            quote_text(self.state.text()),
            quote_text(&text(self.applied().as_ref())),
            quote_text(&self.error),
            key(&self.name, tables)
        )
    }

    /// The statement that changes the structure in a row that is there.
    pub(crate) fn update_structure(&self, tables: &MetaTables) -> String {
        format!(
            "UPDATE {} SET structure = {} WHERE {}",
            tables.table(),
            quote_text(&text(self.structure.as_ref())),
            key(&self.name, tables)
        )
    }

    /// The statement that removes it (the table was dropped or renamed).
    pub(crate) fn delete(name: &TableName, tables: &MetaTables) -> String {
        format!("DELETE FROM {} WHERE {}", tables.table(), key(name, tables))
    }
}

fn key(name: &TableName, tables: &MetaTables) -> String {
    format!(
        "{} AND db = {} AND tbl = {}",
        tables.key(),
        quote_text(&name.schema),
        quote_text(&name.table)
    )
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
