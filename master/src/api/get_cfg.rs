//! `config task|source|master|worker`: configurations without their passwords.

use std::time::Duration;

use dm_model::{DmError, SourceConfig, TaskConfig, codes};
use dm_proto::{
    pb::{CfgType, GetCfgRequest, GetCfgResponse, GetMasterCfgRequest, GetMasterCfgResponse},
    transport,
};
use tonic::Status;

use super::{Api, ApiError, failure::Failure, led::Led};

/// Another master answers from memory.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);

impl Led {
    pub(super) async fn get_cfg(&self, request: GetCfgRequest) -> Result<GetCfgResponse, ApiError> {
        self.catch_up().await?;
        let kind = request.r#type();
        let name = request.name.as_str();
        let found = match kind {
            CfgType::TaskType => self
                .read(|state| state.tasks.get(name).map(|task| task.yaml().to_owned()))
                .map(|yaml| redacted_task(&yaml)),
            CfgType::SourceType => self
                .read(|state| state.sources.get(name).map(|source| source.yaml.clone()))
                .map(|yaml| redacted_source(&yaml)),
            CfgType::WorkerType => self.worker_cfg(name).map(Ok),
            CfgType::MasterType => return self.master_cfg(name).await,
            CfgType::TaskTemplateType => {
                return Ok(GetCfgResponse::failure(
                    "task not found: templates are not supported yet".to_owned(),
                ));
            }
            CfgType::InvalidType => {
                return Err(DmError::new(
                    &codes::MASTER_INVALID_OPERATE_OP,
                    "the kind of configuration is not given",
                )
                .into());
            }
        };
        match found {
            Some(cfg) => Ok(GetCfgResponse {
                result: true,
                msg: String::new(),
                cfg: cfg?,
            }),
            None => Ok(GetCfgResponse::failure(not_found(kind).to_owned())),
        }
    }

    fn worker_cfg(&self, name: &str) -> Option<String> {
        let addr = self.read(|state| state.workers.get(name).map(|worker| worker.addr.clone()))?;
        let join: Vec<String> = self
            .api
            .replica
            .members()
            .into_iter()
            .map(|member| member.client_addr)
            .collect();
        let rows = [
            ("name", name.to_owned()),
            ("advertise-addr", addr),
            ("join", join.join(",")),
        ];
        let table: toml::Table = rows
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        Some(table.to_string())
    }

    async fn master_cfg(&self, name: &str) -> Result<GetCfgResponse, ApiError> {
        if name == self.api.config.name {
            return Ok(GetCfgResponse {
                result: true,
                msg: String::new(),
                cfg: self.api.config.text.clone(),
            });
        }
        let Some(member) = self
            .api
            .replica
            .members()
            .into_iter()
            .find(|member| member.name == name)
        else {
            let message = format!("dm-master with name {name} not exists");
            return Err(DmError::new(&codes::MASTER_MASTER_NAME_NOT_EXIST, message).into());
        };
        let unreachable = |status: Status| {
            let message = format!("dm-master {name} at {} does not answer", member.client_addr);
            DmError::new(&codes::MASTER_GRPC_REQUEST_ERROR, message).with_cause(status.message())
        };
        let mut client = self
            .api
            .forwarder
            .client(&member.client_addr)
            .map_err(unreachable)?;
        let request = transport::request(GetMasterCfgRequest {}, ASK_TIMEOUT);
        let answer = transport::within(ASK_TIMEOUT, client.get_master_cfg(request))
            .await
            .map_err(unreachable)?;
        Ok(GetCfgResponse {
            result: true,
            msg: String::new(),
            cfg: answer.into_inner().cfg,
        })
    }
}

impl Api {
    pub(super) async fn get_master_cfg(
        &self,
        _: GetMasterCfgRequest,
    ) -> Result<GetMasterCfgResponse, Status> {
        Ok(GetMasterCfgResponse {
            cfg: self.config.text.clone(),
        })
    }
}

fn not_found(kind: CfgType) -> &'static str {
    match kind {
        CfgType::SourceType => "source not found",
        CfgType::WorkerType => "worker not found",
        _ => "task not found",
    }
}

fn redacted_task(yaml: &str) -> Result<String, DmError> {
    TaskConfig::parse(yaml)?.value.redacted_yaml()
}

fn redacted_source(yaml: &str) -> Result<String, DmError> {
    SourceConfig::parse(yaml)?.value.redacted_yaml()
}
