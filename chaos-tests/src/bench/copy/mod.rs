//! Two contenders copy the same tables into empty targets, one after the other: the dump tools that people use, and we.
//!
//! [`Tables`] is a MySQL 9.7 full of sysbench's rows; every run gets a new, empty target of the same kind and settings.
//! [`Dumper`] is the reference, timed from its start to its end; [`Ours`] is timed from `start-task` to Finished. After each
//! run the tables must be equal.

mod dumper;
mod ours;
mod pairs;
mod tables;

pub(super) use dumper::Dumper;
pub(super) use ours::Ours;
pub(super) use pairs::{Settings, race};
pub(super) use tables::Tables;
