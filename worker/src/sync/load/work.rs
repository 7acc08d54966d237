//! The key ranges of one table that are still to be read, shared by its readers.
//!
//! All of them see the same snapshot rows, so a reader that has nothing left takes the upper part of another one's range. The owner
//! of a range splits it, between two pages, because only then it is known how far it has come.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::key_value::Key;

/// A key range that is to be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Range {
    /// Tells the ranges of one table apart.
    pub(crate) number: u64,
    /// Keys after this; `None`: from the first.
    pub(crate) after: Option<Key>,
    /// Keys up to this; `None`: to the last.
    pub(crate) upto: Option<Key>,
    /// Rows that are expected in it.
    pub(crate) weight: u64,
}

/// The ranges of one table.
#[derive(Debug)]
pub(crate) struct Work {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Range>,
    next_number: u64,
    /// Readers that have a range.
    busy: usize,
    /// Readers that wait for one.
    idle: usize,
    /// One reader or writer failed: the others end.
    ended: bool,
}

impl Work {
    /// `next_number` is above the numbers of all ranges.
    pub(crate) fn new(ranges: Vec<Range>, next_number: u64) -> Self {
        let state = State {
            waiting: ranges.into(),
            next_number,
            busy: 0,
            idle: 0,
            ended: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// A range to read, waited for while others may still share theirs. `None`: everything is taken and read, or it has ended.
    pub(crate) async fn take(&self) -> Option<Range> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                if state.ended {
                    return None;
                }
                if let Some(range) = state.waiting.pop_front() {
                    state.busy += 1;
                    return Some(range);
                }
                if state.busy == 0 {
                    return None;
                }
                state.idle += 1;
            }
            let waiting = Idle(self);
            changed.await;
            drop(waiting);
        }
    }

    /// Whether a reader waits for which there is no range.
    pub(crate) fn wants_more(&self) -> bool {
        let state = self.lock();
        state.idle > state.waiting.len()
    }

    /// Hands the upper part of a range to whoever waits.
    pub(crate) fn share(&self, after: Key, upto: Option<Key>, weight: u64) {
        let mut state = self.lock();
        let range = Range {
            number: state.next_number,
            after: Some(after),
            upto,
            weight,
        };
        state.next_number += 1;
        state.waiting.push_back(range);
        drop(state);
        self.changed.notify_waiters();
    }

    /// A range has been read to its end.
    pub(crate) fn read(&self) {
        let mut state = self.lock();
        state.busy = state.busy.saturating_sub(1);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Nothing more is to be read.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_waiters();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Idle<'a>(&'a Work);

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.idle = state.idle.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sync::load::key_value::KeyValue;

    fn key(n: i128) -> Key {
        vec![KeyValue::Int(n)]
    }

    #[tokio::test]
    async fn an_idle_reader_gets_what_another_one_shares() {
        let work = Arc::new(Work::new(vec![Range::default()], 1));
        let first = work.take().await.expect("a range");
        let waiting = tokio::spawn({
            let work = work.clone();
            async move { work.take().await }
        });
        while !work.wants_more() {
            tokio::task::yield_now().await;
        }
        work.share(key(7), first.upto, 3);
        let second = waiting.await.expect("a task").expect("a range");
        assert_eq!((second.number, second.after), (1, Some(key(7))));
        work.read();
        work.read();
        assert_eq!(work.take().await, None);
    }

    #[tokio::test]
    async fn a_failure_wakes_who_waits() {
        let work = Arc::new(Work::new(vec![Range::default()], 1));
        let _held = work.take().await;
        let waiting = tokio::spawn({
            let work = work.clone();
            async move { work.take().await }
        });
        tokio::task::yield_now().await;
        work.end();
        assert_eq!(waiting.await.expect("a task"), None);
    }
}
