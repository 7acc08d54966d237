//! A master that answers what a test tells it, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use dm_proto::pb::{
    self,
    master_server::{Master, MasterServer},
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, metadata::MetadataMap, transport::Server};

/// What the fake answers; each call takes the next failure first.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) unavailable: usize,
    pub(crate) status: pb::QueryStatusListResponse,
    pub(crate) operated: pb::OperateTaskResponse,
    pub(crate) offline: pb::OfflineMemberResponse,
    pub(crate) sources: pb::OperateSourceResponse,
    pub(crate) cfg: pb::GetCfgResponse,
}

/// What the fake was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) request_id: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FakeMaster {
    script: Arc<Mutex<Script>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeMaster {
    /// Serves on a free port of the loopback device until the test's runtime ends.
    pub(crate) async fn serve(script: Script) -> (Self, String) {
        let fake = Self {
            script: Arc::new(Mutex::new(script)),
            asked: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound").to_string();
        let server = Server::builder().add_service(MasterServer::new(fake.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        (fake, addr)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    fn take<Q: std::fmt::Debug, A>(
        &self,
        method: &'static str,
        request: Request<Q>,
        answer: impl FnOnce(&Script) -> A,
    ) -> Result<Response<A>, Status> {
        let text = |metadata: &MetadataMap, key: &str| {
            metadata
                .get(key)
                .map(|v| v.to_str().expect("ASCII").to_owned())
        };
        self.asked.lock().expect("no panic").push(Asked {
            method,
            request_id: text(request.metadata(), "dm-request-id"),
            traceparent: text(request.metadata(), "traceparent"),
            text: format!("{:?}", request.get_ref()),
        });
        let mut script = self.script.lock().expect("no panic");
        if script.unavailable > 0 {
            script.unavailable -= 1;
            return Err(Status::unavailable("no leader is known"));
        }
        Ok(Response::new(answer(&script)))
    }
}

macro_rules! master {
    (scripted { $($method:ident: $request:ty => $answer:ty, $field:ident;)* }
     absent { $($absent:ident: $absent_request:ty => $absent_answer:ty;)* }) => {
        #[tonic::async_trait]
        impl Master for FakeMaster {
            $(async fn $method(&self, request: Request<$request>) -> Result<Response<$answer>, Status> {
                self.take(stringify!($method), request, |script| script.$field.clone())
            })*
            $(async fn $absent(&self, _: Request<$absent_request>) -> Result<Response<$absent_answer>, Status> {
                Err(Status::unimplemented(stringify!($absent)))
            })*
        }
    };
}

master! {
    scripted {
        query_status: pb::QueryStatusListRequest => pb::QueryStatusListResponse, status;
        operate_task: pb::OperateTaskRequest => pb::OperateTaskResponse, operated;
        offline_member: pb::OfflineMemberRequest => pb::OfflineMemberResponse, offline;
        operate_source: pb::OperateSourceRequest => pb::OperateSourceResponse, sources;
        get_cfg: pb::GetCfgRequest => pb::GetCfgResponse, cfg;
    }
    absent {
        start_task: pb::StartTaskRequest => pb::StartTaskResponse;
        update_task: pb::UpdateTaskRequest => pb::UpdateTaskResponse;
        show_ddl_locks: pb::ShowDdlLocksRequest => pb::ShowDdlLocksResponse;
        unlock_ddl_lock: pb::UnlockDdlLockRequest => pb::UnlockDdlLockResponse;
        operate_worker_relay_task: pb::OperateWorkerRelayRequest => pb::OperateWorkerRelayResponse;
        purge_worker_relay: pb::PurgeWorkerRelayRequest => pb::PurgeWorkerRelayResponse;
        check_task: pb::CheckTaskRequest => pb::CheckTaskResponse;
        register_worker: pb::RegisterWorkerRequest => pb::RegisterWorkerResponse;
        operate_leader: pb::OperateLeaderRequest => pb::OperateLeaderResponse;
        list_member: pb::ListMemberRequest => pb::ListMemberResponse;
        operate_schema: pb::OperateSchemaRequest => pb::OperateSchemaResponse;
        get_sub_task_cfg: pb::GetSubTaskCfgRequest => pb::GetSubTaskCfgResponse;
        handle_error: pb::HandleErrorRequest => pb::HandleErrorResponse;
        get_master_cfg: pb::GetMasterCfgRequest => pb::GetMasterCfgResponse;
        transfer_source: pb::TransferSourceRequest => pb::TransferSourceResponse;
        operate_table: pb::OperateTableRequest => pb::OperateTableResponse;
        operate_relay: pb::OperateRelayRequest => pb::OperateRelayResponse;
        start_validation: pb::StartValidationRequest => pb::StartValidationResponse;
        stop_validation: pb::StopValidationRequest => pb::StopValidationResponse;
        get_validation_status: pb::GetValidationStatusRequest => pb::GetValidationStatusResponse;
        get_validation_error: pb::GetValidationErrorRequest => pb::GetValidationErrorResponse;
        operate_validation_error: pb::OperateValidationErrorRequest => pb::OperateValidationErrorResponse;
        update_validation: pb::UpdateValidationRequest => pb::UpdateValidationResponse;
        encrypt: pb::EncryptRequest => pb::EncryptResponse;
        list_task_configs: () => pb::ListTaskConfigsResponse;
        list_source_configs: () => pb::ListSourceConfigsResponse;
    }
}
