//! The items of a pre-check.

use dm_model::config::TaskMode;

/// One item, under the name that `ignore-checking-items` uses for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Version,
    ServerId,
    BinlogEnable,
    BinlogFormat,
    BinlogRowImage,
    BinlogDb,
    ReplicationPrivilege,
    DumpPrivilege,
    ConnNumber,
    TargetPrivilege,
    TableSchema,
    OnlineDdl,
    MetaPosition,
    /// What this version can't do at all: never ignored.
    Always,
}

impl Item {
    fn config_name(self) -> Option<&'static str> {
        Some(match self {
            Item::Version => "version",
            Item::ServerId => "server_id",
            Item::BinlogEnable => "binlog_enable",
            Item::BinlogFormat => "binlog_format",
            Item::BinlogRowImage => "binlog_row_image",
            Item::BinlogDb => "binlog_db",
            Item::ReplicationPrivilege => "replication_privilege",
            Item::DumpPrivilege => "dump_privilege",
            Item::ConnNumber => "conn_number",
            Item::TargetPrivilege => "target_privilege",
            Item::TableSchema => "table_schema",
            Item::OnlineDdl => "online_ddl",
            Item::MetaPosition => "meta_position",
            Item::Always => return None,
        })
    }

    fn applies(self, mode: TaskMode) -> bool {
        match self {
            Item::Version | Item::TargetPrivilege | Item::TableSchema | Item::Always => true,
            Item::DumpPrivilege | Item::ConnNumber => mode.loads(),
            _ => mode.syncs(),
        }
    }
}

/// Which items a task wants checked.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    mode: TaskMode,
    ignored: Vec<String>,
}

impl Wanted {
    pub(super) fn new(mode: TaskMode, ignored: &[String]) -> Self {
        Self {
            mode,
            ignored: ignored.to_vec(),
        }
    }

    /// Nothing shall be checked at all.
    pub(super) fn nothing(&self) -> bool {
        self.ignored.iter().any(|name| name == "all")
    }

    pub(super) fn wants(&self, item: Item) -> bool {
        item.applies(self.mode)
            && !self
                .ignored
                .iter()
                .any(|name| Some(name.as_str()) == item.config_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_ignored_items_decide() {
        let full = Wanted::new(TaskMode::Full, &["version".into()]);
        assert!(
            !full.wants(Item::Version)
                && !full.wants(Item::BinlogFormat)
                && full.wants(Item::DumpPrivilege)
        );
        let sync = Wanted::new(TaskMode::Incremental, &["all".into()]);
        assert!(
            sync.nothing() && sync.wants(Item::BinlogFormat) && !sync.wants(Item::DumpPrivilege)
        );
    }
}
