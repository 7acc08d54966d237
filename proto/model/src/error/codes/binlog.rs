//! Binlog positions and checkpoints.

catalogue! {
    BINLOG_EXTRACT_POSITION = 22001, "BinlogExtractPosition", BinlogOp, Internal, High, Definite, "";
    BINLOG_INVALID_FILENAME = 22002, "BinlogInvalidFilename", BinlogOp, Internal, High, Definite, "";
    BINLOG_PARSE_POS_FROM_STR = 22003, "BinlogParsePosFromStr", BinlogOp, Internal, High, Definite, "";
    CHECKPOINT_SAVE_INVALID_POS = 24002, "CheckpointSaveInvalidPos", Checkpoint, Internal, High, Definite, "";
}
