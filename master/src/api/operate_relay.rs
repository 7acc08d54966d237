//! `start-relay` and `stop-relay`: a source's relay log on whichever worker has it.

use dm_model::{DmError, SourceConfig, codes};
use dm_proto::{
    pb::{CommonWorkerResponse, OperateRelayRequest, OperateRelayResponse, RelayOpV2},
    v1::{PutSource, command::Kind},
};

use super::{ApiError, led::Led};

/// DM's text for a source whose worker is away.
const OFFLINE: &str = "source relay is operated but the bound worker is offline";

impl Led {
    pub(super) async fn operate_relay(
        &self,
        request: OperateRelayRequest,
    ) -> Result<OperateRelayResponse, ApiError> {
        self.settle().await?;
        let enable = match request.op() {
            RelayOpV2::StartRelayV2 => true,
            RelayOpV2::StopRelayV2 => false,
            RelayOpV2::InvalidRelayOpV2 => {
                return Err(DmError::new(
                    &codes::MASTER_INVALID_OPERATE_OP,
                    "op InvalidRelayOpV2 not support for operate-relay",
                )
                .into());
            }
        };
        let id = &request.source;
        let owner = self.owner(id);
        self.only_the_owner(&request, owner.as_deref())?;
        let expected = vec![self.expect_source(id)];
        let yaml = self.read(|state| state.sources.get(id).map(|source| source.yaml.clone()));
        let yaml = yaml.ok_or_else(|| {
            DmError::new(
                &codes::SCHEDULER_SOURCE_CFG_NOT_EXIST,
                format!("source config with ID {id} not exists"),
            )
        })?;
        let mut source = SourceConfig::parse(&yaml)?.value;
        if source.enable_relay != enable {
            source.enable_relay = enable;
            let put = PutSource {
                source_id: id.clone(),
                yaml: source.to_yaml()?,
                create_only: false,
                relay_only: true,
            };
            self.propose_checked("put-source", Kind::PutSource(put), expected)
                .await?;
            self.term.wake.notify_one();
        }
        let mut sources = Vec::new();
        for worker in &request.worker {
            let online = self.term.hub.is_connected(worker);
            sources.push(CommonWorkerResponse {
                result: true,
                msg: if online {
                    String::new()
                } else {
                    OFFLINE.to_owned()
                },
                source: id.clone(),
                worker: worker.clone(),
            });
        }
        Ok(OperateRelayResponse {
            result: true,
            msg: String::new(),
            sources,
        })
    }

    /// A relay log follows its source. Workers may be named, as DM's users do, if it is the one that has the source.
    fn only_the_owner(
        &self,
        request: &OperateRelayRequest,
        owner: Option<&str>,
    ) -> Result<(), DmError> {
        let other = request
            .worker
            .iter()
            .find(|worker| owner != Some(worker.as_str()));
        match other {
            None => Ok(()),
            Some(worker) => Err(DmError::new(
                &codes::SCHEDULER_RELAY_WORKERS_WRONG_BOUND,
                format!(
                    "the relay log of source {} is kept by the worker that has the source ({}), not by {worker}",
                    request.source,
                    owner.unwrap_or("none now")
                ),
            )
            .with_workaround("name no worker, or move the source with transfer-source first")),
        }
    }
}
