//! DM's public service, `pb.Master`: what `dmctl` and scripts call.
//!
//! Every master answers every call: a follower forwards to the leader, one hop, and waits a bounded
//! time through an election ([`forward`]). The leader makes sure that it sees everything acknowledged
//! before (a linearizable read), then handles the call in one file per group of methods. Failures of an
//! operation are `result: false` with DM's error text, not gRPC errors; a gRPC error means that the
//! call reached no leader. Methods that are not filled yet answer UNIMPLEMENTED with their name.
//!
//! Read in this order: `service` (all methods), [`forward`] (the way to the leader), `led` (what a
//! handler has at hand), then any handler: they all look alike. `confirm` waits for workers.

#[allow(clippy::module_inception)]
mod api;
mod check_task;
mod confirm;
mod encrypt;
mod error;
mod failure;
pub mod forward;
mod get_cfg;
mod handle_error;
mod led;
mod list_configs;
mod list_member;
mod offline_member;
mod operate_leader;
mod operate_relay;
mod operate_source;
mod operate_table;
mod operate_task;
mod operator_sql;
mod query_status;
mod service;
mod start_task;
mod transfer_source;
mod workers;

pub use api::Api;
pub use error::ApiError;
pub use service::MasterService;
