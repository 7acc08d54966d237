//! Responses that say `result: false`.

use dm_proto::pb;

/// A response that can say why nothing was done.
pub(super) trait Failure: Default {
    /// `result: false` with this text.
    fn failure(msg: String) -> Self;
}

macro_rules! failures {
    ($($response:ident),+ $(,)?) => {
        $(#[allow(clippy::field_reassign_with_default)]
        impl Failure for pb::$response {
            fn failure(msg: String) -> Self {
                // `result` is false by default.
                let mut response = pb::$response::default();
                response.msg = msg;
                response
            }
        })+
    };
}

failures!(
    StartTaskResponse,
    OperateTaskResponse,
    QueryStatusListResponse,
    CheckTaskResponse,
    OperateSourceResponse,
    OfflineMemberResponse,
    OperateLeaderResponse,
    ListMemberResponse,
    GetCfgResponse,
    TransferSourceResponse,
    EncryptResponse,
    ListTaskConfigsResponse,
    ListSourceConfigsResponse,
    HandleErrorResponse,
    OperateTableResponse,
    OperateRelayResponse,
);
