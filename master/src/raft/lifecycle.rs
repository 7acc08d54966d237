//! Start and stop of a node.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use dm_model::{DmError, codes};
use dm_raft_store::{Machine, Store};
use openraft::Raft;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::contacts::Contacts;
use super::identity::DataFolder;
use super::leadership::{Leadership, Watcher};
use super::network::{Network, Sender};
use super::node::{Inner, RaftNode};
use super::service::{AnyRaft, PeerService};
use super::{RaftOptions, bootstrap, join, server};

/// How long a stop waits for the listener, and then for the store, to be let go.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// How often a member looks whether it hears a leader.
const STANDING_INTERVAL: Duration = Duration::from_secs(1);
/// After so long without a leader it asks whether it still is a member.
const STANDING_SILENCE: Duration = Duration::from_secs(3);

/// What the folder is held with.
pub(super) struct Held {
    pub(super) store: Arc<Store>,
    folder: Arc<Mutex<DataFolder>>,
}

impl RaftNode {
    /// Opens the folder, serves the peers, and returns when this node belongs to a cluster; founders of a new one, or masters
    /// that let it in, are waited for as long as it takes. `machine` must be new: its state is rebuilt from snapshot and log.
    pub async fn start<M: Machine>(
        options: RaftOptions,
        machine: Arc<RwLock<M>>,
    ) -> Result<Self, DmError> {
        let folder = DataFolder::open(&options.data_dir, &options.name)?;
        let store = Store::open(&folder.store_path()).map_err(|error| store_trouble(&error))?;
        let pristine = store.is_pristine().map_err(|error| store_trouble(&error))?;
        check_store(&folder, pristine)?;

        let sender = Arc::new(Sender {
            node_id: folder.identity().node_id,
            cluster_id: AtomicU64::new(folder.identity().cluster_id),
            contacts: Contacts::default(),
            addresses: Mutex::default(),
            peer_addr: options.peer_addr.clone(),
        });
        let machine = store.state_machine(machine);
        let applied = machine.watch_applied();
        let config = options.openraft()?;
        let raft: AnyRaft = Raft::new(
            sender.node_id,
            config,
            Network::new(sender.clone()),
            store.log(),
            machine,
        )
        .await
        .map_err(|error| store_trouble(&error))?;

        let folder = Arc::new(Mutex::new(folder));
        let founders = options.founders();
        let service = PeerService {
            raft: raft.clone(),
            sender: sender.clone(),
            folder: folder.clone(),
            founders: founders.iter().map(|(name, _)| name.clone()).collect(),
            client_addr: options.client_addr.clone(),
            peer_addr: options.peer_addr.clone(),
            state_level_max: options.state_level_max,
            evicted: options.evicted.clone(),
        };
        let leader_silence_max =
            Duration::from_millis(options.election_ms + 2 * options.heartbeat_ms);
        let leadership = watch_leadership(&raft, sender.clone(), leader_silence_max);
        let stop = CancellationToken::new();
        let inner = Inner {
            raft,
            sender,
            leadership,
            applied,
            held: Mutex::new(Some(Held { store, folder })),
            stop,
            server: Mutex::new(None),
            expelled: watch::Sender::default(),
        };
        let node = Self {
            inner: Arc::new(inner),
        };
        let begun = node.begin(&options, service, &founders, pristine).await;
        if let Err(error) = begun {
            node.shutdown().await;
            return Err(error);
        }
        Ok(node)
    }

    async fn begin(
        &self,
        options: &RaftOptions,
        service: PeerService,
        founders: &[(String, String)],
        pristine: bool,
    ) -> Result<(), DmError> {
        let server = server::serve(
            &options.peer_listen,
            service.clone(),
            self.inner.stop.clone(),
        )
        .await?;
        *self
            .inner
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(server);
        if !pristine {
            join::verify(&service, &options.initial_cluster).await?;
        } else if options.join.is_empty() {
            bootstrap::form(&service, &options.name, founders).await?;
            bootstrap::first_entry(&service).await?;
        } else {
            join::join(&service, &options.join).await?;
            bootstrap::first_entry(&service).await?;
        }
        bootstrap::settle(&service)?;
        tokio::spawn(watch_standing(
            self.inner.expelled.clone(),
            self.inner.leadership.clone(),
            service,
            options.name.clone(),
            self.inner.stop.clone(),
        ));
        Ok(())
    }

    /// Stops and lets the data folder go.
    pub async fn shutdown(&self) {
        if let Err(error) = self.inner.raft.shutdown().await {
            tracing::warn!(%error, "raft did not stop cleanly");
        }
        self.inner.stop.cancel();
        let server = self
            .inner
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut server) = server
            && tokio::time::timeout(STOP_TIMEOUT, &mut server)
                .await
                .is_err()
        {
            server.abort();
        }
        let held = self
            .inner
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(held) = held {
            held.close().await;
        }
    }

    /// Returns when this node can take part no more, with the reason: its storage failed, or it was removed. The process should end.
    pub async fn failed(&self) -> String {
        let mut expelled = self.inner.expelled.subscribe();
        tokio::select! {
            why = self.stopped_by_itself() => why,
            Ok(why) = expelled.wait_for(|why| !why.is_empty()) => why.clone(),
        }
    }

    async fn stopped_by_itself(&self) -> String {
        let stopped = self
            .inner
            .raft
            .wait(None)
            .metrics(|now| now.running_state.is_err(), "stopped")
            .await;
        match stopped.map(|now| now.running_state) {
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(())) => "raft stopped".to_string(),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Also when `start` was given up while it waited for the other founders.
        self.stop.cancel();
    }
}

impl Held {
    /// Waits until nobody else uses store and folder, then closes them.
    async fn close(self) {
        let until = Instant::now() + STOP_TIMEOUT;
        let shared = || Arc::strong_count(&self.store) > 1 || Arc::strong_count(&self.folder) > 1;
        while shared() && Instant::now() < until {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        if shared() {
            tracing::warn!("the data folder is still in use after raft stopped");
        }
        // Closing the database waits for its threads.
        drop(tokio::task::spawn_blocking(move || drop(self)).await);
    }
}

fn watch_leadership(
    raft: &AnyRaft,
    sender: Arc<Sender>,
    silence_max: Duration,
) -> watch::Receiver<Leadership> {
    let (shown, receiver) = watch::channel(Leadership::default());
    let watcher = Watcher {
        metrics: raft.metrics(),
        sender,
        silence_max,
    };
    tokio::spawn(watcher.run(shown));
    receiver
}

/// Watches over what the cluster thinks of this member: tells a new address, and notices a removal, which nobody tells.
async fn watch_standing(
    expelled: watch::Sender<String>,
    leadership: watch::Receiver<Leadership>,
    service: PeerService,
    name: String,
    stop: CancellationToken,
) {
    let watching = async {
        if let Err(error) = join::announce_move(&service).await {
            return error;
        }
        loop {
            tokio::time::sleep(STANDING_INTERVAL).await;
            let silent = service.sender.contacts.led_since() > STANDING_SILENCE;
            let leads = leadership.borrow().is_leader;
            if silent && !leads && join::was_removed(&service).await {
                return join::removed(&name);
            }
        }
    };
    tokio::select! {
        error = watching => drop(expelled.send_replace(error.to_string())),
        () = stop.cancelled() => {}
    }
}

fn check_store(folder: &DataFolder, pristine: bool) -> Result<(), DmError> {
    let identity = folder.identity();
    if pristine && identity.cluster_id != 0 && !identity.forming {
        let text = format!(
            "this master (`{}`) was a member of cluster {:x}, but its raft log is gone: {}",
            identity.name,
            identity.cluster_id,
            folder.store_path().display()
        );
        return Err(DmError::new(&codes::MASTER_START_SERVICE, text).with_workaround(format!(
            "Restore the folder, or run `dmctl offline-member --master --name {}`, empty the data folder and start with --join.",
            identity.name
        )));
    }
    Ok(())
}

fn store_trouble(error: &dyn std::fmt::Display) -> DmError {
    DmError::new(
        &codes::MASTER_START_SERVICE,
        "the raft store does not serve",
    )
    .with_cause(error)
}
