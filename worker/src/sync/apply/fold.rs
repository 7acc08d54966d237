//! Many changes of one key in a batch become one. Pure.
//!
//! A fold holds the changes of one table since its last statement, one slot per key. Between two statements only what a slot was
//! before and what it is afterwards counts: deletes free the values of unique keys first, updates in a slot move none, inserts take
//! them last. A change that moves a unique key, or that a slot can't take, is for the caller: it writes what is folded, then that.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use crate::sync::{
    schedule::{KeyHash, RowKey},
    transform::RowChange,
    value::Value,
};

/// The values of a row.
pub(super) type Row<'a> = &'a [Value];

/// Where a change stands in its batch: transaction, item, row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) transaction: u32,
    pub(crate) item: u32,
    pub(crate) row: u32,
}

impl Place {
    /// The first change of a batch.
    pub(super) const FIRST: Self = Self {
        transaction: 0,
        item: 0,
        row: 0,
    };
}

/// The changes of one key, as one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot<'a> {
    /// An image with the key.
    pub(super) key: Row<'a>,
    pub(super) before: Option<Row<'a>>,
    pub(super) after: Option<Row<'a>>,
    /// The first of its changes.
    pub(super) place: Place,
    /// How many there are.
    pub(super) changes: u32,
    /// The row was deleted and inserted again.
    pub(super) reborn: bool,
}

/// The changes of one table that are not yet statements.
#[derive(Debug, Default)]
pub(super) struct Fold<'a> {
    slots: Vec<Slot<'a>>,
    by_key: HashMap<KeyHash, usize, BuildHasherDefault<Hashed>>,
}

impl<'a> Fold<'a> {
    /// Takes a change if that leaves the outcome as it is. `key` are the positions of the key columns in a row.
    pub(super) fn take(
        &mut self,
        change: &'a RowChange,
        found: RowKey,
        key: &[usize],
        place: Place,
    ) -> bool {
        let RowKey::Same(hash) = found else {
            return false;
        };
        let (before, after): (Option<Row<'a>>, Option<Row<'a>>) = match change {
            RowChange::Insert(after) => (None, Some(after)),
            RowChange::Update { before, after } => (Some(before), Some(after)),
            RowChange::Delete(before) => (Some(before), None),
        };
        let Some(image) = before.or(after) else {
            return false;
        };
        let Some(slot) = self
            .by_key
            .get(&hash)
            .and_then(|at| self.slots.get_mut(*at))
        else {
            self.by_key.insert(hash, self.slots.len());
            self.slots.push(Slot {
                key: image,
                before,
                after,
                place,
                changes: 1,
                reborn: false,
            });
            return true;
        };
        // Hashes are coarser than keys.
        let same = key
            .iter()
            .all(|index| slot.key.get(*index) == image.get(*index));
        // A change that does not fit to the one before it is not for us to judge.
        if !same || before.is_some() != slot.after.is_some() {
            return false;
        }
        slot.reborn |= before.is_none() && slot.before.is_some();
        slot.after = after;
        slot.changes += 1;
        true
    }

    /// What has been folded so far, in the order of the first changes.
    pub(super) fn drain(&mut self) -> Vec<Slot<'a>> {
        self.by_key.clear();
        std::mem::take(&mut self.slots)
    }
}

/// The keys are hashes already.
#[derive(Debug, Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        // The lower half is as good as the whole.
        self.0 = hash as u64;
    }
}
