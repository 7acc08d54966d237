//! Workers.

catalogue! {
    WORKER_INVALID_FLAG = 40002, "WorkerInvalidFlag", DmWorker, Internal, Medium, Definite, "";
    WORKER_DECODE_CONFIG_FROM_FILE = 40003, "WorkerDecodeConfigFromFile", DmWorker, Internal, Medium, Definite, "";
    WORKER_UNDECODED_ITEM_FROM_FILE = 40004, "WorkerUndecodedItemFromFile", DmWorker, Internal, Medium, Definite, "";
    WORKER_NEED_SOURCE_ID = 40005, "WorkerNeedSourceID", DmWorker, Internal, Medium, Definite, "Set source-id in the source's file.";
    WORKER_TOO_LONG_SOURCE_ID = 40006, "WorkerTooLongSourceID", DmWorker, Internal, Medium, Definite, "Use a source-id of at most 32 bytes.";
    WORKER_RELAY_BINLOG_NAME = 40007, "WorkerRelayBinlogName", DmWorker, Internal, Medium, Definite, "Set relay-binlog-name to a name such as mysql-bin.000001, or remove it.";
    WORKER_WRITE_CONFIG_FILE = 40008, "WorkerWriteConfigFile", DmWorker, Internal, Medium, Definite, "";
    WORKER_RELAY_STAGE_NOT_VALID = 40039, "WorkerRelayStageNotValid", DmWorker, Internal, High, Definite, "";
    WORKER_START_SERVICE = 40048, "WorkerStartService", DmWorker, Internal, High, Definite, "";
    WORKER_ALREADY_CLOSED = 40049, "WorkerAlreadyClosed", DmWorker, Internal, High, Transient, "";
    WORKER_NOT_RUNNING_STAGE = 40050, "WorkerNotRunningStage", DmWorker, Internal, High, Definite, "Resume it first.";
    WORKER_NOT_PAUSED_STAGE = 40051, "WorkerNotPausedStage", DmWorker, Internal, High, Definite, "Pause it first.";
    WORKER_UPDATE_TASK_STAGE = 40052, "WorkerUpdateTaskStage", DmWorker, Internal, High, Definite, "";
    WORKER_MIGRATE_STOP_RELAY = 40053, "WorkerMigrateStopRelay", DmWorker, Internal, High, Definite, "";
    WORKER_SUB_TASK_NOT_FOUND = 40054, "WorkerSubTaskNotFound", DmWorker, Internal, High, Definite, "See `query-status` for the tasks of this source.";
    WORKER_SUB_TASK_EXISTS = 40055, "WorkerSubTaskExists", DmWorker, Internal, High, Definite, "Stop the task first.";
    WORKER_OPER_SYNC_UNIT_ONLY = 40056, "WorkerOperSyncUnitOnly", DmWorker, Internal, High, Definite, "Wait until the load has ended.";
    WORKER_NO_SYNCER_RUNNING = 40058, "WorkerNoSyncerRunning", DmWorker, Internal, High, Definite, "";
    WORKER_CANNOT_UPDATE_SOURCE_ID = 40059, "WorkerCannotUpdateSourceID", DmWorker, Internal, High, Definite, "";
    WORKER_EXEC_DDL_TIMEOUT = 40066, "WorkerExecDDLTimeout", DmWorker, Internal, High, Transient, "";
    WORKER_WAIT_RELAY_CATCHUP_TIMEOUT = 40067, "WorkerWaitRelayCatchupTimeout", DmWorker, Internal, High, Transient, "";
    WORKER_RELAY_IS_PURGING = 40068, "WorkerRelayIsPurging", DmWorker, Internal, High, Transient, "";
    WORKER_HOST_PORT_NOT_VALID = 40069, "WorkerHostPortNotValid", DmWorker, Internal, High, Definite, "Write host:port.";
    WORKER_NO_START = 40070, "WorkerNoStart", DmWorker, Internal, High, Transient, "See `list-member` for the sources of this worker.";
    WORKER_ALREADY_START = 40071, "WorkerAlreadyStart", DmWorker, Internal, High, Definite, "";
    WORKER_SOURCE_NOT_MATCH = 40072, "WorkerSourceNotMatch", DmWorker, Internal, High, Definite, "";
    WORKER_FAIL_TO_GET_SUBTASK_CONFIG_FROM_ETCD = 40073, "WorkerFailToGetSubtaskConfigFromEtcd", DmWorker, Internal, Medium, Transient, "";
    WORKER_FAIL_TO_GET_SOURCE_CONFIG_FROM_ETCD = 40074, "WorkerFailToGetSourceConfigFromEtcd", DmWorker, Internal, Medium, Transient, "";
    WORKER_DDL_LOCK_OP_NOT_FOUND = 40075, "WorkerDDLLockOpNotFound", DmWorker, Internal, High, Definite, "";
    WORKER_TLS_CONFIG_NOT_VALID = 40076, "WorkerTLSConfigNotValid", DmWorker, Internal, High, Definite, "Check the ssl-* keys.";
    WORKER_FAIL_CONNECT_MASTER = 40077, "WorkerFailConnectMaster", DmWorker, Internal, High, Transient, "Check the addresses in --join, the network, and that the name is unique.";
    WORKER_WAIT_RELAY_CATCHUP_GTID = 40078, "WorkerWaitRelayCatchupGTID", DmWorker, Internal, High, Transient, "";
    WORKER_RELAY_CONFIG_CHANGING = 40079, "WorkerRelayConfigChanging", DmWorker, Internal, Low, Transient, "";
    WORKER_ROUTE_TABLE_DUP_MATCH = 40080, "WorkerRouteTableDupMatch", DmWorker, Internal, High, Definite, "Change the route rules so that one rule matches each table.";
    WORKER_UPDATE_SUB_TASK_CONFIG = 40081, "WorkerUpdateSubTaskConfig", DmWorker, Internal, High, Definite, "Change these fields only: routes, filters, block-allow-list, syncers; and only while the task is in the sync unit.";
    WORKER_VALIDATOR_NOT_PAUSED = 40082, "WorkerValidatorNotPaused", DmWorker, Internal, High, Definite, "";
    WORKER_SERVER_CLOSED = 40083, "WorkerServerClosed", DmWorker, Internal, Low, Definite, "";
}
