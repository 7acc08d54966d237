//! Which transactions of the stream are in the target, in stream order. Pure.

use std::{collections::VecDeque, sync::Arc};

use dm_model::{Applied, Gtid, Islands, Place, Position, TransactionId};

/// A transaction's number within one pipeline, ascending in stream order.
pub(crate) type Seq = u64;

/// Numberings (servers, domains, files) that are remembered; with more, ranges of the rarer ones are only written less compactly.
const NUMBERINGS_MAX: usize = 64;

/// The transactions between the point up to which everything is in and the newest that was read.
///
/// What it says goes into the lane row of every commit (R14): everything up to a point, and the ranges that are in beyond it.
#[derive(Debug)]
pub(crate) struct Window {
    /// Everything up to here is in; `beyond` is what an earlier owner had committed out of order.
    base: Applied,
    entries: VecDeque<Entry>,
    first: Seq,
    newest: Position,
    numberings: VecDeque<Numbering>,
}

#[derive(Debug)]
struct Entry {
    id: TransactionId,
    numbering: Arc<str>,
    /// The numbers that stand for it: sequence numbers and offsets have gaps, which belong to the next transaction.
    numbers: (u64, u64),
    done: bool,
}

#[derive(Debug)]
struct Numbering {
    sample: TransactionId,
    text: Arc<str>,
    last: u64,
}

impl Window {
    /// A window that starts with what the target has.
    pub(crate) fn new(base: Applied) -> Self {
        Self {
            newest: base.at.clone(),
            base,
            entries: VecDeque::new(),
            first: 0,
            numberings: VecDeque::new(),
        }
    }

    /// Everything up to here is in.
    pub(crate) fn low(&self) -> &Position {
        &self.base.at
    }

    /// The point after the newest transaction that was pushed.
    pub(crate) fn newest(&self) -> &Position {
        &self.newest
    }

    /// Transactions that were pushed and lie beyond the low point.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether everything that was pushed is in.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number that the next transaction gets.
    pub(crate) fn next_seq(&self) -> Seq {
        self.first + self.entries.len() as u64
    }

    /// Whether an earlier owner committed it.
    pub(crate) fn has(&self, id: &TransactionId) -> bool {
        self.base.covers(id)
    }

    /// Takes the next transaction of the stream.
    pub(crate) fn push(&mut self, id: TransactionId) -> Seq {
        let seq = self.next_seq();
        let (numbering, numbers) = self.place(&id);
        self.newest.advance(&id);
        self.entries.push_back(Entry {
            id,
            numbering,
            numbers,
            done: false,
        });
        seq
    }

    /// Notes that transactions are in the target.
    pub(crate) fn done(&mut self, seqs: &[Seq]) {
        for seq in seqs {
            let index = seq
                .checked_sub(self.first)
                .and_then(|index| usize::try_from(index).ok());
            let entry = index.and_then(|index| self.entries.get_mut(index));
            assert!(
                entry.is_some_and(|entry| !std::mem::replace(&mut entry.done, true)),
                "transaction {seq} is committed once"
            );
        }
        while self.entries.front().is_some_and(|entry| entry.done) {
            if let Some(entry) = self.entries.pop_front() {
                self.base.at.advance(&entry.id);
                self.first += 1;
            }
        }
        if !self.base.beyond.is_empty() {
            self.base.beyond.forget_before(&self.base.at);
        }
    }

    /// What is in once the transactions of `plus` are (in ascending order): all that was acknowledged, and these (R14).
    pub(crate) fn snapshot(&self, plus: &[Seq]) -> Applied {
        let mut applied = self.base.clone();
        // A batch that begins at the low point moves it: most batches do.
        let mut plus = plus.iter().copied().peekable();
        let mut at_low = true;
        let mut run: Option<(&Entry, u64, u64)> = None;
        for (index, entry) in self.entries.iter().enumerate() {
            let seq = self.first + index as u64;
            let inside = plus.next_if_eq(&seq).is_some() || entry.done;
            at_low &= inside;
            if !inside {
                continue;
            }
            if at_low {
                applied.at.advance(&entry.id);
                continue;
            }
            let (first, last) = entry.numbers;
            run = match run {
                Some((of, from, to))
                    if Arc::ptr_eq(&of.numbering, &entry.numbering)
                        && from <= first
                        && first <= to.saturating_add(1) =>
                {
                    Some((of, from, to.max(last)))
                }
                ended => {
                    add(&mut applied.beyond, ended);
                    Some((entry, first, last))
                }
            };
        }
        add(&mut applied.beyond, run);
        assert!(
            plus.next().is_none(),
            "a batch has transactions of the window"
        );
        if !self.base.beyond.is_empty() {
            applied.beyond.forget_before(&applied.at);
        }
        applied
    }

    fn place(&mut self, id: &TransactionId) -> (Arc<str>, (u64, u64)) {
        let by_gtid = self.base.at.gtid.is_some();
        let same = |other: &TransactionId| match (&id.gtid, &other.gtid) {
            (Some(Gtid::Mysql { sid, .. }), Some(Gtid::Mysql { sid: other, .. })) if by_gtid => {
                sid == other
            }
            (Some(Gtid::Mariadb { domain, .. }), Some(Gtid::Mariadb { domain: other, .. }))
                if by_gtid =>
            {
                domain == other
            }
            _ => !by_gtid && id.end.file == other.end.file,
        };
        if let Some(known) = self.numberings.iter_mut().find(|known| same(&known.sample)) {
            let number = number(id, by_gtid);
            let gaps = !matches!(&id.gtid, Some(Gtid::Mysql { .. }) if by_gtid);
            let first = if gaps && known.last < number {
                known.last + 1
            } else {
                number
            };
            known.last = number;
            return (known.text.clone(), (first, number));
        }
        let place = Place::of(id, by_gtid);
        let text: Arc<str> = place.numbering.into();
        if self.numberings.len() == NUMBERINGS_MAX {
            self.numberings.pop_back();
        }
        self.numberings.push_front(Numbering {
            sample: id.clone(),
            text: text.clone(),
            last: place.number,
        });
        (text, (place.number, place.number))
    }
}

fn add(islands: &mut Islands, run: Option<(&Entry, u64, u64)>) {
    if let Some((of, first, last)) = run {
        islands.add(&of.numbering, first, last);
    }
}

fn number(id: &TransactionId, by_gtid: bool) -> u64 {
    match id.gtid.as_ref().filter(|_| by_gtid) {
        Some(Gtid::Mysql { gno, .. }) => *gno,
        Some(Gtid::Mariadb { seq, .. }) => *seq,
        None => id.end.offset,
    }
}

#[cfg(test)]
#[path = "window_test.rs"]
mod tests;
