//! Where each table stands relative to the stream. Pure.

use std::collections::{BTreeMap, BTreeSet};

use dm_model::{Position, TableName, TransactionId};

/// Where one table stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Standing {
    /// Not copied yet: nothing of it is applied.
    Unloaded,
    /// Has everything up to the position, ahead of the stream.
    Ahead(Position),
    /// Rides on the main cursor.
    Joined,
    /// Stopped: has everything up to the position and takes nothing more.
    Stopped(Position),
    /// Resumed: has everything up to the position, which may lie before the floor.
    Behind(Position),
}

/// The cursors of all tables of a subtask.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableCursors {
    tables: BTreeMap<TableName, Standing>,
    /// Tables that never stopped have everything up to here, while the stream is behind it.
    floor: Option<Position>,
}

impl TableCursors {
    pub(crate) fn new(floor: Option<Position>) -> Self {
        Self {
            tables: BTreeMap::new(),
            floor,
        }
    }

    pub(crate) fn floor(&self) -> Option<&Position> {
        self.floor.as_ref()
    }

    pub(crate) fn set(&mut self, table: TableName, standing: Standing) {
        self.tables.insert(table, standing);
    }

    pub(crate) fn get(&self, table: &TableName) -> Option<&Standing> {
        self.tables.get(table)
    }

    /// Whether changes of this transaction to the table are still to be applied. A table that is not known yet behaves as joined.
    pub(crate) fn admits(&self, table: &TableName, transaction: &TransactionId) -> bool {
        match self.tables.get(table) {
            Some(Standing::Unloaded | Standing::Stopped(_)) => false,
            Some(Standing::Ahead(at) | Standing::Behind(at)) => !at.covers(transaction),
            Some(Standing::Joined) | None => !self
                .floor
                .as_ref()
                .is_some_and(|floor| floor.covers(transaction)),
        }
    }

    /// Everything of the table up to here is applied when the stream stands at `at`.
    pub(crate) fn applied_through(&self, table: &TableName, at: &Position) -> Position {
        let own = match self.tables.get(table) {
            Some(Standing::Ahead(own) | Standing::Behind(own)) => Some(own),
            Some(Standing::Stopped(own)) => return own.clone(),
            _ => self.floor.as_ref(),
        };
        match own {
            Some(own) if own.reaches(at) => own.clone(),
            _ => at.clone(),
        }
    }

    /// Stops a table where it is.
    pub(crate) fn stop(&mut self, table: &TableName, at: &Position) -> Position {
        let cursor = self.applied_through(table, at);
        self.tables
            .insert(table.clone(), Standing::Stopped(cursor.clone()));
        cursor
    }

    /// Lets all stopped tables go on, except those whose changes the source no longer has. Returns where the stream has to go back to, or `None` when nothing was stopped.
    pub(crate) fn resume(
        &mut self,
        at: &Position,
        unreachable: &BTreeSet<TableName>,
    ) -> Option<Position> {
        let oldest = self
            .tables
            .iter()
            .filter(|(table, _)| !unreachable.contains(*table))
            .filter_map(|(_, standing)| {
                if let Standing::Stopped(own) = standing {
                    Some(own)
                } else {
                    None
                }
            })
            .reduce(|oldest, own| if oldest.reaches(own) { own } else { oldest })?
            .clone();
        for (table, standing) in &mut self.tables {
            if unreachable.contains(table) {
                continue;
            }
            match standing {
                Standing::Stopped(own) => *standing = Standing::Behind(own.clone()),
                // These have followed the stream up to here and must not see it again.
                Standing::Ahead(own) | Standing::Behind(own) if !own.reaches(at) => {
                    *standing = Standing::Behind(at.clone())
                }
                _ => {}
            }
        }
        let floor = self
            .floor
            .take()
            .filter(|floor| floor.reaches(at))
            .unwrap_or_else(|| at.clone());
        if at.reaches(&floor) && oldest.reaches(at) {
            // Nothing happened since they stopped.
            self.join_reached(at);
            return Some(at.clone());
        }
        self.floor = Some(floor);
        Some(if at.reaches(&oldest) {
            oldest
        } else {
            at.clone()
        })
    }

    /// The stream has dealt with everything up to `at`. Returns the tables that now ride on the main cursor.
    pub(crate) fn advance(&mut self, at: &Position) -> Vec<TableName> {
        if self.floor.as_ref().is_some_and(|floor| at.reaches(floor)) {
            self.floor = None;
        }
        // While there is a floor, "joined" means "at the floor", which a table that catches up has not reached.
        if self.floor.is_some() {
            Vec::new()
        } else {
            self.join_reached(at)
        }
    }

    fn join_reached(&mut self, at: &Position) -> Vec<TableName> {
        let mut joined = Vec::new();
        for (table, standing) in &mut self.tables {
            if let Standing::Ahead(own) | Standing::Behind(own) = standing
                && at.reaches(own)
            {
                *standing = Standing::Joined;
                joined.push(table.clone());
            }
        }
        joined
    }

    /// Whether `advance` has anything to find, so that the common case costs nothing.
    pub(crate) fn all_joined(&self) -> bool {
        self.floor.is_none()
            && self.tables.values().all(|standing| {
                matches!(
                    standing,
                    Standing::Joined | Standing::Stopped(_) | Standing::Unloaded
                )
            })
    }
}

#[cfg(test)]
#[path = "cursors_test.rs"]
mod tests;
