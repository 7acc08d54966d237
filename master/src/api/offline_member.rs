//! `offline-member`: takes a dead worker off the list, or a master out of the cluster.

use std::time::Duration;

use dm_model::{DmError, codes};
use dm_proto::{
    pb::{OfflineMemberRequest, OfflineMemberResponse},
    v1::{RemoveMaster, RemoveWorker, command::Kind},
};
use tokio::time::Instant;

use super::{ApiError, led::Led};
use crate::state::level_of;

/// Longest wait until the membership is without the master.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest hand-over when the leader itself shall leave.
const STEP_DOWN_TIMEOUT: Duration = Duration::from_secs(5);
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// Name of the one step that removes a master.
const STEP: &str = "remove-master";

impl Led {
    pub(super) async fn offline_member(
        &self,
        request: OfflineMemberRequest,
    ) -> Result<OfflineMemberResponse, ApiError> {
        let OfflineMemberRequest { r#type, name } = request;
        match r#type.as_str() {
            "worker" => self.remove_worker(name).await?,
            "master" => self.remove_master(name).await?,
            other => {
                return Err(DmError::new(
                    &codes::MASTER_INVALID_OFFLINE_TYPE,
                    format!("invalid member type {other}"),
                )
                .into());
            }
        }
        Ok(OfflineMemberResponse {
            result: true,
            msg: String::new(),
        })
    }

    async fn remove_worker(&self, name: String) -> Result<(), ApiError> {
        self.settle().await?;
        if self.term.hub.is_connected(&name) {
            return Err(DmError::new(
                &codes::SCHEDULER_WORKER_ONLINE,
                format!("dm-worker with name {name} is still online"),
            )
            .into());
        }
        self.propose("remove-worker", Kind::RemoveWorker(RemoveWorker { name }))
            .await?;
        Ok(())
    }

    /// The entry is the request; the leader of the moment, whoever it is, carries it out.
    async fn remove_master(&self, name: String) -> Result<(), ApiError> {
        self.catch_up().await?;
        if !self.done_before(STEP) {
            let member = self.api.replica.check_removable(&name)?;
            if member.node_id == self.api.replica.node_id() {
                // Before the entry: a leader that removes itself would answer nobody any more.
                self.api.replica.step_down(STEP_DOWN_TIMEOUT).await?;
                return Err(ApiError::NotLeader);
            }
            let level = level_of(&Kind::RemoveMaster(RemoveMaster::default()));
            if !self.read(|state| state.has_level(level)) {
                // The level can't go up while a member is dead, and this one may be the dead one.
                let removed = self.api.replica.remove(member.node_id, REMOVE_TIMEOUT);
                return Ok(removed.await.map_err(DmError::from)?);
            }
            let remove = RemoveMaster {
                node_id: member.node_id,
                name: name.clone(),
            };
            self.propose(STEP, Kind::RemoveMaster(remove)).await?;
        }
        let deadline = Instant::now() + REMOVE_TIMEOUT;
        while self.still_there(&name) {
            if self.term.over.is_cancelled() {
                return Err(ApiError::NotLeader);
            }
            if Instant::now() >= deadline {
                let message = format!(
                    "recorded; master {name} leaves when a majority of the masters answers"
                );
                return Err(
                    DmError::new(&codes::MASTER_FAIL_TO_GET_EXPECT_RESULT, message)
                        .with_workaround("See `list-member --master`.")
                        .into(),
                );
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        Ok(())
    }

    /// A new master may have the name already.
    fn still_there(&self, name: &str) -> bool {
        let members = self.api.replica.members();
        self.read(|state| {
            members.iter().any(|member| {
                member.name == name && state.removed_masters.contains_key(&member.node_id)
            })
        })
    }
}
