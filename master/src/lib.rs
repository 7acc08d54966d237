//! `dm-master`: the brain of the cluster. Three of them agree, by Raft, on what shall run where.
//!
//! ```text
//!  dmctl ──> api ──> replica (raft) ──> state ──> scheduler ──> leader ──> session ──> workers
//!             │ forward (to the leader)  pure       pure          │ lease    Desired, Call
//! ```
//!
//! Read in this order:
//! 1. [`state`]: what the masters agree on; pure.
//! 2. [`scheduler`]: who shall own which source; pure. [`lease`]: what the leader renews; pure.
//! 3. [`replica`]: the log as the rest sees it, and [`replicated`], the state behind it.
//! 4. [`leader`]: what runs only while this master leads: the scheduler's loop, the worker hub, and [`membership`], which
//!    masters there are.
//! 5. [`session`]: the stream to each worker. [`api`]: what `dmctl` calls.
//! 6. [`config`], [`http`], [`metrics`], [`server`]: flags, pages, numbers, and how it all starts. [`recover`]: how it goes on when a
//!    majority is lost for good.
//!
//! Invariants: masters never connect to a database, neither source nor target (checks are calls to a
//! worker); nothing but `state::State::apply` changes replicated state; what only the leader knows
//! (who is alive, what was renewed) is never written to the log.

pub mod api;
pub mod clock;
pub mod config;
pub mod errors;
pub mod http;
pub mod leader;
pub mod lease;
pub mod membership;
pub mod metrics;
pub mod program;
pub mod raft;
pub mod recover;
pub mod replica;
pub mod replicated;
pub mod scheduler;
pub mod server;
pub mod session;
pub mod state;
