//! Real servers and our programs as values that clean up after themselves.
//!
//! - [`Database`] starts a server that `deploy/databases.sh` has unpacked; [`Server`] is one of those or one that the
//!   user names (`DM_TEST_SOURCE`, `DM_TEST_TARGET`).
//! - [`Master`], [`Worker`], [`Ctl`] run the built binaries; [`Cluster`] is several of them.
//! - [`Proxy`] delays, stalls and cuts TCP; [`Net`] gives programs hosts of their own that can die.
//!
//! Cleaning up does not depend on `Drop`: every child dies with this process by the kernel's hand, and a small
//! shell outside removes the folders ([`Folder`]). So a panic, Ctrl-C and even kill -9 leave nothing behind.

mod binaries;
mod cluster;
mod ctl;
mod database;
mod endpoint;
mod folder;
pub mod http;
mod kind;
mod master;
mod net;
mod port;
mod process;
mod program;
mod proxy;
mod server;
mod skip;
mod wait;
mod worker;

pub use binaries::Binaries;
pub use cluster::{Cluster, ClusterBuilder};
pub use ctl::{Ctl, CtlOutput};
pub use database::{Database, DatabaseBuilder};
pub use endpoint::{Endpoint, Product};
pub use folder::{Folder, Medium};
pub use kind::Kind;
pub use master::{Master, MasterOptions};
pub use net::{Net, NetHost};
pub use port::Port;
pub use process::{Process, cpu_time};
pub use program::Program;
pub use proxy::{Mode, Proxy};
pub use server::{Role, Server};
pub use skip::say_skipped;
pub use wait::{eventually, eventually_within};
pub use worker::{Worker, WorkerOptions};
