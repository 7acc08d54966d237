//! Names that users give and numbers that the cluster gives.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{DmError, ErrorCode, codes};

/// Meta tables keep the source id in a column of this many bytes.
pub const SOURCE_ID_BYTES_MAX: usize = 32;
/// Meta tables keep the task name in a column of this many characters.
pub const TASK_NAME_CHARS_MAX: usize = 128;
/// Bound for a process name; it only has to fit messages and tables of `dmctl`.
pub const WORKER_NAME_BYTES_MAX: usize = 255;

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and wraps it.
            pub fn new(text: &str) -> Result<Self, DmError> {
                $check(text)?;
                Ok(Self(text.to_owned()))
            }

            /// Same as [`Self::new`].
            pub fn parse(text: &str) -> Result<Self, DmError> {
                Self::new(text)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = DmError;

            fn from_str(text: &str) -> Result<Self, DmError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = DmError;

            fn try_from(text: String) -> Result<Self, DmError> {
                $check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

macro_rules! number_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

name_type! {
    /// Name of one upstream server, as `source-id` in its file.
    SourceId, check_source_id
}
name_type! {
    /// Name of one migration task.
    TaskName, check_task_name
}
name_type! {
    /// Name of one worker process.
    WorkerName, check_worker_name
}

number_type! {
    /// Log index of the entry that authorised a start; larger is newer.
    Epoch
}
number_type! {
    /// Random number of one process start: two processes of one name differ in it.
    Incarnation
}
number_type! {
    /// Log index of a task's creation with fresh meta rows.
    Generation
}
number_type! {
    /// Number given to a cluster when it was formed.
    ClusterId
}
number_type! {
    /// Index of an entry in the replicated log.
    LogIndex
}

/// The lower bits of a cluster id count how often the cluster was recovered from the loss of its majority.
const RECOVERIES_MASK: u64 = 0xffff;

impl ClusterId {
    /// The id of a new cluster, made of a random number.
    pub fn new_family(random: u64) -> Self {
        // 0 means "none" everywhere.
        Self((random & !RECOVERIES_MASK).max(RECOVERIES_MASK + 1))
    }

    /// The id after one more recovery; `None` when there were as many as can be counted.
    pub fn successor(self) -> Option<Self> {
        (self.0 & RECOVERIES_MASK < RECOVERIES_MASK).then(|| Self(self.0 + 1))
    }

    /// True when this cluster was recovered from that one: what belonged to that one is ours now.
    pub fn succeeds(self, older: Self) -> bool {
        self.0 > older.0 && self.0 & !RECOVERIES_MASK == older.0 & !RECOVERIES_MASK
    }
}

fn check_source_id(text: &str) -> Result<(), DmError> {
    if text.is_empty() {
        return Err(DmError::new(
            &codes::WORKER_NEED_SOURCE_ID,
            "source-id is empty",
        ));
    }
    if text.len() > SOURCE_ID_BYTES_MAX {
        return Err(DmError::new(
            &codes::WORKER_TOO_LONG_SOURCE_ID,
            format!(
                "source-id {text:?} has {} bytes; at most {SOURCE_ID_BYTES_MAX} are allowed",
                text.len()
            ),
        ));
    }
    refuse_control(text, "source-id", &codes::WORKER_NEED_SOURCE_ID)
}

fn check_task_name(text: &str) -> Result<(), DmError> {
    if text.is_empty() {
        return Err(DmError::new(
            &codes::CONFIG_NEED_UNIQUE_TASK_NAME,
            "the key name is missing or empty",
        ));
    }
    let chars = text.chars().count();
    if chars > TASK_NAME_CHARS_MAX {
        return Err(DmError::new(
            &codes::CONFIG_NEED_UNIQUE_TASK_NAME,
            format!(
                "task name {text:?} has {chars} characters; at most {TASK_NAME_CHARS_MAX} are allowed"
            ),
        ));
    }
    refuse_control(text, "name", &codes::CONFIG_NEED_UNIQUE_TASK_NAME)
}

fn check_worker_name(text: &str) -> Result<(), DmError> {
    if text.is_empty() || text.len() > WORKER_NAME_BYTES_MAX {
        return Err(DmError::new(
            &codes::WORKER_INVALID_FLAG,
            format!(
                "a worker name has 1 to {WORKER_NAME_BYTES_MAX} bytes, this has {}",
                text.len()
            ),
        ));
    }
    refuse_control(text, "worker name", &codes::WORKER_INVALID_FLAG)
}

fn refuse_control(text: &str, what: &str, code: &'static ErrorCode) -> Result<(), DmError> {
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(DmError::new(
            code,
            format!("{what} {text:?} contains the control character {c:?}"),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_id_is_bounded_in_bytes() {
        assert_eq!(SourceId::new("").unwrap_err().code, 40005);
        assert_eq!(SourceId::new(&"é".repeat(17)).unwrap_err().code, 40006);
        assert_eq!(SourceId::new("mysql-01").unwrap().as_str(), "mysql-01");
    }

    #[test]
    fn names_pass_serde_as_plain_text_and_are_checked() {
        let name: TaskName = serde_json::from_str("\"t\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"t\"");
        assert!(serde_json::from_str::<TaskName>("\"\"").is_err());
        assert!(serde_json::from_str::<WorkerName>("\"a\\u0007\"").is_err());
    }

    #[test]
    fn a_recovered_cluster_succeeds_the_one_that_it_was() {
        let first = ClusterId::new_family(0);
        assert_ne!(first, ClusterId(0));
        let next = first.successor().expect("counts on");
        assert!(next.succeeds(first) && !first.succeeds(next) && !first.succeeds(first));
        let other = ClusterId::new_family(u64::MAX);
        assert!(!other.succeeds(first) && !first.succeeds(other));
        assert_eq!(ClusterId(RECOVERIES_MASK).successor(), None);
    }
}
