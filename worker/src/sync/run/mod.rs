//! Runs a subtask's phases: take over, set up, copy, stream.
//!
//! Read `run.rs` (phases and what follows an error), `setup.rs` (taking over), `reader.rs` (the stream in a task of its own),
//! `streaming.rs` (the loop of the stages), `observer.rs` (how far the source is).

mod observer;
mod reader;
#[allow(
    clippy::module_inception,
    reason = "the folder's main piece stands in the file named after it"
)]
mod run;
mod setup;
mod streaming;

pub(crate) use run::run;
