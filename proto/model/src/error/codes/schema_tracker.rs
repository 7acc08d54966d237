//! The history of table structures.

catalogue! {
    SCHEMA_TRACKER_CANNOT_CREATE_SCHEMA = 44002, "SchemaTrackerCannotCreateSchema", SchemaTracker, Internal, High, Definite, "";
    SCHEMA_TRACKER_CANNOT_CREATE_TABLE = 44003, "SchemaTrackerCannotCreateTable", SchemaTracker, Internal, High, Definite, "";
    SCHEMA_TRACKER_CANNOT_GET_TABLE = 44005, "SchemaTrackerCannotGetTable", SchemaTracker, Internal, High, Definite, "";
    SCHEMA_TRACKER_CANNOT_EXEC_DDL = 44006, "SchemaTrackerCannotExecDDL", SchemaTracker, Internal, High, Definite, "Use `binlog replace` with a statement that is understood, or `binlog skip`.";
    SCHEMA_TRACKER_CANNOT_FETCH_DOWNSTREAM_TABLE = 44007, "SchemaTrackerCannotFetchDownstreamTable", SchemaTracker, Downstream, Medium, Definite, "";
    SCHEMA_TRACKER_CANNOT_PARSE_DOWNSTREAM_TABLE = 44008, "SchemaTrackerCannotParseDownstreamTable", SchemaTracker, Internal, High, Definite, "";
}
