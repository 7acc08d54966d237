//! The session with the leading master: one stream up and down, kept up for as long as the process lives.
//!
//! Losing the leader pauses nothing: leases run until their deadline and the next leader's acks go on
//! renewing them. Wanted state comes whole (level-triggered), so nothing needs to be replayed.
//!
//! Read in this order: `duties` (what the session serves), `session` (find, connect, again),
//! `connection` (one stream), `pending`, `masters`, `outbox`.

mod connection;
mod duties;
mod finder;
mod masters;
mod outbox;
mod pending;
#[allow(clippy::module_inception)]
mod session;

pub use duties::{Duties, Grantor};
pub use masters::Masters;
pub use outbox::Outbox;
pub use session::{Identity, Session, SessionParts};
