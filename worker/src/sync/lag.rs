//! How long changes take from their commit upstream to their commit at the target. Pure.

/// Upper bounds of the buckets, in milliseconds; beyond the last one everything is alike.
pub const LAG_BOUNDS_MS: [u64; 17] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 300_000,
    1_800_000,
];

/// Lags of transactions, counted in buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LagHistogram {
    /// Transactions per bucket of [`LAG_BOUNDS_MS`], and those beyond the last bound.
    pub counts: [u64; LAG_BOUNDS_MS.len() + 1],
    /// All lags together, in milliseconds.
    pub sum_ms: u64,
}

impl LagHistogram {
    /// Counts one transaction.
    pub(crate) fn observe(&mut self, lag_ms: u64) {
        let bucket = LAG_BOUNDS_MS.partition_point(|bound| *bound < lag_ms);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum_ms = self.sum_ms.saturating_add(lag_ms);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The bound below which this part (0 to 1) of all transactions lies, in milliseconds; `None` without any.
    pub fn quantile_ms(&self, part: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let wanted = (count as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (bucket, found) in self.counts.iter().enumerate() {
            seen += found;
            if seen >= wanted {
                let last = LAG_BOUNDS_MS.last().copied();
                return LAG_BOUNDS_MS.get(bucket).copied().or(last);
            }
        }
        None
    }

    /// Both together.
    #[must_use]
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut sum = *self;
        for (count, more) in sum.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        sum.sum_ms = sum.sum_ms.saturating_add(other.sum_ms);
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_bounds_of_buckets() {
        let mut lags = LagHistogram::default();
        assert_eq!(lags.quantile_ms(0.5), None);
        for lag_ms in 1..=100 {
            lags.observe(lag_ms);
        }
        lags.observe(5_000);
        assert_eq!(lags.quantile_ms(0.5), Some(100));
        assert_eq!(lags.quantile_ms(0.2), Some(50));
        assert_eq!(lags.quantile_ms(1.0), Some(5_000));
        lags.observe(u64::MAX);
        assert_eq!(
            (lags.count(), lags.quantile_ms(1.0)),
            (102, Some(1_800_000))
        );
        assert_eq!(lags.plus(&lags).count(), 204);
    }
}
