//! The stream between the leader and each worker (`dm.v1.Session`).
//!
//! Level-triggered: the worker gets everything that it shall do, whole, at every change and after every
//! reconnect; nothing depends on a message that was sent before. The stream ends when leadership does.
//!
//! Bounds: one session per worker name (a newer one replaces the older); [`hub::OUT_MAX`] messages
//! wait for a worker; [`hub::CALLS_MAX`] calls are in flight to one; a heartbeat that finds
//! `open::HEARTBEATS_MAX` others unanswered is dropped, and the worker's next one counts.
//!
//! Read in this order: [`Hub`] (who is connected), [`desired`] (what a worker shall do; pure),
//! `open` (one stream), [`SessionService`] (the gRPC service).

pub mod desired;
pub mod hub;
mod open;
mod service;

pub use hub::{CallError, Hub};
pub use service::SessionService;
