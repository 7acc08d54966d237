//! Flags and `dm-master.toml`.
//!
//! One table, [`KEYS`], names every key of DM's master with its default and what we do with it; flags
//! and file are both read by it. A value on the command line wins over the file. Nothing is ignored
//! silently: a key without effect here leaves a notice, one that would change behaviour is refused.
//!
//! Read in this order: `keys` (the table), `settings` (flags and file into one map), [`Config`].

mod address;
#[allow(clippy::module_inception)]
mod config;
mod keys;
mod settings;
#[cfg(test)]
mod tests;

pub use config::{Config, InitialMember};
pub use keys::{KEYS, Key, Treatment, sample};
pub use settings::{Invocation, Settings};
