//! `operate-source create|update|stop|show`.

use std::{collections::BTreeSet, time::Duration};

use dm_model::{DmError, SourceConfig, codes, secret::REDACTED};
use dm_proto::{
    pb::{CommonWorkerResponse, OperateSourceRequest, OperateSourceResponse, SourceOp},
    v1::{CheckSourceCall, PinSource, PutSource, RemoveSource, call, command::Kind, reply},
};
use tokio::time::Instant;

use super::{ApiError, led::Led};

/// Longest wait until a new source has an owner.
const BOUND_TIMEOUT: Duration = Duration::from_secs(10);
/// A missed bell costs no more than this.
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// DM's texts for a source without owner.
const ADDED_UNBOUND: &str = "source is added but there is no free worker to bound";
const STOPPED_UNBOUND: &str = "source is stopped and hasn't bound to worker before being stopped";

/// Name of the one step that creates sources.
const CREATE_STEP: &str = "create";

struct Checked {
    id: String,
    yaml: String,
    notices: String,
}

impl Led {
    pub(super) async fn operate_source(
        &self,
        request: OperateSourceRequest,
    ) -> Result<OperateSourceResponse, ApiError> {
        self.settle().await?;
        let sources = match request.op() {
            SourceOp::StartSource => self.create_sources(&request).await?,
            SourceOp::UpdateSource => self.update_sources(&request).await?,
            SourceOp::StopSource => self.stop_sources(&request).await?,
            SourceOp::ShowSource => self.show_sources(&request)?,
            SourceOp::InvalidSourceOp => {
                return Err(DmError::new(
                    &codes::MASTER_INVALID_OPERATE_OP,
                    "op InvalidSourceOp not support for operate-source",
                )
                .into());
            }
        };
        Ok(OperateSourceResponse {
            result: true,
            msg: String::new(),
            sources,
        })
    }

    async fn create_sources(
        &self,
        request: &OperateSourceRequest,
    ) -> Result<Vec<CommonWorkerResponse>, ApiError> {
        let mut parsed = Vec::new();
        let mut seen = BTreeSet::new();
        for text in &request.config {
            let source = SourceConfig::parse(text)?;
            let id = source.value.source_id.to_string();
            let exists = !self.done_before(CREATE_STEP)
                && self.read(|state| state.sources.contains_key(&id));
            if exists || !seen.insert(id.clone()) {
                return Err(DmError::new(
                    &codes::SCHEDULER_SOURCE_CFG_EXIST,
                    format!("source config with ID {id} already exists"),
                )
                .into());
            }
            parsed.push(source);
        }
        if parsed.is_empty() {
            return Err(DmError::new(
                &codes::MASTER_GRPC_INVALID_REQ_TYPE,
                "no source configuration is given",
            )
            .into());
        }
        if !request.worker_name.is_empty() {
            self.require_worker(&request.worker_name)?;
        }
        let mut checked = Vec::new();
        let mut taken = self.server_ids_taken(&seen);
        for source in parsed {
            let notices = source.notices.join("\n");
            checked.push(
                self.check_source(source.value, notices, &request.worker_name, &mut taken)
                    .await?,
            );
        }
        self.put_all(&checked, &request.worker_name).await?;
        self.await_bound(&checked).await
    }

    /// All or nothing.
    async fn put_all(&self, checked: &[Checked], worker: &str) -> Result<(), ApiError> {
        let mut kinds = Vec::new();
        for source in checked {
            let put = PutSource {
                source_id: source.id.clone(),
                yaml: source.yaml.clone(),
                create_only: true,
                relay_only: false,
            };
            kinds.push((Kind::PutSource(put), Vec::new()));
            if !worker.is_empty() {
                let pin = PinSource {
                    source_id: source.id.clone(),
                    worker: worker.to_owned(),
                };
                kinds.push((Kind::PinSource(pin), Vec::new()));
            }
        }
        self.propose_all(CREATE_STEP, kinds).await
    }

    fn require_worker(&self, worker: &str) -> Result<(), DmError> {
        if !self.read(|state| state.workers.contains_key(worker)) {
            return Err(DmError::new(
                &codes::SCHEDULER_WORKER_NOT_EXIST,
                format!("dm-worker with name {worker} not exists"),
            ));
        }
        if !self.term.hub.is_connected(worker) {
            return Err(DmError::new(
                &codes::SCHEDULER_WORKER_NOT_FREE,
                format!("dm-worker with name {worker} is offline"),
            ));
        }
        Ok(())
    }

    /// server-ids of all sources but these.
    fn server_ids_taken(&self, except: &BTreeSet<String>) -> Vec<u32> {
        let yamls: Vec<String> = self.read(|state| {
            let others = state.sources.iter().filter(|(id, _)| !except.contains(*id));
            others.map(|(_, source)| source.yaml.clone()).collect()
        });
        let ids = yamls
            .iter()
            .filter_map(|yaml| SourceConfig::parse(yaml).ok())
            .map(|source| source.value.server_id);
        ids.filter(|id| *id != 0).collect()
    }

    /// 0 when there is no such source.
    fn server_id_of(&self, id: &str) -> u32 {
        let yaml = self.read(|state| state.sources.get(id).map(|source| source.yaml.clone()));
        yaml.and_then(|yaml| SourceConfig::parse(&yaml).ok())
            .map_or(0, |source| source.value.server_id)
    }

    /// Two replicas of one id throw each other off a server. At different servers they don't meet.
    fn require_own_server_id(&self, source: &SourceConfig) -> Result<(), DmError> {
        let yamls: Vec<String> = self.read(|state| {
            state
                .sources
                .values()
                .map(|source| source.yaml.clone())
                .collect()
        });
        let clash = yamls
            .iter()
            .filter_map(|yaml| SourceConfig::parse(yaml).ok())
            .map(|known| known.value)
            .find(|known| {
                known.source_id != source.source_id
                    && known.server_id == source.server_id
                    && (&known.from.host, known.from.port) == (&source.from.host, source.from.port)
            });
        match clash {
            Some(known) if source.server_id != 0 => Err(DmError::new(
                &codes::SERVER_ID_IN_USE,
                format!(
                    "server-id {} is in use at {}:{}, by source {}",
                    source.server_id, source.from.host, source.from.port, known.source_id
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Lets a worker connect to the upstream; it fills in flavor and server-id.
    async fn check_source(
        &self,
        mut source: SourceConfig,
        notices: String,
        worker: &str,
        taken: &mut Vec<u32>,
    ) -> Result<Checked, ApiError> {
        self.require_own_server_id(&source)?;
        source.from.password = self.encrypted(&source.from.password);
        let id = source.source_id.to_string();
        let question = CheckSourceCall {
            yaml: source.to_yaml()?,
            server_ids_taken: taken.clone(),
            server_id_own: self.server_id_of(&id),
        };
        let preferred = Some(worker).filter(|worker| !worker.is_empty());
        let reply = self
            .ask_any(
                preferred,
                call::Kind::CheckSource(question),
                self.api.config.rpc_timeout,
            )
            .await?;
        let Some(reply::Kind::CheckSource(adjusted)) = reply.kind else {
            return Err(DmError::new(
                &codes::MASTER_GRPC_REQUEST_ERROR,
                "the worker answered the check of a source with something else",
            )
            .into());
        };
        let mut value = SourceConfig::parse(&adjusted.yaml)?.value;
        if value.source_id.as_str() != id {
            return Err(DmError::new(
                &codes::MASTER_GRPC_REQUEST_ERROR,
                format!("the worker checked another source than {id}"),
            )
            .into());
        }
        // The worker decrypts what it needs; whatever it sends back, the log gets no plain text.
        value.from.password = self.encrypted(&value.from.password);
        taken.push(value.server_id);
        Ok(Checked {
            id,
            yaml: value.to_yaml()?,
            notices,
        })
    }

    async fn await_bound(
        &self,
        checked: &[Checked],
    ) -> Result<Vec<CommonWorkerResponse>, ApiError> {
        self.term.wake.notify_one();
        let deadline = Instant::now() + BOUND_TIMEOUT;
        let mut applied = self.api.replicated.watch();
        while checked
            .iter()
            .any(|source| self.owner(&source.id).is_none())
        {
            let hopeless = self.term.hub.connected().is_empty();
            if hopeless || Instant::now() >= deadline || self.term.over.is_cancelled() {
                break;
            }
            let _ = tokio::time::timeout(LOOK_PAUSE, applied.changed()).await;
        }
        Ok(checked
            .iter()
            .map(|source| self.entry(&source.id, ADDED_UNBOUND, &source.notices))
            .collect())
    }

    fn entry(&self, id: &str, unbound: &str, bound: &str) -> CommonWorkerResponse {
        let worker = self.owner(id);
        let msg = if worker.is_some() { bound } else { unbound };
        CommonWorkerResponse {
            result: true,
            msg: msg.to_owned(),
            source: id.to_owned(),
            worker: worker.unwrap_or_default(),
        }
    }

    async fn update_sources(
        &self,
        request: &OperateSourceRequest,
    ) -> Result<Vec<CommonWorkerResponse>, ApiError> {
        let mut kinds = Vec::new();
        let mut updated = Vec::new();
        for text in &request.config {
            let parsed = SourceConfig::parse(text)?;
            let (mut source, notices) = (parsed.value, parsed.notices.join("\n"));
            let id = source.source_id.to_string();
            let Some(known) =
                self.read(|state| state.sources.get(&id).map(|source| source.yaml.clone()))
            else {
                return Err(DmError::new(
                    &codes::SCHEDULER_SOURCE_CFG_NOT_EXIST,
                    format!("source config with ID {id} not exists"),
                )
                .into());
            };
            let expected = self.expect_source(&id);
            let known = SourceConfig::parse(&known)?.value;
            // A file written from `config source` has neither password nor, perhaps, server-id.
            if source.from.password.expose() == REDACTED {
                source.from.password = known.from.password;
            }
            if source.server_id == 0 {
                source.server_id = known.server_id;
            }
            let mut taken = self.server_ids_taken(&BTreeSet::from([id.clone()]));
            let checked = self.check_source(source, notices, "", &mut taken).await?;
            let put = PutSource {
                source_id: id.clone(),
                yaml: checked.yaml,
                create_only: false,
                relay_only: false,
            };
            kinds.push((Kind::PutSource(put), vec![expected]));
            updated.push((id, checked.notices));
        }
        self.propose_all("update", kinds).await?;
        let entry = |(id, notices): &(String, String)| self.entry(id, ADDED_UNBOUND, notices);
        Ok(updated.iter().map(entry).collect())
    }

    async fn stop_sources(
        &self,
        request: &OperateSourceRequest,
    ) -> Result<Vec<CommonWorkerResponse>, ApiError> {
        let ids = named(request)?;
        let stopped = ids
            .iter()
            .map(|id| self.entry(id, STOPPED_UNBOUND, ""))
            .collect();
        let remove = |id: String| {
            (
                Kind::RemoveSource(RemoveSource { source_id: id }),
                Vec::new(),
            )
        };
        self.propose_all("remove", ids.into_iter().map(remove).collect())
            .await?;
        Ok(stopped)
    }

    fn show_sources(
        &self,
        request: &OperateSourceRequest,
    ) -> Result<Vec<CommonWorkerResponse>, ApiError> {
        let mut ids = named(request)?;
        if ids.is_empty() {
            ids = self.read(|state| state.sources.keys().cloned().collect());
        }
        if let Some(unknown) = ids
            .iter()
            .find(|id| !self.read(|state| state.sources.contains_key(*id)))
        {
            return Err(DmError::new(
                &codes::SCHEDULER_SOURCE_CFG_NOT_EXIST,
                format!("source config with ID {unknown} not exists"),
            )
            .into());
        }
        Ok(ids
            .iter()
            .map(|id| self.entry(id, ADDED_UNBOUND, ""))
            .collect())
    }
}

/// Ids given as such, and those in the files given.
fn named(request: &OperateSourceRequest) -> Result<Vec<String>, DmError> {
    let mut ids = Vec::new();
    for text in &request.config {
        ids.push(SourceConfig::parse(text)?.value.source_id.to_string());
    }
    ids.extend(request.source_id.iter().cloned());
    ids.dedup();
    Ok(ids)
}
