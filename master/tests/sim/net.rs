//! The network between masters: delays, loses, and is cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use dm_raft_store::{
    PeerNode,
    types::{Snapshot, Vote},
};
use openraft::{
    AsyncRuntime, OptionalSend, RaftNetworkFactory, RaftNetworkV2,
    errors::{RPCError, ReplicationClosed, StreamingError, Unreachable},
    network::RPCOption,
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
        TransferLeaderResponse, VoteRequest, VoteResponse,
    },
};
use openraft_rt_sim::SimRuntime;

use crate::{
    rng::Dice,
    types::{SimRaft, SimTypes},
};

type Error = RPCError<SimTypes>;

#[derive(Default)]
struct Inner {
    rafts: BTreeMap<u64, SimRaft>,
    /// Ordered pairs between which nothing passes.
    cut: BTreeSet<(u64, u64)>,
    /// One message in so many is lost; 0: none.
    lost_once_in: u64,
    slowest_ms: u64,
}

/// Who runs, and what passes between them. Workers and clients have numbers too.
#[derive(Clone)]
pub struct Net {
    inner: Arc<Mutex<Inner>>,
    dice: Dice,
}

impl Net {
    pub fn new(dice: Dice) -> Self {
        Net {
            inner: Arc::default(),
            dice,
        }
    }

    pub fn enter(&self, id: u64, raft: SimRaft) {
        self.inner.lock().unwrap().rafts.insert(id, raft);
    }

    pub fn leave(&self, id: u64) -> Option<SimRaft> {
        self.inner.lock().unwrap().rafts.remove(&id)
    }

    /// Nothing passes between the two, in one direction.
    pub fn cut(&self, from: u64, to: u64) {
        self.inner.lock().unwrap().cut.insert((from, to));
    }

    pub fn set_loss(&self, once_in: u64, slowest_ms: u64) {
        let mut inner = self.inner.lock().unwrap();
        (inner.lost_once_in, inner.slowest_ms) = (once_in, slowest_ms);
    }

    pub fn heal(&self) {
        let mut inner = self.inner.lock().unwrap();
        inner.cut.clear();
        (inner.lost_once_in, inner.slowest_ms) = (0, 0);
    }

    /// One message on its way; false when it does not arrive.
    pub async fn passes(&self, from: u64, to: u64) -> bool {
        let (delay_us, lost) = {
            let inner = self.inner.lock().unwrap();
            let slowest_us = 1_000 * inner.slowest_ms.max(1);
            let lost = inner.lost_once_in != 0 && self.dice.once_in(inner.lost_once_in);
            (self.dice.between(50, slowest_us), lost)
        };
        SimRuntime::sleep(Duration::from_micros(delay_us)).await;
        // Cut when it would arrive: what was on its way is lost too.
        !lost && !self.inner.lock().unwrap().cut.contains(&(from, to))
    }

    fn raft(&self, id: u64) -> Option<SimRaft> {
        self.inner.lock().unwrap().rafts.get(&id).cloned()
    }

    /// There, handled, and back.
    async fn call<A, F: Future<Output = Option<A>>>(
        &self,
        from: u64,
        to: u64,
        handle: impl FnOnce(SimRaft) -> F,
    ) -> Result<A, Error> {
        let lost = || RPCError::Unreachable(Unreachable::from_string("no answer"));
        if !self.passes(from, to).await {
            return Err(lost());
        }
        let raft = self.raft(to).ok_or_else(lost)?;
        let answer = handle(raft).await;
        if !self.passes(to, from).await {
            return Err(lost());
        }
        answer.ok_or_else(lost)
    }
}

/// Makes connections of one master.
pub struct Factory {
    pub net: Net,
    pub from: u64,
}

impl RaftNetworkFactory<SimTypes> for Factory {
    type Network = Connection;

    async fn new_client(&mut self, target: u64, _: &PeerNode) -> Connection {
        Connection {
            net: self.net.clone(),
            from: self.from,
            to: target,
        }
    }
}

/// From one master to another.
pub struct Connection {
    net: Net,
    from: u64,
    to: u64,
}

impl RaftNetworkV2<SimTypes> for Connection {
    type SnapshotData = Vec<u8>;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<SimTypes>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<SimTypes>, Error> {
        let handle = |raft: SimRaft| async move { raft.append_entries(rpc).await.ok() };
        self.net.call(self.from, self.to, handle).await
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<SimTypes>,
        _: RPCOption,
    ) -> Result<VoteResponse<SimTypes>, Error> {
        let handle = |raft: SimRaft| async move { raft.vote(rpc).await.ok() };
        self.net.call(self.from, self.to, handle).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<SimTypes>,
        _: RPCOption,
    ) -> Result<VoteResponse<SimTypes>, Error> {
        let handle = |raft: SimRaft| async move { raft.pre_vote(rpc).await.ok() };
        self.net.call(self.from, self.to, handle).await
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<SimTypes>,
        _: RPCOption,
    ) -> Result<TransferLeaderResponse<SimTypes>, Error> {
        let handle = |raft: SimRaft| async move { raft.handle_transfer_leader(req).await.ok() };
        self.net.call(self.from, self.to, handle).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<SimTypes>, StreamingError<SimTypes>> {
        let handle =
            |raft: SimRaft| async move { raft.install_full_snapshot(vote, snapshot).await.ok() };
        Ok(self.net.call(self.from, self.to, handle).await?)
    }
}
