//! Checks before a source or a task is created.

catalogue! {
    TASK_CHECK_SAME_TABLE_NAME = 26001, "TaskCheckSameTableName", TaskCheck, Internal, Medium, Definite, "Route the tables to different targets, or filter one of them out.";
    TASK_CHECK_FAILED_OPEN_DB = 26002, "TaskCheckFailedOpenDB", TaskCheck, Internal, High, Transient, "Check host, port, user, password and the network.";
    TASK_CHECK_GEN_TABLE_ROUTER = 26003, "TaskCheckGenTableRouter", TaskCheck, Internal, Medium, Definite, "Correct the route rules.";
    TASK_CHECK_GEN_COLUMN_MAPPING = 26004, "TaskCheckGenColumnMapping", TaskCheck, Internal, Medium, Definite, "";
    TASK_CHECK_SYNC_CONFIG_ERROR = 26005, "TaskCheckSyncConfigError", TaskCheck, Internal, Medium, Definite, "Fix what the report names, or list the item in ignore-checking-items.";
    TASK_CHECK_GEN_BA_LIST = 26006, "TaskCheckGenBAList", TaskCheck, Internal, Medium, Definite, "Correct the block-allow-list.";
    SOURCE_CHECK_GTID = 26007, "SourceCheckGTID", TaskCheck, Internal, Medium, Definite, "Set gtid_mode=ON on the source, or enable-gtid: false.";
}
