//! Conditions that DM has no number for.

catalogue! {
    FENCED_OUT = 60001, "FencedOut", SyncUnit, Downstream, High, Definite, "Another owner has taken this source over; nothing needs to be done.";
    LEASE_LOST = 60002, "LeaseLost", DmWorker, Internal, Medium, Transient, "The worker takes the source up again when the leader grants it; see `list-member`.";
    NOT_YET_SUPPORTED = 60003, "NotYetSupported", Config, Internal, High, Definite, "Remove the named setting.";
    LINEAGE_MISMATCH = 60004, "LineageMismatch", SyncUnit, Upstream, High, Definite, "Check that the source is the server that the task was started with; to start anew, use `start-task --remove-meta`.";
    TABLE_STOPPED = 60005, "TableStopped", SyncUnit, Internal, High, Definite, "Look at `query-status`, remove the reason, then resume the task.";
    NO_QUORUM = 60006, "NoQuorum", DmMaster, Internal, High, Transient, "Start masters until a majority runs; see `list-member --master`.";
    OUTCOME_UNKNOWN = 60007, "OutcomeUnknown", DmMaster, Internal, High, Unknown, "Look whether the change is there before you repeat it.";
    UNSUPPORTED_COLUMN = 60008, "UnsupportedColumn", SyncUnit, Internal, High, Definite, "Change the column, or leave the table out with block-allow-list.";
    MERGE_NOT_YET_SUPPORTED = 60009, "MergeNotYetSupported", Config, Internal, High, Definite, "Route each source table to a target table of its own, or let rows tell their origin: extract-table, extract-schema or extract-source in routes, or a column mapping with partition id.";
    FOREIGN_META = 60010, "ForeignMeta", Checkpoint, Downstream, High, Definite, "Use another meta-schema, or remove the rows of the other cluster if it is gone.";
    DDL_UNATTRIBUTABLE = 60011, "DdlUnattributable", SyncUnit, Internal, High, Definite, "Use `binlog replace` with a statement that names its tables, or `binlog skip`.";
    PRIVILEGES_MISSING = 60012, "PrivilegesMissing", TaskCheck, NotSet, High, Definite, "Run the GRANT statement in the message.";
    SERVER_ID_IN_USE = 60013, "ServerIdInUse", SourceCheck, Upstream, High, Definite, "Set server-id in the source to a number that no server or replica of this topology has.";
    POSITION_PURGED = 60014, "PositionPurged", SyncUnit, Upstream, High, Definite, "The source no longer has the binlog of this position: load again with `start-task --remove-meta`.";
    ROW_MISMATCH = 60015, "RowMismatch", SyncUnit, Downstream, High, Definite, "Something else has changed the target: compare the row, correct it, then resume the task.";
    TARGET_UNSUITABLE = 60016, "TargetUnsuitable", TaskCheck, Downstream, High, Definite, "Change what the message names in the target.";
    REQUEST_CONFLICT = 60017, "RequestConflict", DmMaster, Internal, Medium, Definite, "Look at the present state and repeat the command if it is still wanted.";
    META_DAMAGED = 60018, "MetaDamaged", Checkpoint, Downstream, High, Definite, "Somebody changed the rows of the meta schema: put them back from a backup, or start anew with `start-task --remove-meta`.";
    TARGET_ROW_BLOCKED = 60019, "TargetRowBlocked", Checkpoint, Downstream, Medium, Transient, "Look for an open transaction on the meta schema at the target.";
    TARGET_PROGRESS_CHANGED = 60020, "TargetProgressChanged", Checkpoint, Downstream, Medium, Transient, "Nothing needs to be done: the subtask goes on from what the target has.";
    TABLE_NOT_TRACKED = 60021, "TableNotTracked", SyncUnit, Internal, High, Definite, "Load the table, or start the task before its CREATE TABLE.";
    TARGET_NOT_EMPTY = 60022, "TargetNotEmpty", LoadUnit, Downstream, High, Definite, "Empty the target table, or leave the table out with block-allow-list, then resume the task.";
    TARGET_STRUCTURE_DIFFERS = 60023, "TargetStructureDiffers", LoadUnit, Downstream, High, Definite, "Change or drop the target table, then resume the task.";
    RULES_CHANGED = 60024, "RulesChanged", Checkpoint, Internal, High, Definite, "Start with the old routes and block-allow-list, or anew with `start-task --remove-meta` and empty target tables.";
    VALUE_UNREADABLE = 60025, "ValueUnreadable", SyncUnit, Upstream, High, Definite, "Correct the value upstream, then load the table again.";
    RELAY_WRITE_FAILED = 60041, "RelayWriteFailed", RelayUnit, Internal, High, Transient, "Make room for the relay log, or stop it with `stop-relay`.";
    RELAY_READ_FAILED = 60042, "RelayReadFailed", RelayUnit, Internal, High, Transient, "The source is read directly meanwhile; delete the relay folder if it stays.";
    CONFIG_MASK = 60060, "ConfigMask", Config, Internal, High, Definite, "Correct the mask: schema-pattern, columns and function are required; hash and keep-length need secret-file or secret-env.";
    CONFIG_MASK_NOT_FOUND = 60061, "ConfigMaskNotFound", Config, Internal, Medium, Definite, "Define the rule under masks, or remove its name from mask-rules.";
    EVENT_REFUSED = 60062, "EventRefused", SyncUnit, Upstream, High, Definite, "A filter rule with action Error matches: carry the change out by `binlog skip` or `binlog replace`, or change the rule.";
    ROW_NOT_MAPPED = 60063, "RowNotMapped", SyncUnit, Upstream, High, Definite, "Correct the value upstream or the rule, then load the table again.";
    EXPRESSION_NOT_EVALUATED = 60064, "ExpressionNotEvaluated", SyncUnit, Upstream, High, Definite, "Write the expression so that it compares with a collation and functions that the message does not name, or remove the filter.";
    MASK_UNSUITABLE = 60065, "MaskUnsuitable", SyncUnit, Internal, High, Definite, "Use function hash on a text column of at least 64 characters, or leave the column unmasked.";
    SNAPSHOT_NEEDS_LOCK = 60070, "SnapshotNeedsLock", LoadUnit, Upstream, High, Definite, "Grant LOCK TABLES to the account of the source and leave --no-locks and --consistency out of extra-args, or give the table a primary key.";
    LOAD_TABLE_AGAIN = 60071, "LoadTableAgain", SyncUnit, Upstream, High, Definite, "Load the table again: `dmctl table reload --task TASK --table 'SCHEMA.TABLE'`.";
    OPERATOR_MISMATCH = 60080, "OperatorMismatch", SyncUnit, Internal, High, Definite, "Another statement stands at that position now: look at `query-status` and give the command again.";
    TARGET_INCOMPATIBLE_DDL = 60081, "TargetIncompatibleDdl", SyncUnit, Downstream, High, Definite, "Use `binlog replace` with the suggested statement, or `binlog skip`.";
    SEVERAL_ERRORS = 60082, "SeveralErrors", DmMaster, Internal, Medium, Definite, "Repeat the command with one of the positions in the message.";
}
