//! Changes that did not find what they should: counted per table, with the first one to look at.

use tracing::warn;

use super::Mismatch;
use crate::sync::{control::Control, schedule::Keyed};

/// Shows the mismatches of a committed batch in status, metrics and log.
pub(crate) fn record(control: &Control, mismatches: &[Mismatch], batch: &[Keyed]) {
    if mismatches.is_empty() {
        return;
    }
    control.update(|status| {
        for mismatch in mismatches {
            let id = batch.get(mismatch.transaction).map(|keyed| &keyed.id);
            let at = id.map(ToString::to_string).unwrap_or_default();
            let table = mismatch.table.to_string();
            let known = status.mismatches_by_table.entry(table).or_default();
            if known.count == 0 {
                known.first = format!("{at}: {}", mismatch.what);
                warn!(table = %mismatch.table, first = known.first, "the target has not the rows that a change needs");
            }
            known.count += 1;
        }
    });
}
