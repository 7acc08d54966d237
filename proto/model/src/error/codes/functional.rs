//! Texts and values that cannot be understood.

catalogue! {
    DROP_MULTIPLE_TABLES = 11003, "DropMultipleTables", Functional, Internal, High, Definite, "Skip or replace the statement with `binlog skip` or `binlog replace`; upstream, drop one table per statement.";
    RENAME_MULTIPLE_TABLES = 11004, "RenameMultipleTables", Functional, Internal, High, Definite, "Skip or replace the statement with `binlog skip` or `binlog replace`; upstream, rename one table per statement.";
    ALTER_MULTIPLE_TABLES = 11005, "AlterMultipleTables", Functional, Internal, High, Definite, "Skip or replace the statement with `binlog skip` or `binlog replace`; upstream, alter one table per statement.";
    PARSE_SQL = 11006, "ParseSQL", Functional, Internal, High, Definite, "Skip the statement with `binlog skip` or give one that the target understands with `binlog replace`.";
    PARSE_GTID = 11009, "ParseGTID", Functional, Internal, High, Definite, "Correct the GTID set: MySQL writes uuid:1-5, MariaDB writes domain-server-sequence.";
    NOT_SUPPORTED_FLAVOR = 11010, "NotSupportedFlavor", Functional, Internal, High, Definite, "Set flavor to mysql or mariadb.";
    MARIADB_DOMAIN_ID = 11014, "MariaDBDomainID", Functional, Internal, High, Definite, "Correct the GTID set: MariaDB writes domain-server-sequence.";
    INVALID_BINLOG_POS_STR = 11049, "InvalidBinlogPosStr", Functional, Internal, High, Definite, "Write a binlog position as (file, offset), for example (mysql-bin.000001, 4).";
    RELAY_LOG_GIVEN_POS_TOO_BIG = 11106, "RelayLogGivenPosTooBig", Functional, Internal, High, Definite, "Give a start position that exists on the upstream.";
    CONN_INVALID_TLS_CONFIG = 11112, "ConnInvalidTLSConfig", Functional, Internal, Medium, Definite, "Check the ssl-* keys: certificate, key and CA must be PEM and belong together.";
    VERIFY_HANDLE_ERROR_ARGS = 11118, "VerifyHandleErrorArgs", Functional, Internal, Low, Definite, "Correct the arguments; see `dmctl binlog --help`.";
    METADATA_NO_BINLOG_LOC = 11123, "MetadataNoBinlogLoc", Functional, Upstream, Low, Definite, "Check that binary logging is on at the source.";
    NO_MASTER_STATUS = 11125, "NoMasterStatus", Functional, Upstream, Medium, Definite, "Switch binary logging on and grant REPLICATION CLIENT to the user.";
    BINLOG_NOT_LOG_COLUMN = 11126, "BinlogNotLogColumn", BinlogOp, Upstream, High, Definite, "Set binlog_row_image=FULL on the source and start from a position after that.";
    SHARD_DDL_OPTIMISM_ADD_NOT_FULLY_DROPPED_COLUMN = 11128, "ShardDDLOptimismAddNotFullyDroppedColumn", Functional, Internal, Medium, Definite, "Use `binlog skip` for this statement, or wait until the column is dropped everywhere.";
    INCORRECT_RETURN_COLUMNS_NUM = 11130, "IncorrectReturnColumnsNum", Functional, Upstream, Medium, Definite, "Check that the source is a MySQL or MariaDB server and not a proxy that changes results.";
}
