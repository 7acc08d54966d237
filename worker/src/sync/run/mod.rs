//! Runs a subtask: take over, set up, then stream and copy side by side.
//!
//! Read `run.rs` (phases and what follows an error), `setup.rs` (taking over), `reader.rs` (the stream in a task of its own),
//! `pipeline.rs` (transactions to lanes and back), `streaming.rs` (the loop that drives it), `away.rs` (tables off the main cursor), `catch_up.rs` (their second readers),
//! `observer.rs` (how far the source is).

mod away;
mod catch_up;
mod observer;
mod pipeline;
mod reader;
#[allow(
    clippy::module_inception,
    reason = "the folder's main piece stands in the file named after it"
)]
mod run;
mod setup;
mod streaming;
mod ticket;

pub(crate) use run::run;
