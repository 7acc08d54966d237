//! `dmctl`: what an operator types.
//!
//! It is a thin client: every decision is the master's. Command names, flags, JSON and exit codes are DM's, so that scripts keep
//! working; a terminal gets tables and a live view instead.
//!
//! **Read in this order**: [`cli`] (flags), [`run`] (one invocation from arguments to exit code), [`client`] (finding a master,
//! repeating safely), [`commands`] (one file per command, each with its arguments, `call` and `print`), [`output`] (JSON or
//! table), [`status`] (what a status answer means), [`watch`] (the live view).
//!
//! **Invariants**: `print` and everything in [`status`] are pure; a repeated call carries the request id of the first.

pub mod cli;
pub mod client;
pub mod commands;
pub mod duration;
pub mod error;
pub mod output;
pub mod run;
pub mod status;
pub mod task_file;
pub mod watch;

pub use error::CtlError;
pub use run::run;
