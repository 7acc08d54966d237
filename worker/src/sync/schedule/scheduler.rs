//! Which transactions share a target commit, and on which lane. Pure.
//!
//! A transaction waits for the last one before it that shares a key with it, and for nothing else. Those that wait for nobody gather in
//! one open batch that belongs to no lane yet. One whose unfinished predecessors are all on one lane joins that lane's next batch: a
//! lane commits in order. One whose predecessors are on several lanes is held until all but one of them are through (R15: otherwise
//! two batches could wait for each other for ever).

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use super::{Footprint, KeyHash, Needs, TableId, window::Seq};

/// When a batch is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    pub(crate) transactions: usize,
}

/// Rows and bytes, for the bounds of batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

/// Transactions that commit together, in stream order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assigned {
    pub(crate) lane: usize,
    pub(crate) seqs: Vec<Seq>,
    pub(crate) size: Size,
}

type BatchId = u64;

/// Orders transactions by what they touch.
#[derive(Debug)]
pub(crate) struct Scheduler {
    lanes: Vec<Lane>,
    batches: FxHashMap<BatchId, Batch>,
    next_batch: BatchId,
    /// The open batch that belongs to no lane.
    floating: Option<BatchId>,
    transactions: VecDeque<Option<Transaction>>,
    first: Seq,
    /// The last unfinished transaction that has the key.
    keys: FxHashMap<KeyHash, Seq>,
    tables: FxHashMap<TableId, Use>,
    /// The last unfinished transaction that nothing may overtake.
    everything: Option<Seq>,
    /// Those that run by themselves and whose turn has come.
    alone: VecDeque<Seq>,
}

#[derive(Debug, Default)]
struct Lane {
    open: Option<BatchId>,
    sent: Option<BatchId>,
}

#[derive(Debug, Default)]
struct Batch {
    lane: Option<usize>,
    seqs: Vec<Seq>,
    size: Size,
}

#[derive(Debug, Default)]
struct Use {
    /// The last unfinished transaction that has the table to itself.
    exclusive: Option<Seq>,
    /// Unfinished transactions that change the table.
    users: usize,
}

#[derive(Debug)]
struct Transaction {
    footprint: Footprint,
    size: Size,
    place: Place,
    /// Unfinished predecessors, while it waits.
    waits: Vec<Seq>,
    /// Who waits for it.
    followers: Vec<Seq>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting,
    In(BatchId),
    /// Handed out by itself, or about to be.
    Alone,
}

impl Scheduler {
    /// For `lanes` lanes, all idle.
    pub(crate) fn new(lanes: usize) -> Self {
        Self {
            lanes: (0..lanes.max(1)).map(|_| Lane::default()).collect(),
            batches: FxHashMap::default(),
            next_batch: 0,
            floating: None,
            transactions: VecDeque::new(),
            first: 0,
            keys: FxHashMap::default(),
            tables: FxHashMap::default(),
            everything: None,
            alone: VecDeque::new(),
        }
    }

    /// Whether another transaction may be pushed: no open batch is full.
    pub(crate) fn has_room(&self, limits: &Limits) -> bool {
        let open = self.lanes.iter().filter_map(|lane| lane.open);
        !open
            .chain(self.floating)
            .any(|batch| self.is_full(batch, limits))
    }

    /// Takes a transaction. Numbers ascend; those of transactions that change nothing are left out.
    pub(crate) fn push(&mut self, seq: Seq, footprint: Footprint, size: Size) {
        assert!(
            seq >= self.first + self.transactions.len() as u64,
            "transactions come in stream order"
        );
        let mut waits = self.predecessors(seq, &footprint);
        waits.sort_unstable();
        waits.dedup();
        if self.transactions.is_empty() {
            self.first = seq;
        }
        while self.first + (self.transactions.len() as u64) < seq {
            self.transactions.push_back(None);
        }
        self.transactions.push_back(Some(Transaction {
            footprint,
            size,
            place: Place::Waiting,
            waits: Vec::new(),
            followers: Vec::new(),
        }));
        if !self.settle(seq, &waits) {
            for before in &waits {
                if let Some(before) = self.transaction(*before) {
                    before.followers.push(seq);
                }
            }
            if let Some(transaction) = self.transaction(seq) {
                transaction.waits = waits;
            }
        }
    }

    /// The next batch for a lane that is idle. With `flush`, one that is not full too.
    pub(crate) fn next_batch(&mut self, limits: &Limits, flush: bool) -> Option<Assigned> {
        // What follows something on its lane may go as soon as the lane is free.
        let bound = self
            .lanes
            .iter()
            .position(|lane| lane.sent.is_none() && lane.open.is_some());
        if let Some(lane) = bound {
            let open = self.lanes.get(lane)?.open?;
            if let Some(floating) = self.floating
                && self.fits(open, floating, limits)
            {
                self.merge(floating, lane);
            }
            return self.send(lane);
        }
        let floating = self.floating?;
        if !flush && !self.is_full(floating, limits) {
            return None;
        }
        let lane = self
            .lanes
            .iter()
            .position(|lane| lane.sent.is_none() && lane.open.is_none())?;
        self.merge(floating, lane);
        self.send(lane)
    }

    /// The next transaction that is to run by itself.
    pub(crate) fn next_alone(&mut self) -> Option<Seq> {
        self.alone.pop_front()
    }

    /// Lanes whose batch was handed out and is not finished.
    pub(crate) fn busy(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.sent.is_some()).count()
    }

    /// The batch of a lane is committed. Returns its transactions.
    pub(crate) fn committed(&mut self, lane: usize) -> Vec<Seq> {
        let sent = self.lanes.get_mut(lane).and_then(|lane| lane.sent.take());
        let batch = sent
            .and_then(|sent| self.batches.remove(&sent))
            .unwrap_or_default();
        self.finish(&batch.seqs);
        batch.seqs
    }

    /// A transaction that ran by itself is through.
    pub(crate) fn finished_alone(&mut self, seq: Seq) {
        self.finish(&[seq]);
    }

    fn predecessors(&mut self, seq: Seq, footprint: &Footprint) -> Vec<Seq> {
        let mut waits: Vec<Seq> = Vec::new();
        waits.extend(self.everything);
        for key in &footprint.after {
            waits.extend(self.keys.get(key));
        }
        for key in &footprint.keys {
            waits.extend(self.keys.insert(*key, seq).filter(|before| *before != seq));
        }
        let mut scan = false;
        for table in &footprint.tables {
            let usage = self.tables.entry(*table).or_default();
            waits.extend(usage.exclusive);
            usage.users += 1;
            if footprint.needs == Needs::ItsTables || footprint.holds_tables {
                scan |= usage.users > 1;
                usage.exclusive = Some(seq);
            }
        }
        if scan {
            let users = self.unfinished_seqs(|transaction| {
                transaction
                    .footprint
                    .tables
                    .iter()
                    .any(|table| footprint.tables.contains(table))
            });
            waits.extend(users);
        }
        if footprint.after_all || footprint.needs == Needs::Everything {
            waits.extend(self.unfinished_seqs(|_| true));
        }
        if footprint.needs == Needs::Everything {
            self.everything = Some(seq);
        }
        waits
    }

    fn unfinished_seqs(&self, wanted: impl Fn(&Transaction) -> bool) -> Vec<Seq> {
        let all = self.transactions.iter().zip(self.first..);
        all.filter(|(transaction, _)| transaction.as_ref().is_some_and(&wanted))
            .map(|(_, seq)| seq)
            .collect()
    }

    /// Gives a transaction its place, if its predecessors allow it.
    fn settle(&mut self, seq: Seq, waits: &[Seq]) -> bool {
        let Some(transaction) = self.get(seq) else {
            return true;
        };
        let (alone, size) = (
            transaction.footprint.needs != Needs::Nothing,
            transaction.size,
        );
        if (alone || transaction.footprint.after_all) && !waits.is_empty() {
            return false;
        }
        if alone {
            self.set_place(seq, Place::Alone);
            self.alone.push_back(seq);
            return true;
        }
        let mut on_lane = None;
        let mut on_floating = false;
        for before in waits {
            let Some(before) = self.get(*before) else {
                continue;
            };
            let Place::In(batch) = before.place else {
                return false;
            };
            match self.batches.get(&batch).and_then(|batch| batch.lane) {
                None => on_floating = true,
                Some(lane) if on_lane.is_none_or(|other| other == lane) => on_lane = Some(lane),
                Some(_) => return false,
            }
        }
        let batch = match on_lane {
            None => self.open_floating(),
            Some(lane) => {
                if on_floating && let Some(floating) = self.floating {
                    self.merge(floating, lane);
                }
                self.open_on(lane)
            }
        };
        self.set_place(seq, Place::In(batch));
        if let Some(batch) = self.batches.get_mut(&batch) {
            batch.seqs.push(seq);
            batch.size.rows += size.rows;
            batch.size.bytes += size.bytes;
        }
        true
    }

    fn open_floating(&mut self) -> BatchId {
        if let Some(floating) = self.floating {
            return floating;
        }
        let batch = self.new_batch(None);
        self.floating = Some(batch);
        batch
    }

    fn open_on(&mut self, lane: usize) -> BatchId {
        if let Some(open) = self.lanes.get(lane).and_then(|lane| lane.open) {
            return open;
        }
        let batch = self.new_batch(Some(lane));
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.open = Some(batch);
        }
        batch
    }

    fn new_batch(&mut self, lane: Option<usize>) -> BatchId {
        let id = self.next_batch;
        self.next_batch += 1;
        let batch = Batch {
            lane,
            ..Batch::default()
        };
        self.batches.insert(id, batch);
        id
    }

    /// The batch without a lane becomes this lane's, or part of its open one. Right at any time: whoever of it has unfinished
    /// predecessors has them in it.
    fn merge(&mut self, floating: BatchId, lane: usize) {
        self.floating = None;
        let open = self.lanes.get(lane).and_then(|lane| lane.open);
        let Some(open) = open else {
            if let Some(batch) = self.batches.get_mut(&floating) {
                batch.lane = Some(lane);
            }
            if let Some(lane) = self.lanes.get_mut(lane) {
                lane.open = Some(floating);
            }
            return;
        };
        let Some(moved) = self.batches.remove(&floating) else {
            return;
        };
        for seq in &moved.seqs {
            self.set_place(*seq, Place::In(open));
        }
        if let Some(batch) = self.batches.get_mut(&open) {
            batch.seqs.extend(moved.seqs);
            batch.size.rows += moved.size.rows;
            batch.size.bytes += moved.size.bytes;
        }
    }

    fn send(&mut self, lane: usize) -> Option<Assigned> {
        let state = self.lanes.get_mut(lane)?;
        state.sent = state.open.take();
        let batch = self.batches.get_mut(&state.sent?)?;
        // Those that waited joined late; whoever follows them joined later still.
        batch.seqs.sort_unstable();
        Some(Assigned {
            lane,
            seqs: batch.seqs.clone(),
            size: batch.size,
        })
    }

    fn is_full(&self, batch: BatchId, limits: &Limits) -> bool {
        self.batches.get(&batch).is_some_and(|batch| {
            batch.size.rows >= limits.rows
                || batch.size.bytes >= limits.bytes
                || batch.seqs.len() >= limits.transactions
        })
    }

    fn fits(&self, one: BatchId, other: BatchId, limits: &Limits) -> bool {
        let (Some(one), Some(other)) = (self.batches.get(&one), self.batches.get(&other)) else {
            return false;
        };
        one.size.rows + other.size.rows <= limits.rows
            && one.size.bytes + other.size.bytes <= limits.bytes
            && one.seqs.len() + other.seqs.len() <= limits.transactions
    }

    fn finish(&mut self, seqs: &[Seq]) {
        let mut candidates = BTreeSet::new();
        for seq in seqs {
            let Some(finished) = self.take(*seq) else {
                continue;
            };
            candidates.extend(finished.followers);
            for key in &finished.footprint.keys {
                if self.keys.get(key) == Some(seq) {
                    self.keys.remove(key);
                }
            }
            for table in &finished.footprint.tables {
                if let Some(usage) = self.tables.get_mut(table) {
                    usage.users -= 1;
                    usage.exclusive = usage.exclusive.filter(|last| last != seq);
                    if usage.users == 0 {
                        self.tables.remove(table);
                    }
                }
            }
            self.everything = self.everything.filter(|last| last != seq);
        }
        while matches!(self.transactions.front(), Some(None)) {
            self.transactions.pop_front();
            self.first += 1;
        }
        // In stream order: who is placed now may let its own followers in.
        while let Some(seq) = candidates.pop_first() {
            let Some(waiting) = self.get(seq).filter(|one| one.place == Place::Waiting) else {
                continue;
            };
            let waits: Vec<Seq> = waiting
                .waits
                .iter()
                .copied()
                .filter(|before| self.get(*before).is_some())
                .collect();
            if self.settle(seq, &waits) {
                if let Some(settled) = self.transaction(seq) {
                    settled.waits = Vec::new();
                    // They stay followers: those with predecessors on two lanes wait for the end of one.
                    let followers = settled.followers.clone();
                    candidates.extend(followers);
                }
            } else if let Some(waiting) = self.transaction(seq) {
                waiting.waits = waits;
            }
        }
    }

    fn get(&self, seq: Seq) -> Option<&Transaction> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.transactions.get(index)?.as_ref()
    }

    fn transaction(&mut self, seq: Seq) -> Option<&mut Transaction> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.transactions.get_mut(index)?.as_mut()
    }

    fn take(&mut self, seq: Seq) -> Option<Transaction> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.transactions.get_mut(index)?.take()
    }

    fn set_place(&mut self, seq: Seq, place: Place) {
        if let Some(transaction) = self.transaction(seq) {
            transaction.place = place;
        }
    }
}

#[cfg(test)]
#[path = "scheduler_test.rs"]
mod tests;
