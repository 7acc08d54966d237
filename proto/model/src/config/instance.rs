//! One source's entry in a task.

use serde::{Deserialize, Serialize};

use super::{LoaderConfig, MydumperConfig, SyncerConfig};
use crate::error::{DmError, codes};
use crate::flavor::Flavor;
use crate::ids::SourceId;
use crate::position::{BinlogPosition, GtidSet, Position};

/// An entry of `mysql-instances`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Instance {
    /// The source.
    pub source_id: SourceId,
    /// Where an incremental task starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
    /// Names in `routes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub route_rules: Vec<String>,
    /// Names in `filters`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filter_rules: Vec<String>,
    /// Names in `expression-filter`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expression_filters: Vec<String>,
    /// Names in `column-mappings`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub column_mapping_rules: Vec<String>,
    /// Names in `masks`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mask_rules: Vec<String>,
    /// Name in `block-allow-list`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub block_allow_list: String,
    /// Name in `mydumpers`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mydumper_config_name: String,
    /// Instead of a name: the block itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mydumper: Option<MydumperConfig>,
    /// Not 0: replaces `threads` of the block.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mydumper_thread: u32,
    /// Name in `loaders`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub loader_config_name: String,
    /// Instead of a name: the block itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loader: Option<LoaderConfig>,
    /// Not 0: replaces `pool-size` of the block.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub loader_thread: u32,
    /// Name in `syncers`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub syncer_config_name: String,
    /// Instead of a name: the block itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syncer: Option<SyncerConfig>,
    /// Not 0: replaces `worker-count` of the block.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub syncer_thread: u32,
    /// Name in `validators`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub validator_config_name: String,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Where the first event of a binlog file stands; servers refuse to start before it.
const FIRST_EVENT: u64 = 4;

/// Where an incremental task starts; name or GTID set is given.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Meta {
    /// Binlog file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub binlog_name: String,
    /// Offset in it.
    pub binlog_pos: u64,
    /// GTID set; wins over file and offset when the source uses GTIDs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub binlog_gtid: String,
}

impl Meta {
    /// The position it names. The server is not known from a file and left empty.
    pub fn position(&self, flavor: Flavor) -> Result<Position, DmError> {
        if self.binlog_name.is_empty() && self.binlog_gtid.is_empty() {
            return Err(DmError::new(
                &codes::CONFIG_META_INVALID,
                "meta has neither binlog-name nor binlog-gtid",
            ));
        }
        let gtid = match self.binlog_gtid.as_str() {
            "" => None,
            text => Some(GtidSet::parse_for(flavor, text)?),
        };
        Ok(Position {
            gtid,
            binlog: BinlogPosition::new(self.binlog_name.clone(), self.binlog_pos.max(FIRST_EVENT)),
            server: String::new(),
        })
    }
}
