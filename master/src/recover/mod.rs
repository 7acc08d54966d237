//! `dm-master recover`: going on after the majority of the masters is lost for good.
//!
//! Offline and explicit. The state of the most advanced surviving data folder becomes a cluster of one in a new folder. Its cluster id
//! succeeds the old one and its log begins far behind the old one's end, so every epoch and generation that is given out from now on
//! is above every one that the old masters can have given out: workers raise the fences in the targets, and old owners and old
//! masters that come back are refused.
//!
//! What is lost: changes that the lost masters had acknowledged and the surviving folder had not received. Progress of migrations is
//! not among them: it is in the targets.
//!
//! Read in this order: `survivor` (reads a folder), `command` (flags, report, new folder).

mod command;
mod survivor;

pub use command::run;
