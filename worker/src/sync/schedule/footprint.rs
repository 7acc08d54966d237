//! What a transaction touches, as far as ordering is concerned.

use super::KeyHash;

/// A source table, by its number within one pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TableId(pub(crate) u32);

/// Everything that decides which transactions have to follow each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Footprint {
    /// Two transactions that share one of these follow each other.
    pub(crate) keys: Vec<KeyHash>,
    /// Follows the last transaction that has one of these among its keys, and holds nobody back by it.
    pub(crate) after: Vec<KeyHash>,
    /// Follows everything before it, whatever that touches; others may follow it by its keys.
    pub(crate) after_all: bool,
    /// Every table that it changes.
    pub(crate) tables: Vec<TableId>,
    /// It has its tables to itself, like one that [needs](Needs::ItsTables) them, but may share a batch: its keys are not known yet.
    pub(crate) holds_tables: bool,
    pub(crate) needs: Needs,
}

/// What a transaction asks for besides its keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: it may share a batch.
    #[default]
    Nothing,
    /// It runs by itself, with its tables to itself: what touches them before it is finished, what comes later waits (a DDL, a giant transaction).
    ItsTables,
    /// It runs by itself and with nothing else in flight: a statement that names no table.
    Everything,
}
