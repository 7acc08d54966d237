//! One entry of the error catalogue.

use serde::{Deserialize, Serialize};

use super::{Class, Level, Scope};

/// What may be done about an error without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// May pass by itself: try again with a budget.
    Transient,
    /// Will not pass by itself: a person has to act.
    Definite,
    /// The operation may or may not have happened: look before trying again.
    Unknown,
}

/// A condition with a number. All fields but the message of an error come from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// The number; DM's where DM has the condition, 60001 and up where it has not.
    pub code: i32,
    /// DM's symbol without its prefix.
    pub symbol: &'static str,
    /// Subsystem.
    pub class: Class,
    /// Side on which it happened.
    pub scope: Scope,
    /// Severity.
    pub level: Level,
    /// Whether trying again can help.
    pub kind: Kind,
    /// What a person should do; empty when the message says it all.
    pub workaround: &'static str,
}
