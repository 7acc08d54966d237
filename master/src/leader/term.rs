//! One term of leadership.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    clock,
    lease::Keeper,
    session::Hub,
    state::{Anonymous, State},
};

/// The term that runs now, if this master leads and has caught up with its own log.
pub type CurrentTerm = watch::Receiver<Option<Arc<Term>>>;

/// Everything that only the leader knows.
pub struct Term {
    /// Raft's number.
    pub number: u64,
    /// Workers with a session.
    pub hub: Hub,
    /// Rings when the scheduler should look again at once.
    pub wake: Notify,
    /// Leases that their owners shall give back.
    pub draining: watch::Sender<BTreeSet<(String, u64)>>,
    /// When it began.
    pub began: Instant,
    /// Cancelled when the term ends.
    pub over: CancellationToken,
    keeper: Mutex<Keeper>,
    /// The last request that came without an id and was proposed; not answered yet, perhaps (R29).
    last_request: Mutex<Option<Anonymous>>,
}

impl Term {
    /// Begins a term over the state that it inherits.
    pub fn new(number: u64, state: &State) -> Self {
        Term {
            number,
            hub: Hub::default(),
            wake: Notify::new(),
            draining: watch::Sender::default(),
            began: Instant::now(),
            over: CancellationToken::new(),
            keeper: Mutex::new(Keeper::start_term(state, clock::now_ms())),
            last_request: Mutex::default(),
        }
    }

    /// The last request that was proposed, when it came without an id.
    pub fn last_request(&self) -> Option<Anonymous> {
        self.requests().clone()
    }

    /// Notes the request that is being proposed; `None` for one with an id of its own, or to forget a refused one.
    pub fn note_request(&self, request: Option<Anonymous>) {
        *self.requests() = request;
    }

    fn requests(&self) -> MutexGuard<'_, Option<Anonymous>> {
        self.last_request
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The lease keeper. Held for a moment only, never over an await.
    pub fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
