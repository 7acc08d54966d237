//! The error that crosses every boundary of the system.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Class, ErrorCode, Kind, Level, Scope, parse};

/// An error with DM's number and text form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DmError {
    /// The number.
    pub code: i32,
    /// Subsystem.
    pub class: Class,
    /// Side on which it happened.
    pub scope: Scope,
    /// Severity.
    pub level: Level,
    /// What happened, naming what it happened to.
    pub message: String,
    /// The text of the error below, when there is one.
    pub cause: Option<String>,
    /// What a person should do.
    pub workaround: Option<String>,
    /// Whether trying again can help.
    pub kind: Kind,
}

impl DmError {
    /// An error of the given condition; the workaround is the condition's own.
    pub fn new(code: &'static ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: code.code,
            class: code.class,
            scope: code.scope,
            level: code.level,
            message: message.into(),
            cause: None,
            workaround: Some(code.workaround.to_owned()).filter(|text| !text.is_empty()),
            kind: code.kind,
        }
    }

    /// Adds the text of the error below.
    #[must_use]
    pub fn with_cause(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string()).filter(|text| !text.is_empty());
        self
    }

    /// Replaces the workaround by one that names what is at hand.
    #[must_use]
    pub fn with_workaround(mut self, workaround: impl Into<String>) -> Self {
        self.workaround = Some(workaround.into()).filter(|text| !text.is_empty());
        self
    }

    /// Sets the side on which it happened (database errors carry their connection's).
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets the subsystem.
    #[must_use]
    pub fn with_class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// Sets whether trying again can help.
    #[must_use]
    pub fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Says where it happened, in front of the message.
    #[must_use]
    pub fn annotate(mut self, annotation: impl fmt::Display) -> Self {
        self.message = format!("{annotation}: {}", self.message);
        self
    }

    /// True when this is the given condition.
    pub fn is(&self, code: &ErrorCode) -> bool {
        self.code == code.code
    }

    /// Reads the text form back. `None` when the text is not in that form.
    pub fn parse(text: &str) -> Option<Self> {
        parse::parse(text)
    }
}

impl fmt::Display for DmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "[code={}:class={}:scope={}:level={}]",
            self.code, self.class, self.scope, self.level
        )?;
        if !self.message.is_empty() {
            write!(f, ", Message: {}", self.message)?;
        }
        if let Some(cause) = &self.cause {
            write!(f, ", RawCause: {cause}")?;
        }
        if let Some(workaround) = &self.workaround {
            write!(f, ", Workaround: {workaround}")?;
        }
        Ok(())
    }
}

impl std::error::Error for DmError {}
