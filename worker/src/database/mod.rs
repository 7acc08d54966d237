//! Reaching databases: connections with every bound set, errors as DM's, and who the server is.
//!
//! Nothing here decides what is written. Both sides of a migration and the checks connect through
//! [`connect()`], so that a timeout or an error number means the same everywhere.
//!
//! Read in this order: `connect`, `classify`, `identity`.

mod classify;
mod connect;
mod identity;
mod tls;

pub use classify::{classify, classify_connect};
pub use connect::{CONNECT_TIMEOUT, ConnectOptions, Role, connect};
pub use identity::{ServerIdentity, ServerKind};
pub use tls::TlsMaterial;
