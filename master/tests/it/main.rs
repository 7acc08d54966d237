//! Three masters in this process and workers that move no data: the control plane by itself.
//!
//! Read in this order: `cluster` (starts and stops masters), `worker` (a worker's session without a
//! worker), then the scenarios.

#![allow(unreachable_pub)]

mod cluster;
mod failover;
mod golden;
mod leases;
mod membership;
mod recover;
mod refusals;
mod requests;
mod secrets;
mod tasks;
mod worker;
