//! What all handlers share.

use std::sync::Arc;

use tokio::sync::watch;

use super::forward::Forwarder;
use crate::{config::Config, leader::CurrentTerm, replica::Replica, replicated::Replicated};

/// One master's configuration, log, state and term. Clones are the same.
#[derive(Clone)]
pub struct Api {
    /// The configuration.
    pub config: Arc<Config>,
    /// The log.
    pub replica: Arc<dyn Replica>,
    /// The state.
    pub replicated: Arc<Replicated>,
    /// The term of leadership, while this master leads.
    pub term: CurrentTerm,
    /// True while an operator does not want this master to lead.
    pub evicted: watch::Sender<bool>,
    pub(super) forwarder: Arc<Forwarder>,
}

impl Api {
    /// Puts the parts together.
    pub fn new(
        config: Config,
        replica: Arc<dyn Replica>,
        replicated: Arc<Replicated>,
        term: CurrentTerm,
        evicted: watch::Sender<bool>,
    ) -> Self {
        Api {
            config: Arc::new(config),
            replica,
            replicated,
            term,
            evicted,
            forwarder: Arc::default(),
        }
    }
}
