//! What a reader of binlogs gets.

use dm_model::BinlogPosition;

use super::RawEvent;

/// From the source itself or from its relay log.
#[derive(Debug)]
pub(crate) enum Incoming {
    Event(RawEvent),
    /// The events that follow stand in another file, from this place on.
    File(BinlogPosition),
    /// Nothing is new, and the other side is alive.
    Idle,
}
