//! dm-worker: migrates the sources that the leading master gives it.
//!
//! Everything follows from two streams. Down comes the *wanted state* and *lease renewals*; up go
//! heartbeats with short states. A source runs while its lease is live, a subtask under the epoch that
//! authorised it, and nothing writes to a target without a [`sync::FenceToken`], which only [`lease`]
//! can make.
//!
//! Read in this order:
//! 1. [`process`]: what a process consists of, and how it ends.
//! 2. [`session`]: the stream to the leader.
//! 3. [`lease`]: until when work may be issued.
//! 4. [`supervisor`]: wanted against running, per source.
//! 5. [`sync`]: the pipeline of one subtask.
//! 6. [`relay`]: the source's binlog files, kept locally.
//! 7. [`checks`]: what is looked at before a source or a task is created.
//! 8. [`database`]: connections and the meaning of their errors.

pub mod checks;
pub mod config;
pub mod database;
pub mod http;
pub mod lease;
mod metrics;
pub mod process;
pub mod relay;
mod secrets;
pub mod session;
pub mod supervisor;
pub mod sync;
mod worker_duties;
