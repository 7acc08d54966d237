//! What runs only while this master leads.
//!
//! A [`Term`] holds everything that only the leader knows and no log can tell: which workers have a
//! session, what was renewed, what is being drained. It is made new with each term of leadership, also
//! when a restarted leader goes on without an election (R31), and thrown away when the term ends.
//!
//! Read in this order: [`Term`], [`lead`] (begins and ends terms), `schedule` (the scheduler's loop).

mod lead;
mod schedule;
mod term;

pub use lead::{LeaderOptions, lead};
pub use term::{CurrentTerm, Term};
