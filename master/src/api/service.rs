//! All 30 methods, each on its way to its handler.

use dm_proto::{
    pb::{self, master_server::Master},
    transport,
};
use std::time::Instant;
use tonic::{Request, Response, Status};
use tracing::Instrument;

use super::{
    Api, ApiError,
    failure::Failure,
    forward::{Incoming, Way, superseded},
};
use crate::errors;

/// `pb.Master` of one master.
#[derive(Clone)]
pub struct MasterService {
    api: Api,
}

impl MasterService {
    /// The service over what the handlers share.
    pub fn new(api: Api) -> Self {
        MasterService { api }
    }
}

/// Handled by the leader (`led`), by the master that was asked (`local`), or not yet (`unfilled`).
macro_rules! master_service {
    (
        led { $($led:ident($led_request:ty) -> $led_response:ty;)+ }
        local { $($local:ident($local_request:ty) -> $local_response:ty;)+ }
        unfilled { $($unfilled:ident = $name:literal($unfilled_request:ty) -> $unfilled_response:ty;)+ }
    ) => {
        #[tonic::async_trait]
        impl Master for MasterService {
            $(async fn $led(&self, request: Request<$led_request>) -> Result<Response<$led_response>, Status> {
                let (mut incoming, message) = Incoming::open(&self.api, stringify!($led), request);
                let span = incoming.span.clone();
                let answer = async move {
                    loop {
                        match incoming.way(&self.api).await? {
                            Way::Here(led) => match led.$led(message.clone()).await {
                                Ok(response) => return Ok(Response::new(response)),
                                Err(ApiError::Dm(error)) => {
                                    tracing::info!(%error, "request failed");
                                    return Ok(Response::new(<$led_response>::failure(error.to_string())));
                                }
                                Err(ApiError::NotLeader) => {
                                    if !incoming.again().await {
                                        return Err(Status::unavailable(errors::not_leader("leadership was lost meanwhile").to_string()));
                                    }
                                }
                            },
                            Way::There(mut client, leader) => {
                                let begun = Instant::now();
                                let answer = tokio::select! {
                                    answer = client.$led(incoming.onward(message.clone())) => answer,
                                    () = superseded(&self.api, &leader) => Err(Status::unavailable("another master leads now")),
                                };
                                match answer {
                                    Err(status) if transport::is_unavailable(&status) => {
                                        incoming.handed_over(begun.elapsed());
                                        if !incoming.again().await {
                                            return Err(Status::unavailable(errors::not_leader(status.message()).to_string()));
                                        }
                                    }
                                    answer => return answer,
                                }
                            }
                        }
                    }
                };
                answer.instrument(span).await
            })+

            $(async fn $local(&self, request: Request<$local_request>) -> Result<Response<$local_response>, Status> {
                let (incoming, message) = Incoming::open(&self.api, stringify!($local), request);
                let span = incoming.span.clone();
                self.api.$local(message).instrument(span).await.map(Response::new)
            })+

            $(async fn $unfilled(&self, _: Request<$unfilled_request>) -> Result<Response<$unfilled_response>, Status> {
                Err(Status::unimplemented(concat!($name, " is not supported yet")))
            })+
        }
    };
}

master_service! {
    led {
        start_task(pb::StartTaskRequest) -> pb::StartTaskResponse;
        operate_task(pb::OperateTaskRequest) -> pb::OperateTaskResponse;
        query_status(pb::QueryStatusListRequest) -> pb::QueryStatusListResponse;
        check_task(pb::CheckTaskRequest) -> pb::CheckTaskResponse;
        operate_source(pb::OperateSourceRequest) -> pb::OperateSourceResponse;
        offline_member(pb::OfflineMemberRequest) -> pb::OfflineMemberResponse;
        list_member(pb::ListMemberRequest) -> pb::ListMemberResponse;
        get_cfg(pb::GetCfgRequest) -> pb::GetCfgResponse;
        transfer_source(pb::TransferSourceRequest) -> pb::TransferSourceResponse;
        operate_table(pb::OperateTableRequest) -> pb::OperateTableResponse;
        encrypt(pb::EncryptRequest) -> pb::EncryptResponse;
        operate_relay(pb::OperateRelayRequest) -> pb::OperateRelayResponse;
        list_task_configs(()) -> pb::ListTaskConfigsResponse;
        list_source_configs(()) -> pb::ListSourceConfigsResponse;
        handle_error(pb::HandleErrorRequest) -> pb::HandleErrorResponse;
    }
    local {
        operate_leader(pb::OperateLeaderRequest) -> pb::OperateLeaderResponse;
        get_master_cfg(pb::GetMasterCfgRequest) -> pb::GetMasterCfgResponse;
    }
    unfilled {
        update_task = "UpdateTask"(pb::UpdateTaskRequest) -> pb::UpdateTaskResponse;
        show_ddl_locks = "ShowDDLLocks"(pb::ShowDdlLocksRequest) -> pb::ShowDdlLocksResponse;
        unlock_ddl_lock = "UnlockDDLLock"(pb::UnlockDdlLockRequest) -> pb::UnlockDdlLockResponse;
        operate_worker_relay_task = "OperateWorkerRelayTask"(pb::OperateWorkerRelayRequest) -> pb::OperateWorkerRelayResponse;
        purge_worker_relay = "PurgeWorkerRelay"(pb::PurgeWorkerRelayRequest) -> pb::PurgeWorkerRelayResponse;
        register_worker = "RegisterWorker"(pb::RegisterWorkerRequest) -> pb::RegisterWorkerResponse;
        operate_schema = "OperateSchema"(pb::OperateSchemaRequest) -> pb::OperateSchemaResponse;
        get_sub_task_cfg = "GetSubTaskCfg"(pb::GetSubTaskCfgRequest) -> pb::GetSubTaskCfgResponse;
        start_validation = "StartValidation"(pb::StartValidationRequest) -> pb::StartValidationResponse;
        stop_validation = "StopValidation"(pb::StopValidationRequest) -> pb::StopValidationResponse;
        get_validation_status = "GetValidationStatus"(pb::GetValidationStatusRequest) -> pb::GetValidationStatusResponse;
        get_validation_error = "GetValidationError"(pb::GetValidationErrorRequest) -> pb::GetValidationErrorResponse;
        operate_validation_error = "OperateValidationError"(pb::OperateValidationErrorRequest) -> pb::OperateValidationErrorResponse;
        update_validation = "UpdateValidation"(pb::UpdateValidationRequest) -> pb::UpdateValidationResponse;
    }
}
