//! Responses that say `result: false`.

use dm_proto::pb;

/// A response that can say why nothing was done.
pub(super) trait Failure: Default {
    /// `result: false` with this text.
    fn failure(msg: String) -> Self;
}

macro_rules! failures {
    ($($response:ident),+ $(,)?) => {
        $(impl Failure for pb::$response {
            fn failure(msg: String) -> Self {
                pb::$response { result: false, msg, ..Default::default() }
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
);
