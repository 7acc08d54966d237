//! What a lane's row says.

use dm_model::{Applied, DmError, Islands, Position, codes};
use serde::{Deserialize, Serialize};

/// Entries of [`Progress::unfinished`]; the oldest go first.
pub(crate) const UNFINISHED_MAX: usize = 64;

/// Durable progress, kept as JSON in each lane's row.
///
/// Every upstream transaction up to `at`, and those of `beyond`, have been dealt with, except for tables that have a cursor of their
/// own: what was acknowledged over all lanes of the stream when the lane's last commit was sent, and what that commit brought (R14). The
/// union over the rows is what is in. The control lane's row also has what belongs to the subtask as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Where the stream goes on. `None`: the row says nothing; in the control lane's, the subtask has not been set up.
    pub(crate) at: Option<Position>,
    /// What is in beyond that: lanes commit out of order.
    #[serde(default, skip_serializing_if = "Islands::is_empty")]
    pub(crate) beyond: Islands,
    /// A DDL that was, or may have been, sent (R23).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) intent: Option<Intent>,
    /// Statements of which a part is carried out; bounded by [`UNFINISHED_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unfinished: Vec<Unfinished>,
    /// The full migration has ended.
    #[serde(default)]
    pub(crate) finished: bool,
}

/// A DDL about to be sent, recorded before it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Intent {
    /// The upstream transaction that carries it, printed.
    pub(crate) transaction: String,
    /// Index of the statement inside that transaction.
    pub(crate) index: usize,
    /// The connection that it is sent on, and its server (R23).
    pub(crate) connection: u64,
    pub(crate) server: String,
    /// The statement as sent.
    pub(crate) statement: String,
    /// Structures of the tables it names at the target, before it: text of SHOW CREATE TABLE, `None` where there was none.
    pub(crate) before: Vec<(String, Option<String>)>,
    /// The target's own ids of the same tables, where it has such.
    #[serde(default)]
    pub(crate) ids: Vec<Option<u64>>,
    /// The operator that stood at the statement: `skip`, `replace`, `inject`, or empty.
    #[serde(default)]
    pub(crate) operator: String,
    /// Modes that the statement has to be read under.
    #[serde(default)]
    pub(crate) ansi_quotes: bool,
    #[serde(default)]
    pub(crate) no_backslash_escapes: bool,
}

/// An upstream statement that takes several at the target, not all of which are through: it goes on after those.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unfinished {
    /// The upstream transaction, printed, and the statement's index in it.
    pub(crate) transaction: String,
    pub(crate) index: usize,
    /// The statements that were carried out, as sent.
    pub(crate) done: Vec<String>,
}

impl Progress {
    /// Progress of a lane that only applies.
    pub(crate) fn of(applied: Applied) -> Self {
        Self::default().with(applied)
    }

    /// The same with other progress of the stream.
    pub(crate) fn with(self, applied: Applied) -> Self {
        Self {
            at: Some(applied.at),
            beyond: applied.beyond,
            ..self
        }
    }

    /// What is in of the stream.
    pub(crate) fn applied(&self) -> Option<Applied> {
        self.at.clone().map(|at| Applied {
            at,
            beyond: self.beyond.clone(),
        })
    }

    /// Reads the column.
    pub(crate) fn from_column(text: &str) -> Result<Self, DmError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|error| {
            DmError::new(
                &codes::META_DAMAGED,
                "the progress column of dm_lane cannot be read",
            )
            .with_cause(error)
        })
    }

    /// Writes the column.
    pub(crate) fn to_column(&self) -> String {
        // Plain structs with string keys always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}
