//! Progress per table, which a worker sends as JSON in `ProcessResult.detail`.
//!
//! DM leaves that field empty, so its scripts never look inside. Members that are missing have their defaults, and unknown ones
//! are passed over: workers and `dmctl` may differ in version.

use dm_proto::pb::SubTaskStatus;
use serde::{Deserialize, Serialize};

/// Where a table is on its way from the source to the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableState {
    /// Its rows are being copied.
    Loading,
    /// Its turn has not come.
    Waiting,
    /// It is copied and waits to catch up.
    Loaded,
    /// It has caught up; the stream has not reached that point yet.
    Joining,
    /// It was stopped by a command.
    Paused,
    /// It follows the binlog.
    Joined,
    /// It has an error and is left out until resumed.
    Stopped,
    /// It was resumed and is applied from where it had stopped.
    #[serde(rename = "catching up")]
    CatchingUp,
    /// A state that this program does not know.
    #[default]
    #[serde(other)]
    Other,
}

impl TableState {
    /// The word that the worker uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Waiting => "waiting",
            Self::Loaded => "loaded",
            Self::Joining => "joining",
            Self::Paused => "paused",
            Self::Joined => "joined",
            Self::Stopped => "stopped",
            Self::CatchingUp => "catching up",
            Self::Other => "unknown",
        }
    }
}

/// Progress of one table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableProgress {
    /// Table at the source, quoted.
    pub source: String,
    /// Table at the target, quoted.
    pub target: String,
    /// Where it is.
    pub state: TableState,
    /// Rows copied.
    pub rows: u64,
    /// Rows that the source's statistics promise; may be less than what is found.
    pub rows_estimated: u64,
    /// Bytes copied.
    pub bytes: u64,
    /// Why it is stopped.
    pub error: Option<String>,
    /// Changes that met other rows at the target than they should.
    pub mismatches: u64,
    /// The first of these.
    pub first_mismatch: Option<String>,
}

/// What a worker tells about a subtask beyond DM's fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// All tables of the subtask.
    pub tables: Vec<TableProgress>,
    /// How far the target is behind the source; absent while unknown.
    pub lag_ms: Option<u64>,
    /// Position in the source's binlog up to which everything is in the target.
    pub position: String,
    /// Epoch that the subtask runs under.
    pub epoch: u64,
    /// Changes that met other rows at the target than they should.
    pub mismatches: u64,
}

impl Detail {
    /// The detail of a subtask; empty when the worker sent none or one that is not understood.
    pub fn of(subtask: &SubTaskStatus) -> Self {
        let bytes = subtask
            .result
            .as_ref()
            .map_or(&[][..], |result| result.detail.as_slice());
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    /// Number of tables in a state.
    pub fn count(&self, state: TableState) -> usize {
        self.tables
            .iter()
            .filter(|table| table.state == state)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use dm_proto::pb::ProcessResult;

    use super::*;

    fn subtask(detail: &str) -> SubTaskStatus {
        let result = ProcessResult {
            detail: detail.as_bytes().to_vec(),
            ..Default::default()
        };
        SubTaskStatus {
            result: Some(result),
            ..Default::default()
        }
    }

    #[test]
    fn reads_what_workers_send() {
        let text = r#"{"tables":[{"source":"`a`.`b`","target":"`c`.`d`","state":"loading","rows":5,"rows_estimated":10,
            "bytes":700,"error":null},{"state":"melting"}],"lag_ms":40,"position":"(f, 4)","epoch":7,"mismatches":1,"new":[]}"#;
        let detail = Detail::of(&subtask(text));
        assert_eq!(detail.tables.len(), 2);
        assert_eq!(detail.count(TableState::Loading), 1);
        assert_eq!(detail.count(TableState::Other), 1);
        assert_eq!(
            (detail.lag_ms, detail.epoch, detail.mismatches),
            (Some(40), 7, 1)
        );
    }

    #[test]
    fn every_word_of_a_worker_is_known() {
        for word in [
            "waiting",
            "loading",
            "loaded",
            "joined",
            "stopped",
            "catching up",
        ] {
            let detail = Detail::of(&subtask(&format!(r#"{{"tables":[{{"state":"{word}"}}]}}"#)));
            assert_eq!(detail.tables[0].state.word(), word);
        }
    }

    #[test]
    fn silence_and_noise_are_nothing() {
        for text in ["", "{", "[]", "\u{0}", "{\"tables\":7}"] {
            assert_eq!(Detail::of(&subtask(text)), Detail::default(), "{text}");
        }
        assert_eq!(Detail::of(&SubTaskStatus::default()), Detail::default());
    }
}
