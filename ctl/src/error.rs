//! Why an invocation fails; every kind ends with exit code 1.

use std::fmt;

use dm_model::DmError;
use dm_proto::transport::ConnectError;
use tonic::{Code, Status};

/// A failed invocation. A refused operation (`"result": false`) is an answer, not a failure.
#[derive(Debug)]
pub enum CtlError {
    /// The arguments are wrong; the text (with the usage) goes to standard output, as in DM.
    Usage(String),
    /// Anything that one sentence explains.
    Message(String),
    /// No master can be connected to.
    Connect(Vec<ConnectError>),
    /// A master answered with a gRPC error.
    Rpc(Status),
    /// A file or value that is wrong by DM's error catalogue.
    Model(DmError),
    /// Whoever read our output is gone; nothing is left to say.
    OutputClosed,
}

impl CtlError {
    /// A failure that one sentence explains.
    pub fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }
}

impl fmt::Display for CtlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(_) => f.write_str("please check output to see error"),
            Self::Message(text) => f.write_str(text),
            Self::Connect(causes) => {
                f.write_str("can't connect to a master:")?;
                for (index, cause) in causes.iter().enumerate() {
                    write!(f, "{} {cause}", if index == 0 { "" } else { ";" })?;
                }
                f.write_str(". Please check your network connection.")
            }
            Self::Rpc(status) if status.code() == Code::DeadlineExceeded => {
                write!(
                    f,
                    "{}; whether the operation took place is unknown, query-status shows it",
                    status.message()
                )
            }
            Self::Rpc(status) => write!(
                f,
                "rpc error: code = {:?} desc = {}",
                status.code(),
                status.message()
            ),
            Self::Model(error) => error.fmt(f),
            Self::OutputClosed => f.write_str("standard output is closed"),
        }
    }
}

impl std::error::Error for CtlError {}

impl From<DmError> for CtlError {
    fn from(error: DmError) -> Self {
        Self::Model(error)
    }
}
