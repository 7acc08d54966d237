//! RocksDB's options: small memory, and no silent loss.

use rocksdb::{BlockBasedOptions, Cache, DBRecoveryMode, LogLevel, Options};

/// A master shall stay below 64 MiB, of which openraft's statistics tables take 25 MiB at once; these two bound
/// what RocksDB takes.
const WRITE_BUFFERS_BYTES: usize = 4 << 20;
const BLOCK_CACHE_BYTES: usize = 2 << 20;
/// The write-ahead log is cut at this size; the raft log behind a snapshot is small anyway.
const WAL_BYTES_MAX: u64 = 16 << 20;
const OPEN_FILES_MAX: i32 = 64;
const BACKGROUND_JOBS: i32 = 2;
/// RocksDB's own text log.
const INFO_LOG_BYTES_MAX: usize = 1 << 20;
const INFO_LOGS_KEPT: usize = 2;

/// Options of the database.
pub(crate) fn database() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_max_background_jobs(BACKGROUND_JOBS);
    options.set_log_level(LogLevel::Warn);
    options.set_max_log_file_size(INFO_LOG_BYTES_MAX);
    options.set_keep_log_file_num(INFO_LOGS_KEPT);
    options.set_paranoid_checks(true);
    // A torn last record is what a crash leaves. Anything else that is damaged must stop us: the default
    // mode would drop every acknowledged entry behind the damage without a word.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options
}

/// Options of one column family.
pub(crate) fn family(cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_size(WRITE_BUFFERS_BYTES / 2);
    options.set_max_write_buffer_number(2);
    options.set_compression_type(rocksdb::DBCompressionType::Lz4);
    options
}

/// The cache that all families share.
pub(crate) fn cache() -> Cache {
    Cache::new_lru_cache(BLOCK_CACHE_BYTES)
}
