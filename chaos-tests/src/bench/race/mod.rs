//! Two contenders apply the same binlog to equal targets, one after the other: MariaDB's own replication and we.
//!
//! [`Upstream`] is a MariaDB 11.8 whose binlog holds a [`Workload`]; its data before that is the seed of every target, copied as
//! files. [`native`] replicates with the relay log already fetched, so only its applier is timed; [`ours`] runs a master and a
//! worker and is timed from the moment when its subtask begins to stream, the transfer of the binlog included. After each run
//! the tables must be equal. [`pairs`] takes turns and prints what each process spent.

mod disk;
mod native;
mod ours;
mod pairs;
mod recorder;
mod spent;
mod upstream;
mod workload;

pub(super) use disk::SyncCost;
pub(super) use ours::Ours;
pub(super) use pairs::{Settings, alone, race, show};
pub(super) use recorder::Recorder;
pub(super) use spent::{Meter, Spent, load_average};
pub(super) use upstream::Upstream;
pub(super) use workload::Workload;
