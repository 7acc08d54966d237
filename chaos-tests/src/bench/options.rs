use clap::{Args, ValueEnum};

/// What to measure.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Which benchmark
    #[arg(value_enum)]
    pub name: Name,
    /// How many runs, or pairs of runs
    #[arg(long, visible_alias = "pairs")]
    pub runs: Option<usize>,
    /// Row changes, or rows, of one run, for a short or a long form
    #[arg(long)]
    pub rows: Option<u64>,
    /// `worker-count` of the task, instead of its default
    #[arg(long)]
    pub lanes: Option<u32>,
    /// Leave the reference out (to look at us with a profiler)
    #[arg(long)]
    pub alone: bool,
}

impl Options {
    pub(super) fn pairs(&self, default: usize) -> usize {
        self.runs.unwrap_or(default)
    }
}

/// The benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Our decoder against mysql_common: bulk row events
    Decode,
    /// The same with single-row transactions
    DecodeSmall,
    /// kill -9 of the owner to the next row on the target
    FailoverWorker,
    /// Memory of a leading master
    RssMaster,
    /// Memory of a worker, idle and under load
    RssWorker,
    /// One INSERT a transaction, against native replication
    ApplyInsert,
    /// The same on a disk, synced at every commit
    ApplyInsertDisk,
    /// One indexed UPDATE a transaction
    ApplyUpdate,
    /// The same on a disk
    ApplyUpdateDisk,
    /// Four rows a transaction: insert, delete, two updates
    ApplyMix,
    /// The same on a disk
    ApplyMixDisk,
    /// Updates of which nine of ten meet the same 1,000 rows
    ApplyHot,
    /// The same on a disk
    ApplyHotDisk,
    /// CPU of the worker per row of apply-insert
    ApplyCpu,
    /// Our commits against the same with an unrelated row updated instead of the lane's
    ApplyProgress,
    /// Memory of a worker at full speed and with a transaction of 1 GB
    ApplyRss,
    /// Commit at the source to visible at the target, at 3,000 transactions per second
    ApplyLag,
    /// A full migration of 4 tables against mysqldump | mysql
    Load,
    /// The same against mydumper and myloader
    LoadMydumper,
    /// A full migration of one large table against mydumper and myloader
    LoadOne,
    /// The longest time that a write waited for a full migration
    LoadLock,
    /// check-task over 10,000 tables (`--rows` for another count)
    #[value(name = "check-10k")]
    Check10k,
}
