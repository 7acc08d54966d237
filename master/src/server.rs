//! Puts a master together and runs it until it is told to stop.

use std::{
    net::SocketAddr,
    sync::{Arc, RwLock},
    time::Duration,
};

use dm_model::{DmError, codes};
use dm_proto::{
    pb::master_server::MasterServer,
    transport::MESSAGE_BYTES_MAX,
    v1::{membership_server::MembershipServer, session_server::SessionServer},
};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{service::Routes, transport::Server};
use tracing::{info, warn};

use crate::{
    api::{Api, MasterService},
    config::Config,
    http,
    leader::{self, LeaderOptions},
    membership::MembershipService,
    raft::{ELECTION_MS_DEFAULT, HEARTBEAT_MS_DEFAULT, RaftNode, RaftOptions},
    replica::Replica,
    replicated::{CommandMachine, Replicated},
    session::SessionService,
    state::LEVEL_MAX,
};

/// Time for requests in flight when the process stops; sessions end at once.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest hand-over of leadership at a graceful stop.
const STEP_DOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection that is silent for so long is asked whether it lives.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
/// And closed when it does not answer for so long.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);

/// A running master.
pub struct Master {
    /// What the parts share; tests look through it.
    pub api: Api,
    addr: SocketAddr,
    replica: Arc<dyn Replica>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Master {
    /// Starts everything; returns when the ports are open and the node belongs to a cluster.
    pub async fn start(config: Config) -> Result<Self, DmError> {
        // The port first: a second process of the same configuration must fail before it touches the data folder.
        let listener = TcpListener::bind(&config.master_addr)
            .await
            .map_err(|error| {
                let message = format!("can't listen on master-addr {}", config.master_addr);
                DmError::new(&codes::MASTER_START_SERVICE, message).with_cause(error)
            })?;
        let replicated = Replicated::new();
        let machine = Arc::new(RwLock::new(CommandMachine::new(replicated.clone())));
        let evicted = watch::Sender::new(false);
        let node = RaftNode::start(raft_options(&config, evicted.subscribe()), machine).await?;
        Self::serve(config, listener, Arc::new(node), replicated, evicted)
    }

    fn serve(
        config: Config,
        listener: TcpListener,
        replica: Arc<dyn Replica>,
        replicated: Arc<Replicated>,
        evicted: watch::Sender<bool>,
    ) -> Result<Self, DmError> {
        let addr = listener.local_addr().map_err(|error| {
            DmError::new(&codes::MASTER_START_SERVICE, "the listening port is gone")
                .with_cause(error)
        })?;
        let stop = CancellationToken::new();
        let (current, term) = watch::channel(None);
        let options = LeaderOptions {
            lease_ttl_ms: config.lease_ttl_ms,
            evicted: evicted.subscribe(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(leader::lead(
            replica.clone(),
            replicated.clone(),
            options,
            current,
            stop.clone(),
        ));
        let key: Arc<[u8]> = config
            .secret_key
            .as_ref()
            .map_or_else(|| Arc::from([].as_slice()), |key| Arc::from(key.as_bytes()));
        let session = SessionService::new(replica.clone(), replicated.clone(), term.clone(), key);
        let membership = MembershipService::new(replica.clone(), replicated.clone(), term.clone());
        let api = Api::new(config, replica.clone(), replicated, term, evicted);
        let server = tokio::spawn(run_server(
            listener,
            MasterService::new(api.clone()),
            session,
            membership,
            replica.clone(),
            stop.clone(),
        ));
        info!(%addr, "serving");
        Ok(Master {
            api,
            addr,
            replica,
            stop,
            tasks,
            server,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns when the server ended by itself, which is a failure.
    pub async fn failed(&mut self) -> String {
        tokio::select! {
            ended = &mut self.server => match ended {
                Ok(Ok(())) => "the server ended".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            },
            why = self.replica.failed() => format!("the raft member stopped: {why}"),
            Some(ended) = self.tasks.join_next() => format!("a task of the leader ended: {ended:?}"),
        }
    }

    /// Stops at once, without a word to anybody: to the other masters and to workers it looks like a crash.
    pub async fn abort(mut self) {
        self.server.abort();
        self.tasks.abort_all();
        // Connections live on in this process; the streams must not.
        if let Some(term) = self.api.term.borrow().as_ref() {
            term.over.cancel();
        }
        self.replica.shutdown().await;
        self.stop.cancel();
    }

    /// Hands leadership over, lets requests in flight end, and stops.
    pub async fn stop(mut self) {
        if self.replica.leadership().borrow().is_leader
            && self.replica.members().len() > 1
            && let Err(error) = self.replica.step_down(STEP_DOWN_TIMEOUT).await
        {
            warn!(%error, "leadership was not handed over; the others will elect");
        }
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        if !self.server.is_finished()
            && tokio::time::timeout(DRAIN_TIMEOUT, &mut self.server)
                .await
                .is_err()
        {
            self.server.abort();
        }
        self.replica.shutdown().await;
    }
}

async fn run_server(
    listener: TcpListener,
    master: MasterService,
    session: SessionService,
    membership: MembershipService,
    replica: Arc<dyn Replica>,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let master = MasterServer::new(master)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let session = SessionServer::new(session)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let routes = Routes::from(http::router(replica))
        .add_service(master)
        .add_service(session)
        .add_service(MembershipServer::new(membership));
    Server::builder()
        .accept_http1(true)
        .tcp_nodelay(true)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_routes(routes)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.cancelled_owned())
        .await
}

fn raft_options(config: &Config, evicted: watch::Receiver<bool>) -> RaftOptions {
    RaftOptions {
        data_dir: config.data_dir.clone(),
        name: config.name.clone(),
        peer_listen: config.peer_addr.clone(),
        peer_addr: config.advertise_peer_addr.clone(),
        client_addr: config.advertise_addr.clone(),
        initial_cluster: config
            .initial_cluster
            .iter()
            .map(|member| (member.name.clone(), member.peer_addr.clone()))
            .collect(),
        join: config.join.clone(),
        state_level_max: LEVEL_MAX,
        evicted,
        heartbeat_ms: HEARTBEAT_MS_DEFAULT,
        election_ms: ELECTION_MS_DEFAULT,
    }
}
