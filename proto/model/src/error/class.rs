//! The three enumerations of DM's error scheme.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $(
                #[doc = concat!("`", $text, "`")]
                #[serde(rename = $text)]
                $variant,
            )+
        }

        impl $name {
            /// All values, in DM's order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// DM's spelling.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text),+
                }
            }

            /// Reads DM's spelling.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named! {
    /// Subsystem an error belongs to.
    Class {
        Database = "database",
        Functional = "functional",
        Config = "config",
        BinlogOp = "binlog-op",
        Checkpoint = "checkpoint",
        TaskCheck = "task-check",
        SourceCheck = "source-check",
        RelayEventLib = "relay-event-lib",
        RelayUnit = "relay-unit",
        DumpUnit = "dump-unit",
        LoadUnit = "load-unit",
        SyncUnit = "sync-unit",
        DmMaster = "dm-master",
        DmWorker = "dm-worker",
        DmTracer = "dm-tracer",
        SchemaTracker = "schema-tracker",
        Scheduler = "scheduler",
        Dmctl = "dmctl",
        NotSet = "not-set",
        Openapi = "openapi",
        Validator = "validator",
        Ha = "ha",
    }
}

named! {
    /// Side on which an error happened.
    Scope {
        NotSet = "not-set",
        Upstream = "upstream",
        Downstream = "downstream",
        Internal = "internal",
    }
}

named! {
    /// Severity of an error.
    Level {
        Low = "low",
        Medium = "medium",
        High = "high",
    }
}
