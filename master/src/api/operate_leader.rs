//! `operate-leader evict|cancel-evict`: acts on the master that was asked, never forwarded (R25).

use std::time::Duration;

use dm_model::{DmError, codes};
use dm_proto::pb::{LeaderOp, OperateLeaderRequest, OperateLeaderResponse};
use tonic::Status;

use super::{Api, failure::Failure};

/// Longest hand-over of leadership.
const STEP_DOWN_TIMEOUT: Duration = Duration::from_secs(5);

impl Api {
    pub(super) async fn operate_leader(
        &self,
        request: OperateLeaderRequest,
    ) -> Result<OperateLeaderResponse, Status> {
        let done = match request.op() {
            LeaderOp::EvictLeaderOp => self.evict().await,
            LeaderOp::CancelEvictLeaderOp => {
                self.evicted.send_replace(false);
                Ok(())
            }
            LeaderOp::InvalidLeaderOp => Err(DmError::new(
                &codes::MASTER_INVALID_OPERATE_OP,
                "op InvalidLeaderOp not support for operate-leader",
            )),
        };
        Ok(match done {
            Ok(()) => OperateLeaderResponse {
                result: true,
                msg: String::new(),
            },
            Err(error) => OperateLeaderResponse::failure(error.to_string()),
        })
    }

    async fn evict(&self) -> Result<(), DmError> {
        // First, so that a refusal (nobody else can lead) leaves this master as it is.
        if self.replica.leadership().borrow().is_leader {
            self.replica.step_down(STEP_DOWN_TIMEOUT).await?;
        } else {
            self.check_others_can_lead().await?;
        }
        self.evicted.send_replace(true);
        Ok(())
    }

    async fn check_others_can_lead(&self) -> Result<(), DmError> {
        let answers = self.replica.identify_members().await;
        let willing = self.replica.members().into_iter().any(|member| {
            let answer = answers.get(&member.node_id);
            member.is_voter && answer.is_some_and(|answer| !answer.evicted)
        });
        if willing {
            return Ok(());
        }
        let message =
            "this is the last master that can lead: no other one answers and is not evicted itself";
        Err(DmError::new(&codes::NO_QUORUM, message).with_workaround(
            "Start another master, or run `dmctl operate-leader cancel-evict` at one; see `list-member --master`.",
        ))
    }
}
