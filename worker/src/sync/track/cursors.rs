//! Where each table stands relative to a stream. Pure.
//!
//! The main stream never goes back. A table that is off its cursor (being loaded, loaded, stopped, catching up) is passed over by it
//! and caught up by a second reader, until the two meet at a join point J: what comes up to J is the second reader's, what comes after
//! it the main stream's, which holds the table's changes until the second reader has ended (R5).

use std::collections::BTreeMap;

use dm_model::{Islands, Place, Position, TableName, TransactionId};

/// Where one table stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Standing {
    /// To be loaded, or being loaded: nothing of it is applied.
    Unloaded,
    /// Off this stream: has everything up to the position (at least) and takes nothing from here.
    Away(Position),
    /// Joins at the position: what comes after it is this stream's, but only once the second reader has dealt with what comes before.
    Joining(Position),
    /// Has everything up to the position, which may lie ahead of the stream.
    Ahead(Position),
    /// Rides on the stream's cursor.
    Joined,
}

/// The cursors of all tables that a stream knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableCursors {
    tables: BTreeMap<TableName, Standing>,
    /// What tables have beyond their cursors (R4).
    beyond: BTreeMap<TableName, Islands>,
    /// A second reader: tables that it was not given are not its own.
    only_given: bool,
    /// Where this stream began; what it passed over is known from here on.
    began: Option<Position>,
    /// What was passed over of each table.
    passed: BTreeMap<TableName, Passed>,
}

/// What the stream passed over of a table that is off it.
#[derive(Clone, Debug, PartialEq)]
enum Passed {
    /// Up to and with this change.
    Newest(TransactionId),
    /// Changes in flight were given up with it.
    Unknown,
}

impl TableCursors {
    /// Cursors of the main stream that begins at `began`: a table that is not known behaves as joined.
    pub(crate) fn new(began: Option<Position>) -> Self {
        Self {
            began,
            ..Self::default()
        }
    }

    /// Cursors of a second reader: a table that is not known is none of its business.
    pub(crate) fn only_given() -> Self {
        Self {
            only_given: true,
            ..Self::default()
        }
    }

    /// Whether this is the main stream, which also carries out statements about databases.
    pub(crate) fn is_main(&self) -> bool {
        !self.only_given
    }

    pub(crate) fn set(&mut self, table: TableName, standing: Standing) {
        self.tables.insert(table, standing);
    }

    /// What the table has beyond its cursor.
    pub(crate) fn set_beyond(&mut self, table: TableName, beyond: Islands) {
        if !beyond.is_empty() {
            self.beyond.insert(table, beyond);
        }
    }

    #[cfg(test)]
    pub(crate) fn get(&self, table: &TableName) -> Option<&Standing> {
        self.tables.get(table)
    }

    /// Whether changes of this transaction to the table are to be applied by this stream.
    pub(crate) fn admits(&self, table: &TableName, transaction: &TransactionId) -> bool {
        match self.tables.get(table) {
            Some(Standing::Unloaded | Standing::Away(_)) => false,
            Some(Standing::Ahead(at) | Standing::Joining(at)) => {
                !at.covers(transaction)
                    && !self.beyond.get(table).is_some_and(|beyond| {
                        beyond.contains(&Place::of(transaction, at.gtid.is_some()))
                    })
            }
            Some(Standing::Joined) => true,
            None => !self.only_given,
        }
    }

    /// Whether any table is joining, so that the common case costs nothing.
    pub(crate) fn any_joining(&self) -> bool {
        self.tables
            .values()
            .any(|standing| matches!(standing, Standing::Joining(_)))
    }

    /// Whether the stream has to wait for the second reader before it takes this change of the table (R5).
    pub(crate) fn holds(&self, table: &TableName, transaction: &TransactionId) -> bool {
        matches!(self.tables.get(table), Some(Standing::Joining(at)) if !at.covers(transaction))
    }

    /// Remembers a change that was not admitted.
    pub(crate) fn pass(&mut self, table: &TableName, transaction: &TransactionId) {
        if matches!(
            self.tables.get(table),
            Some(Standing::Unloaded | Standing::Away(_))
        ) && self.passed.get(table) != Some(&Passed::Unknown)
        {
            self.passed
                .insert(table.clone(), Passed::Newest(transaction.clone()));
        }
    }

    /// Remembers a statement about a whole database: it changes every table in it, known by structure or not.
    pub(crate) fn pass_schema(&mut self, schema: &str, transaction: &TransactionId) {
        let tables: Vec<TableName> = self
            .tables
            .keys()
            .filter(|table| table.schema == schema)
            .cloned()
            .collect();
        tables
            .iter()
            .for_each(|table| self.pass(table, transaction));
    }

    /// Everything of the table up to here is applied when the stream stands at `at`.
    pub(crate) fn applied_through(&self, table: &TableName, at: &Position) -> Position {
        match self.tables.get(table) {
            Some(Standing::Away(own)) => own.clone(),
            Some(Standing::Ahead(own) | Standing::Joining(own)) if own.reaches(at) => own.clone(),
            _ => at.clone(),
        }
    }

    /// Takes a table off the stream, of which everything up to `at` is durable.
    pub(crate) fn stop(&mut self, table: &TableName, at: &Position) -> Position {
        let cursor = self.applied_through(table, at);
        self.leave(table, cursor.clone());
        cursor
    }

    fn leave(&mut self, table: &TableName, cursor: Position) {
        self.passed.insert(table.clone(), Passed::Unknown);
        self.tables.insert(table.clone(), Standing::Away(cursor));
    }

    /// Lets a table join that has everything up to `cursor`, when the stream has taken everything up to `stream`.
    ///
    /// Returns the join point; the table stands at [`Standing::Joining`] until [`caught_up`](Self::caught_up). `None`: neither
    /// position contains the other, so there is no such point yet.
    pub(crate) fn join(
        &mut self,
        table: &TableName,
        cursor: &Position,
        stream: &Position,
    ) -> Option<Position> {
        let point = join_point(cursor, stream)?;
        self.tables
            .insert(table.clone(), Standing::Joining(point.clone()));
        Some(point)
    }

    /// Whether nothing of the table lies between `cursor` and the end of the stream, so that it needs no second reader.
    pub(crate) fn is_quiet_after(&self, table: &TableName, cursor: &Position) -> bool {
        self.began
            .as_ref()
            .is_some_and(|began| cursor.reaches(began))
            && match self.passed.get(table) {
                None => true,
                Some(Passed::Newest(newest)) => cursor.covers(newest),
                Some(Passed::Unknown) => false,
            }
    }

    /// The second reader has dealt with everything up to the join point.
    pub(crate) fn caught_up(&mut self, table: &TableName) {
        if let Some(standing) = self.tables.get_mut(table)
            && let Standing::Joining(point) = standing
        {
            *standing = Standing::Ahead(point.clone());
            self.passed.remove(table);
        }
    }

    /// Takes a join back: no change after its point was taken (R33).
    pub(crate) fn withdraw(&mut self, table: &TableName, cursor: Position) {
        if matches!(self.tables.get(table), Some(Standing::Joining(_))) {
            self.leave(table, cursor);
        }
    }

    /// The table is to be loaded (again): a snapshot that is taken from now on has what was passed over.
    pub(crate) fn unload(&mut self, table: &TableName) {
        self.passed.remove(table);
        self.tables.insert(table.clone(), Standing::Unloaded);
    }

    /// The stream has dealt with everything up to `at`. Returns the tables that now ride on its cursor.
    pub(crate) fn advance(&mut self, at: &Position) -> Vec<TableName> {
        let mut joined = Vec::new();
        if self.only_given {
            return joined;
        }
        for (table, standing) in &mut self.tables {
            if let Standing::Ahead(own) = standing
                && at.reaches(own)
            {
                *standing = Standing::Joined;
                joined.push(table.clone());
            }
        }
        joined
    }

    /// Whether `advance` has nothing to find, so that the common case costs nothing.
    pub(crate) fn all_joined(&self) -> bool {
        self.only_given
            || !self
                .tables
                .values()
                .any(|standing| matches!(standing, Standing::Ahead(_)))
    }
}

/// The later of two positions of one stream.
fn join_point(cursor: &Position, stream: &Position) -> Option<Position> {
    if cursor.reaches(stream) {
        Some(cursor.clone())
    } else if stream.reaches(cursor) {
        Some(stream.clone())
    } else {
        None
    }
}

#[cfg(test)]
#[path = "cursors_test.rs"]
mod tests;
