//! The seam between supervision and the pipeline.

use crate::relay::Relay;
use crate::sync::{Subtask, SubtaskHandle, SubtaskSpec, SubtaskStatus, TableCommands};
use dm_model::SourceConfig;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

/// Starts subtasks.
pub trait Spawn: Send + Sync + 'static {
    /// What a start gives.
    type Handle: Running;

    /// Starts one; returns at once.
    fn spawn(&self, spec: SubtaskSpec) -> Self::Handle;

    /// Begins to keep the relay log of a source, where this process has a place for them.
    fn relay(&self, source: Arc<SourceConfig>) -> Option<Arc<Relay>>;
}

/// A started subtask.
pub trait Running: Send + 'static {
    /// Asks it to stop; returns at once.
    fn stop(&self);

    /// Nothing of it will write any more.
    fn stopped(&mut self) -> impl Future<Output = ()> + Send;

    /// Its state now.
    fn status(&self) -> Arc<SubtaskStatus>;
}

/// DM's default of a source's `relay-dir`.
const RELAY_DIR: &str = "relay-dir";

/// The real pipeline.
#[derive(Clone, Debug, Default)]
pub struct SubtaskSpawner {
    /// Where the subtasks take commands about single tables.
    pub commands: TableCommands,
    /// Relay logs of all sources are kept below; without it each source's own `relay-dir` is used.
    pub relay_dir: Option<PathBuf>,
}

impl Spawn for SubtaskSpawner {
    type Handle = SubtaskHandle;

    fn spawn(&self, spec: SubtaskSpec) -> SubtaskHandle {
        Subtask::spawn(spec, &self.commands)
    }

    fn relay(&self, source: Arc<SourceConfig>) -> Option<Arc<Relay>> {
        let own = Some(&source.relay_dir).filter(|dir| !dir.is_empty());
        let base = self
            .relay_dir
            .clone()
            .or_else(|| own.map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from(RELAY_DIR));
        let folder = base.join(source.source_id.as_str());
        Some(Arc::new(Relay::start(source, folder)))
    }
}

impl Running for SubtaskHandle {
    fn stop(&self) {
        SubtaskHandle::stop(self);
    }

    async fn stopped(&mut self) {
        SubtaskHandle::stopped(self).await;
    }

    fn status(&self) -> Arc<SubtaskStatus> {
        SubtaskHandle::status(self)
    }
}
