//! Dump, load and sync.

catalogue! {
    DUMP_UNIT_RUNTIME = 32001, "DumpUnitRuntime", DumpUnit, Internal, High, Definite, "Look at the cause.";
    DUMP_UNIT_GLOBAL_LOCK = 32004, "DumpUnitGlobalLock", DumpUnit, Internal, High, Definite, "Grant the privilege, or use --consistency none or --no-locks.";
    LOAD_LIGHTNING_RUNTIME = 34019, "LoadLightningRuntime", LoadUnit, Internal, High, Definite, "Look at the cause.";
    SYNCER_UNIT_PANIC = 36001, "SyncerUnitPanic", SyncUnit, Internal, High, Definite, "Please report this with the log of the worker.";
    SYNC_UNIT_NOT_SUPPORTED_DML = 36004, "SyncUnitNotSupportedDML", SyncUnit, Internal, High, Definite, "";
    SYNC_UNIT_DML_STATEMENT_FOUND = 36014, "SyncUnitDMLStatementFound", SyncUnit, Internal, High, Definite, "Set binlog_format=ROW on the source, then skip this event or load the table again.";
    SYNCER_UNIT_INJECT_DDL_ONLY = 36023, "SyncerUnitInjectDDLOnly", SyncUnit, Internal, Low, Definite, "Give DDL statements; rows are corrected at the target.";
    SYNCER_UNIT_INJECT_DDL_WITHOUT_SCHEMA = 36024, "SyncerUnitInjectDDLWithoutSchema", SyncUnit, Internal, Low, Definite, "Write the schema in front of each table: `db`.`table`.";
    SYNCER_UNIT_DML_COLUMN_NOT_MATCH = 36027, "SyncerUnitDMLColumnNotMatch", SyncUnit, Internal, High, Definite, "Compare the table's structure with `binlog-schema list` and correct it with `binlog-schema update`.";
    SYNCER_UNIT_HANDLE_DDL_FAILED = 36061, "SyncerUnitHandleDDLFailed", SyncUnit, Internal, High, Definite, "Look at the cause; then resume, or use `binlog skip` or `binlog replace`.";
    SYNCER_EVENT = 36064, "SyncerEvent", SyncUnit, Internal, High, Definite, "Give statements that change tables or databases.";
    SYNCER_OPERATOR_NOT_EXIST = 36065, "SyncerOperatorNotExist", SyncUnit, Internal, Low, Definite, "See `binlog list` for the operators that are there.";
    SYNCER_PARSE_DDL = 36067, "SyncerParseDDL", SyncUnit, Internal, High, Definite, "Use `binlog replace` with a statement that the target understands, or `binlog skip`.";
    SYNCER_UNSUPPORTED_STMT = 36068, "SyncerUnsupportedStmt", SyncUnit, Internal, High, Definite, "Use `binlog replace` or `binlog skip`.";
    SYNCER_GET_EVENT = 36069, "SyncerGetEvent", SyncUnit, Upstream, High, Transient, "Check that the binlog file still exists on the source and that it can be read.";
    SYNCER_DOWNSTREAM_TABLE_NOT_FOUND = 36070, "SyncerDownstreamTableNotFound", SyncUnit, Internal, High, Definite, "Create the table in the target, then resume the task.";
}
