//! The choice between tables and JSON.

use std::io::IsTerminal as _;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// DM's JSON.
    Json,
    /// Tables for people.
    Table,
}

impl Format {
    /// What was asked for, or what fits standard output.
    pub fn choose(asked: Option<Format>) -> Self {
        asked.unwrap_or(if std::io::stdout().is_terminal() {
            Self::Table
        } else {
            Self::Json
        })
    }
}
