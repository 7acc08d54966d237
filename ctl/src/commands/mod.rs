//! The commands, one file each: `Args` (what is typed), `call` (what is asked of the master), `print` (how the answer looks).
//!
//! Files that several commands share: [`context`] (what a command is given), `operate_task` (stop, pause and resume differ in
//! one word), `get_cfg` (two spellings of one command).

pub mod binlog;
pub mod check_task;
pub mod config;
pub mod context;
pub mod decrypt;
pub mod encrypt;
pub mod get_cfg;
pub mod get_config;
pub mod handle_error;
pub mod list_member;
pub mod offline_member;
pub mod operate_leader;
pub mod operate_source;
pub mod operate_task;
pub mod pause_task;
pub mod query_status;
pub mod resume_task;
pub mod start_relay;
pub mod start_task;
pub mod stop_task;
pub mod table;
pub mod transfer_source;

mod command;

pub use command::Command;
pub use context::Context;
