//! A loading table's cursor as a map from key range to snapshot position (R7, R21). Pure.
//!
//! A change is judged per row image: what a range's snapshot has is dropped, so an UPDATE that moves a row across ranges becomes
//! a delete or an insert. A snapshot that was opened without a lock stands somewhere in a window of positions; changes in the window
//! are applied so that it does not matter whether the snapshot had them.

use std::cmp::Ordering;

use dm_model::{Position, TransactionId};
use serde::{Deserialize, Serialize};

use super::key_value::{Key, KeyValue, compare, key_of};
use crate::sync::{
    transform::{RowChange, TablePlan},
    value::Value,
};

/// What a snapshot has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SnapshotAt {
    /// Every change up to here is in it.
    pub(crate) low: Position,
    /// Changes after `low` and up to here may be in it; `None`: none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) high: Option<Position>,
}

/// Keys after `after` and up to `upto`, copied from one snapshot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CopiedRange {
    /// `None`: from the first key on.
    pub(crate) after: Option<Key>,
    /// `None`: to the last one.
    pub(crate) upto: Option<Key>,
    pub(crate) snapshot: SnapshotAt,
}

/// The cursor of a table that was copied from several snapshots, or without a lock.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RangeMap {
    ranges: Vec<CopiedRange>,
}

/// What is to become of a row image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The snapshot has it.
    Had,
    /// The snapshot may have it.
    Perhaps,
    /// It came after the snapshot.
    New,
}

/// A change as it is to be applied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Judged {
    Exactly(RowChange),
    /// The row may be there or not, before and after: remove it, then put it where it belongs.
    Idempotent {
        remove: Vec<Value>,
        put: Option<Vec<Value>>,
    },
}

impl RangeMap {
    /// The ranges cover every key. Order does not matter.
    pub(crate) fn new(ranges: Vec<CopiedRange>) -> Self {
        Self { ranges }
    }

    /// The position up to which every range has everything.
    pub(crate) fn low(&self) -> Option<&Position> {
        let lows = self.ranges.iter().map(|range| &range.snapshot.low);
        lows.reduce(|oldest, low| if oldest.reaches(low) { low } else { oldest })
    }

    /// After this position nothing needs to be judged.
    pub(crate) fn high(&self) -> Option<&Position> {
        let highs = self.ranges.iter().map(|range| {
            let snapshot = &range.snapshot;
            snapshot.high.as_ref().unwrap_or(&snapshot.low)
        });
        highs.reduce(|newest, high| if high.reaches(newest) { high } else { newest })
    }

    /// Whether the cursor is more than one plain position.
    pub(crate) fn is_plain(&self) -> bool {
        let first = self.ranges.first().map(|range| &range.snapshot);
        self.ranges
            .iter()
            .all(|range| range.snapshot.high.is_none() && Some(&range.snapshot) == first)
    }

    /// What of a change is still to be applied.
    pub(crate) fn judge(
        &self,
        change: &RowChange,
        plan: &TablePlan,
        id: &TransactionId,
    ) -> Vec<Judged> {
        use Verdict::{Had, New, Perhaps};
        let verdict = |row: &[Value]| self.verdict(row, plan, id);
        let idempotent = |remove: &[Value], put: Option<&[Value]>| Judged::Idempotent {
            remove: remove.to_vec(),
            put: put.map(<[Value]>::to_vec),
        };
        match change {
            RowChange::Insert(row) => match verdict(row) {
                Had => vec![],
                Perhaps => vec![idempotent(row, Some(row))],
                New => vec![Judged::Exactly(change.clone())],
            },
            RowChange::Delete(row) => match verdict(row) {
                Had => vec![],
                Perhaps => vec![idempotent(row, None)],
                New => vec![Judged::Exactly(change.clone())],
            },
            RowChange::Update { before, after } => match (verdict(before), verdict(after)) {
                (Had, Had) => vec![],
                (New, New) => vec![Judged::Exactly(change.clone())],
                (Had, New) => vec![Judged::Exactly(RowChange::Insert(after.clone()))],
                (New, Had) => vec![Judged::Exactly(RowChange::Delete(before.clone()))],
                (Perhaps, Had) => vec![idempotent(before, None)],
                (Had, Perhaps) => vec![idempotent(after, Some(after))],
                (Perhaps | New, Perhaps) | (Perhaps, New) => {
                    vec![idempotent(before, None), idempotent(after, Some(after))]
                }
            },
        }
    }

    fn verdict(&self, row: &[Value], plan: &TablePlan, id: &TransactionId) -> Verdict {
        let key = key_of(row, plan);
        let mut ranges = self.ranges.iter();
        let range = match (ranges.len(), &key) {
            (1, _) | (_, None) => ranges.next(),
            (_, Some(key)) => ranges.find(|range| range.contains(key)),
        };
        match range.map(|range| &range.snapshot) {
            Some(snapshot) if snapshot.low.covers(id) => Verdict::Had,
            Some(snapshot) if snapshot.high.as_ref().is_some_and(|high| high.covers(id)) => {
                Verdict::Perhaps
            }
            _ => Verdict::New,
        }
    }
}

impl CopiedRange {
    fn contains(&self, key: &[KeyValue]) -> bool {
        let after = self
            .after
            .as_ref()
            .is_none_or(|after| compare(key, after) == Ordering::Greater);
        after
            && self
                .upto
                .as_ref()
                .is_none_or(|upto| compare(key, upto) != Ordering::Greater)
    }
}

/// The ranges of keys that no finished range covers.
pub(crate) fn gaps(finished: &[CopiedRange]) -> Vec<(Option<Key>, Option<Key>)> {
    let mut sorted: Vec<&CopiedRange> = finished.iter().collect();
    sorted.sort_by(|left, right| match (&left.after, &right.after) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(left), Some(right)) => compare(left, right),
    });
    let mut gaps = Vec::new();
    // Everything up to `reached` is covered.
    let mut reached: Option<Key> = None;
    for range in sorted {
        let begins_later = match (&range.after, &reached) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(after), Some(reached)) => compare(after, reached) == Ordering::Greater,
        };
        if begins_later {
            gaps.push((reached.clone(), range.after.clone()));
        }
        let Some(upto) = &range.upto else {
            return gaps;
        };
        if reached
            .as_ref()
            .is_none_or(|reached| compare(upto, reached) == Ordering::Greater)
        {
            reached = Some(upto.clone());
        }
    }
    gaps.push((reached, None));
    gaps
}

#[cfg(test)]
#[path = "range_map_test.rs"]
mod tests;
