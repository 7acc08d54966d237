//! `offline-member`: takes a dead worker off the list.

use dm_model::{DmError, codes};
use dm_proto::{
    pb::{OfflineMemberRequest, OfflineMemberResponse},
    v1::{RemoveWorker, command::Kind},
};

use super::{ApiError, led::Led};

impl Led {
    pub(super) async fn offline_member(
        &self,
        request: OfflineMemberRequest,
    ) -> Result<OfflineMemberResponse, ApiError> {
        let OfflineMemberRequest { r#type, name } = request;
        match r#type.as_str() {
            "worker" => {}
            "master" => {
                let message = "OfflineMember of a master is not supported yet";
                return Err(DmError::new(&codes::NOT_YET_SUPPORTED, message)
                    .with_workaround("A dead master does no harm while a majority runs.")
                    .into());
            }
            other => {
                return Err(DmError::new(
                    &codes::MASTER_INVALID_OFFLINE_TYPE,
                    format!("invalid member type {other}"),
                )
                .into());
            }
        }
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
        Ok(OfflineMemberResponse {
            result: true,
            msg: String::new(),
        })
    }
}
