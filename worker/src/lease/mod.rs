//! Leases: which sources this process may work for, and until when.
//!
//! Time is the boot-time clock (it goes on in suspend), and a lease is counted from the moment its
//! heartbeat was *sent*, so the worker always gives up before the leader does. Leases only keep the
//! overlap of two owners short; safety rests on the fence in the target (design.md §5).
//!
//! Read in this order: `boottime`, `lease_view`, `lease_table`.

mod boottime;
mod lease_table;
mod lease_view;

pub use boottime::BoottimeMs;
pub use lease_table::{LeaseTable, StartRight};
pub use lease_view::LeaseView;
