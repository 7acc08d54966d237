//! Masters.

catalogue! {
    MASTER_GRPC_CREATE_CONN = 38004, "MasterGRPCCreateConn", DmMaster, Internal, High, Transient, "Check the address and the TLS settings.";
    MASTER_GRPC_SEND_ON_CLOSE_CONN = 38005, "MasterGRPCSendOnCloseConn", DmMaster, Internal, High, Transient, "";
    MASTER_GRPC_CLIENT_CLOSE = 38006, "MasterGRPCClientClose", DmMaster, Internal, High, Transient, "";
    MASTER_GRPC_INVALID_REQ_TYPE = 38007, "MasterGRPCInvalidReqType", DmMaster, Internal, High, Definite, "";
    MASTER_GRPC_REQUEST_ERROR = 38008, "MasterGRPCRequestError", DmMaster, Internal, High, Transient, "Check that the worker is running; see `list-member --worker`.";
    MASTER_CONFIG_PARSE_FLAG_SET = 38010, "MasterConfigParseFlagSet", DmMaster, Internal, Medium, Definite, "";
    MASTER_CONFIG_UNKNOWN_ITEM = 38011, "MasterConfigUnknownItem", DmMaster, Internal, Medium, Definite, "";
    MASTER_CONFIG_INVALID_FLAG = 38012, "MasterConfigInvalidFlag", DmMaster, Internal, Medium, Definite, "";
    MASTER_START_SERVICE = 38017, "MasterStartService", DmMaster, Internal, High, Definite, "";
    MASTER_NO_EMIT_TOKEN = 38018, "MasterNoEmitToken", DmMaster, Internal, High, Transient, "Try again, or raise rpc-rate-limit.";
    MASTER_LOCK_NOT_FOUND = 38019, "MasterLockNotFound", DmMaster, Internal, High, Definite, "List the locks with `shard-ddl-lock`.";
    MASTER_WORKER_CLI_NOT_FOUND = 38021, "MasterWorkerCliNotFound", DmMaster, Internal, High, Transient, "See `list-member --worker`.";
    MASTER_QUERY_WORKER_CONFIG = 38030, "MasterQueryWorkerConfig", DmMaster, Internal, High, Definite, "";
    MASTER_OPER_NOT_FOUND = 38031, "MasterOperNotFound", DmMaster, Internal, High, Definite, "";
    MASTER_OPER_RESP_NOT_SUCCESS = 38032, "MasterOperRespNotSuccess", DmMaster, Internal, High, Definite, "Look at `query-status`.";
    MASTER_OPER_REQUEST_TIMEOUT = 38033, "MasterOperRequestTimeout", DmMaster, Internal, High, Transient, "Look at `query-status`.";
    MASTER_HANDLE_HTTP_APIS = 38034, "MasterHandleHTTPApis", DmMaster, Internal, High, Definite, "";
    MASTER_HOST_PORT_NOT_VALID = 38035, "MasterHostPortNotValid", DmMaster, Internal, High, Definite, "";
    MASTER_GET_HOSTNAME_FAIL = 38036, "MasterGetHostnameFail", DmMaster, Internal, High, Definite, "";
    MASTER_PARSE_URL_FAIL = 38039, "MasterParseURLFail", DmMaster, Internal, High, Definite, "";
    MASTER_JOIN_FAIL = 38040, "MasterJoinEmbedEtcdFail", DmMaster, Internal, High, Definite, "";
    MASTER_INVALID_OPERATE_OP = 38041, "MasterInvalidOperateOp", DmMaster, Internal, Medium, Definite, "Use an operation that the command's --help lists.";
    MASTER_ADVERTISE_ADDR_NOT_VALID = 38042, "MasterAdvertiseAddrNotValid", DmMaster, Internal, High, Definite, "";
    MASTER_REQUEST_IS_NOT_FORWARD_TO_LEADER = 38043, "MasterRequestIsNotForwardToLeader", DmMaster, Internal, High, Transient, "Use the address of another master, or wait for the election.";
    MASTER_IS_NOT_ASYNC_REQUEST = 38044, "MasterIsNotAsyncRequest", DmMaster, Internal, Medium, Definite, "";
    MASTER_FAIL_TO_GET_EXPECT_RESULT = 38045, "MasterFailToGetExpectResult", DmMaster, Internal, Medium, Unknown, "Look at `query-status`; the request stays recorded.";
    MASTER_MASTER_NAME_NOT_EXIST = 38048, "MasterMasterNameNotExist", DmMaster, Internal, Low, Definite, "See `list-member --master`.";
    MASTER_INVALID_OFFLINE_TYPE = 38049, "MasterInvalidOfflineType", DmMaster, Internal, Low, Definite, "Use --master or --worker.";
    MASTER_ADVERTISE_PEER_URLS_NOT_VALID = 38050, "MasterAdvertisePeerURLsNotValid", DmMaster, Internal, High, Definite, "";
    MASTER_TLS_CONFIG_NOT_VALID = 38051, "MasterTLSConfigNotValid", DmMaster, Internal, High, Definite, "";
    MASTER_BOUND_CHANGING = 38052, "MasterBoundChanging", DmMaster, Internal, Low, Transient, "Try again.";
    MASTER_INVALID_CLUSTER_ID = 38057, "MasterInvalidClusterID", DmMaster, Internal, High, Definite, "";
    MASTER_START_TASK = 38058, "MasterStartTask", DmMaster, Internal, High, Definite, "Enable the source, then start the task.";
}
