//! How large batches are: steered by how long commits take. Pure.

use std::time::Duration;

use super::Limits;

/// A batch should not take longer: what follows it on its lane waits, and so does whoever reads the target.
const AIM: Duration = Duration::from_millis(60);
/// Rows of the first batches.
const ROWS_FIRST: usize = 500;
/// Never more rows: beyond this a larger batch saves nothing.
const ROWS_MAX: usize = 4_000;
/// A batch is full at this many bytes of events, far below the packet and transaction limits of every target.
const BYTES_MAX: usize = 4 << 20;
/// A batch is full at this many transactions.
const TRANSACTIONS_MAX: usize = 4_000;

/// The bounds of batches, moving with measured commit times.
#[derive(Debug)]
pub(crate) struct Pace {
    rows: usize,
    rows_min: usize,
}

impl Pace {
    /// `rows_min`: batches are never asked to be smaller than this (`batch` of the task).
    pub(crate) fn new(rows_min: usize) -> Self {
        let rows_min = rows_min.clamp(1, ROWS_MAX);
        Self {
            rows: ROWS_FIRST.max(rows_min),
            rows_min,
        }
    }

    /// When a batch is full now.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            rows: self.rows,
            bytes: BYTES_MAX,
            transactions: TRANSACTIONS_MAX,
        }
    }

    /// Learns from a commit: full batches that were quick grow, slow ones shrink.
    pub(crate) fn learn(&mut self, rows: u64, took: Duration) {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        if took > AIM && rows > self.rows_min {
            // In proportion, so that one stall of the disk doesn't halve it again and again.
            let aimed = self.rows - self.rows / 4;
            self.rows = aimed.max(self.rows_min);
        } else if took < AIM / 2 && rows.saturating_mul(4) >= self.rows.saturating_mul(3) {
            self.rows = (self.rows + self.rows / 4).min(ROWS_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_full_batches_grow_and_slow_ones_shrink_within_bounds() {
        let mut pace = Pace::new(100);
        for _ in 0..50 {
            pace.learn(pace.limits().rows as u64, Duration::from_millis(5));
        }
        assert_eq!(pace.limits().rows, ROWS_MAX);
        for _ in 0..50 {
            pace.learn(pace.limits().rows as u64, Duration::from_secs(1));
        }
        assert_eq!(pace.limits().rows, 100);
        // Small batches of an idle stream say nothing.
        pace.learn(3, Duration::from_millis(1));
        assert_eq!(pace.limits().rows, 100);
    }
}
