//! The nouns of data migration, without any I/O, clock or runtime.
//!
//! Constraints: every function here takes values and returns values; nothing panics on outside
//! data; everything iterates in a fixed order, because masters replay these values from a log.
//!
//! Read in this order:
//! 1. [`ids`], [`table_name`], [`flavor`]: names and numbers.
//! 2. [`error`]: the one error type, in DM's text form, and [`codes`], its catalogue.
//! 3. [`position`]: binlog positions, GTID sets, and what "covered" means.
//! 4. [`keys`]: every key of `source.yaml` and `task.yaml`, and what happens to it.
//! 5. [`config`]: those files as typed values, checked; [`config::SubtaskConfig`] is what runs.
//! 6. [`rules`]: which tables take part and where they go.
//! 7. [`operator`]: what is done with a statement that the target refuses.
//! 8. [`secret`]: passwords in memory and at rest.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod config;
pub mod error;
pub mod flavor;
pub mod ids;
pub mod keys;
pub mod operator;
pub mod position;
pub mod rules;
pub mod secret;
pub mod table_name;

pub use config::{DbConfig, Parsed, SourceConfig, SubtaskConfig, TaskConfig};
pub use error::{DmError, Kind, codes};
pub use flavor::Flavor;
pub use ids::{
    ClusterId, Epoch, Generation, Incarnation, LogIndex, SourceId, TaskName, WorkerName,
};
pub use operator::{EventPlace, Operator, OperatorAction};
pub use position::{BinlogPosition, Gtid, GtidSet, Position, TransactionId};
pub use rules::{BlockAllowList, OnlineDdl, Router, TableRole};
pub use secret::{Secret, SecretKey};
pub use table_name::TableName;
