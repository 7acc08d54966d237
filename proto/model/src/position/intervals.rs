//! A set of transaction numbers as ranges.

use std::fmt;

/// Ranges with both ends included: sorted, disjoint, and never touching.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub(super) struct Intervals(Vec<(u64, u64)>);

impl Intervals {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        let after = self.0.partition_point(|&(start, _)| start <= number);
        after
            .checked_sub(1)
            .and_then(|index| self.0.get(index))
            .is_some_and(|&(_, end)| number <= end)
    }

    /// Adds `start..=end`, merging with what it overlaps or touches.
    pub(super) fn add(&mut self, start: u64, end: u64) {
        let from = self
            .0
            .partition_point(|&(_, e)| e.saturating_add(1) < start);
        let to = self.0.partition_point(|&(s, _)| s <= end.saturating_add(1));
        let merged = self.0.get(from..to).unwrap_or(&[]);
        let first = merged.first().map_or(start, |&(s, _)| s.min(start));
        let last = merged.last().map_or(end, |&(_, e)| e.max(end));
        self.0.splice(from..to.max(from), [(first, last)]);
    }

    pub(super) fn union(&mut self, other: &Intervals) {
        for &(start, end) in &other.0 {
            self.add(start, end);
        }
    }

    pub(super) fn subtract(&self, other: &Intervals) -> Intervals {
        let mut kept = Vec::with_capacity(self.0.len());
        let mut holes = other.0.iter().peekable();
        for &(start, end) in &self.0 {
            while holes.next_if(|&&(_, e)| e < start).is_some() {}
            let mut from = Some(start);
            // A hole can reach into the next range, so it is looked at but not consumed.
            let mut ahead = holes.clone();
            while let (Some(begin), Some(&(s, e))) = (from, ahead.next_if(|&&(s, _)| s <= end)) {
                if begin < s {
                    kept.push((begin, s.saturating_sub(1)));
                }
                from = e.checked_add(1).filter(|&next| next <= end);
            }
            if let Some(begin) = from {
                kept.push((begin, end));
            }
        }
        Intervals(kept)
    }

    pub(super) fn is_superset(&self, other: &Intervals) -> bool {
        other.0.iter().all(|&(start, end)| {
            let after = self.0.partition_point(|&(s, _)| s <= start);
            after
                .checked_sub(1)
                .and_then(|index| self.0.get(index))
                .is_some_and(|&(_, e)| end <= e)
        })
    }

    /// Keeps the ranges whose last number is wanted.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(u64) -> bool) {
        self.0.retain(|&(_, last)| wanted(last));
    }

    /// How many ranges there are.
    pub(super) fn ranges(&self) -> usize {
        self.0.len()
    }

    /// Reads the text that is printed: `1-5:7`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut intervals = Self::default();
        for part in text.split(':') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            if first > last {
                return None;
            }
            intervals.add(first, last);
        }
        Some(intervals)
    }

    /// How many numbers are in the set.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, &(start, end)| {
            sum.saturating_add(end.saturating_sub(start).saturating_add(1))
        })
    }

    /// The largest number.
    pub(super) fn last(&self) -> Option<u64> {
        self.0.last().map(|&(_, end)| end)
    }
}

/// `1-5:7`
impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, &(start, end)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(":")?;
            }
            if start == end {
                write!(f, "{start}")?;
            } else {
                write!(f, "{start}-{end}")?;
            }
        }
        Ok(())
    }
}
