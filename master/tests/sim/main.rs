//! The control plane in a deterministic simulation: one seed decides everything.
//!
//! Real: openraft, all of `dm-raft-store` but RocksDB, the replicated state with its commands and snapshots, the lease keeper, the
//! scheduler. Simulated: network, disks that lose unsynced writes in a crash, time, the glue around them (a leader's loop, a
//! worker's session, clients).
//!
//! Read in this order: `types`, `disk` (what a crash leaves), `net` (what the network loses), `node` (one master), `workers` and `clients`
//! (what they may believe), `world` (a run: faults, then quiet, then the checks), `linear` (the checker of histories), `scenarios`.
//!
//! A failing seed prints the command that repeats it: `DM_SIM_SEED=N cargo test -p dm-master --test sim one_seed -- --nocapture`.

#![allow(unreachable_pub)]

mod bug;
mod clients;
mod disk;
mod linear;
mod net;
mod node;
mod rng;
mod scenarios;
mod types;
mod workers;
mod world;
