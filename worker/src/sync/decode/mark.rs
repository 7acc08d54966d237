//! What a transaction leaves behind so that the stream can be taken up after it: rules R2 and R3.

use std::sync::Arc;

use dm_model::{BinlogPosition, Gtid, Position, TableName, TransactionId};
use serde::{Deserialize, Serialize};

use super::Digest;

/// How the stream stands after a transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark {
    /// Tells the transaction again. `None` for a part that is not the last.
    pub(crate) receipt: Option<Receipt>,
    /// XA transactions that are prepared and not decided after it, oldest first.
    pub(crate) undecided: Arc<Vec<Undecided>>,
}

/// What is needed to ask for a transaction again and to see whether it is still the same one (R2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) id: TransactionId,
    /// Where its first event starts.
    pub(crate) begin: BinlogPosition,
    /// MariaDB asks for what follows a GTID: the one before it in its domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<Gtid>,
    pub(crate) digest: Digest,
}

/// An XA transaction whose rows wait for its XA COMMIT (R3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Undecided {
    /// As MySQL writes it: `X'..',X'..',1`.
    pub(crate) xid: String,
    /// Its XA PREPARE follows this point: reading has to begin here.
    pub(crate) before: Position,
    /// What it touches.
    pub(crate) tables: Vec<TableName>,
}
