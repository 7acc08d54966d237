//! One term of leadership.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{clock, lease::Keeper, session::Hub, state::State};

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
        }
    }

    /// The lease keeper. Held for a moment only, never over an await.
    pub fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
