//! What database drivers report.

catalogue! {
    DB_DRIVER_ERROR = 10001, "DBDriverError", Database, NotSet, High, Transient, "Check that the database is reachable and that host, port, user and password are right.";
    DB_BAD_CONN = 10002, "DBBadConn", Database, NotSet, High, Transient, "Check the connection to the database; the task tries again by itself.";
    DB_INVALID_CONN = 10003, "DBInvalidConn", Database, NotSet, High, Unknown, "The outcome of the last statement is not known; the task looks it up before it goes on.";
    DB_UN_EXPECT = 10004, "DBUnExpect", Database, NotSet, High, Definite, "Look at the cause.";
    DB_QUERY_FAILED = 10005, "DBQueryFailed", Database, NotSet, High, Definite, "Look at the cause; check privileges and the state of the database.";
    DB_EXECUTE_FAILED = 10006, "DBExecuteFailed", Database, NotSet, High, Definite, "Look at the cause; check privileges and the state of the database.";
    DB_EXECUTE_FAILED_BEGIN = 10007, "DBExecuteFailedBegin", Database, NotSet, High, Definite, "Look at the cause; check the connection to the database.";
}
