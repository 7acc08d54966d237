//! What every command is given.

use std::io::Write as _;

use crate::{CtlError, client::Client, output::Format};

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// The masters.
    pub client: Client,
    /// `-s`: source ids.
    pub sources: Vec<String>,
    /// How to print.
    pub format: Format,
}

impl Context {
    /// The only source given, or a usage error that says what is expected.
    pub fn single_source(&self) -> Result<String, CtlError> {
        match self.sources.as_slice() {
            [source] => Ok(source.clone()),
            _ => Err(CtlError::message(
                "give a task name, or exactly one source with -s",
            )),
        }
    }
}

/// Writes an answer to standard output, ended by a newline. A reader that has gone away (`dmctl ... | head`) is no failure.
pub fn emit(text: &str) -> Result<(), CtlError> {
    let mut out = std::io::stdout().lock();
    let text = text.strip_suffix('\n').unwrap_or(text);
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|_| CtlError::OutputClosed)
}
