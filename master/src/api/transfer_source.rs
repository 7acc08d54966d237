//! `transfer-source`: drain at the old worker, then hand over.

use std::time::Duration;

use dm_model::{DmError, codes};
use dm_proto::{
    pb::{TransferSourceRequest, TransferSourceResponse},
    v1::{PinSource, command::Kind},
};
use tokio::time::Instant;

use super::{ApiError, led::Led};

/// The old worker finishes what is in flight; longer than this, it does not move.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(10);
/// A missed bell costs no more than this.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

impl Led {
    pub(super) async fn transfer_source(
        &self,
        request: TransferSourceRequest,
    ) -> Result<TransferSourceResponse, ApiError> {
        let TransferSourceRequest { source, worker } = request;
        self.settle().await?;
        self.check_transfer(&source, &worker)?;
        if self.owner(&source).as_deref() != Some(worker.as_str()) {
            self.propose(
                "pin-source",
                Kind::PinSource(PinSource {
                    source_id: source.clone(),
                    worker: worker.clone(),
                }),
            )
            .await?;
            self.term.wake.notify_one();
            self.await_transfer(&source, &worker).await?;
        }
        Ok(TransferSourceResponse {
            result: true,
            msg: String::new(),
        })
    }

    fn check_transfer(&self, source: &str, worker: &str) -> Result<(), DmError> {
        let (source_known, worker_known) = self.read(|state| {
            (
                state.sources.contains_key(source),
                state.workers.contains_key(worker),
            )
        });
        if !source_known {
            return Err(DmError::new(
                &codes::SCHEDULER_SOURCE_CFG_NOT_EXIST,
                format!("source config with ID {source} not exists"),
            ));
        }
        if !worker_known {
            return Err(DmError::new(
                &codes::SCHEDULER_WORKER_NOT_EXIST,
                format!("dm-worker with name {worker} not exists"),
            ));
        }
        if !self.term.hub.is_connected(worker) {
            let message =
                format!("dm-worker {worker} is offline, so it can't take source {source}");
            return Err(
                DmError::new(&codes::SCHEDULER_WORKER_INVALID_TRANS, message)
                    .with_workaround("Start the worker first."),
            );
        }
        Ok(())
    }

    async fn await_transfer(&self, source: &str, worker: &str) -> Result<(), ApiError> {
        let deadline = Instant::now() + TRANSFER_TIMEOUT;
        let mut applied = self.api.replicated.watch();
        while self.owner(source).as_deref() != Some(worker) {
            if Instant::now() >= deadline || self.term.over.is_cancelled() {
                // Else it would move at some later time, when nobody expects it.
                self.propose(
                    "unpin-source",
                    Kind::PinSource(PinSource {
                        source_id: source.to_owned(),
                        worker: String::new(),
                    }),
                )
                .await?;
                let owner = self.owner(source).unwrap_or_default();
                let message = format!(
                    "source {source} stays on worker {owner}: it did not stop within {} s",
                    TRANSFER_TIMEOUT.as_secs()
                );
                return Err(
                    DmError::new(&codes::MASTER_FAIL_TO_GET_EXPECT_RESULT, message)
                        .with_workaround("Try again, or pause its tasks first.")
                        .into(),
                );
            }
            let _ = tokio::time::timeout(LOOK_PAUSE, applied.changed()).await;
        }
        Ok(())
    }
}
