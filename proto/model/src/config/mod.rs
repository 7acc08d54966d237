//! `source.yaml` and `task.yaml` as typed values.
//!
//! Text becomes a value in four steps, each of which can be read alone:
//! 1. `yaml`: text → tree of nodes with line and column; anchors and merge keys resolved.
//! 2. `reader`: tree → plain values, led by the key table ([`crate::keys`]): unknown keys, wrong
//!    types and refused settings are errors here, and notices come from here.
//! 3. serde: plain values → the structs below, with their defaults.
//! 4. `check`: rules that span several keys.
//!
//! [`SubtaskConfig`] is one source's share of a task, with all references resolved.

mod check;
mod compat;
mod db;
mod duration;
mod instance;
mod loader;
mod mydumper;
mod parsed;
mod reader;
mod rule;
mod scalar;
mod size;
mod source;
mod subtask;
mod suggest;
mod syncer;
mod task;
mod task_mode;
mod timezone;
mod validator;
mod yaml;

pub use db::{DbConfig, Security};
pub use duration::{format_duration, parse_duration};
pub use instance::{Instance, Meta};
pub use loader::{LoaderConfig, OnDuplicate};
pub use mydumper::MydumperConfig;
pub use parsed::Parsed;
pub use rule::{
    BlockAllowRule, ColumnMappingRule, ExpressionRule, ExtractSchema, ExtractSource, ExtractTable,
    FilterAction, FilterRule, MaskFunction, MaskRule, Named, RouteRule, TableItem,
};
pub(crate) use scalar::expected;
pub use source::{CheckerConfig, PurgeConfig, SourceConfig};
pub use subtask::SubtaskConfig;
pub use syncer::SyncerConfig;
pub use task::{CollationCompatible, Experimental, OnError, OnRowMismatch, TaskConfig};
pub use task_mode::TaskMode;
pub use timezone::Timezone;
pub use validator::{ValidatorConfig, ValidatorMode};
