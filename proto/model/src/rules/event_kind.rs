//! Names of events in filter rules.

/// How `all dml`, `all ddl` and `incompatible ddl changes` group events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventClass {
    /// Row changes.
    Dml,
    /// Statements after which applications of before go on working.
    Ddl,
    /// Statements that take something away or change its meaning. They are DDL too. DM's list also has
    /// what its syncer never reports, such as `add column`; those are [`EventClass::Ddl`] here.
    Incompatible,
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $class:ident;)+) => {
        /// One kind of event; the names are DM's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventKind {
            $(#[doc = concat!("`", $name, "`.")] $kind,)+
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// As it is written in `events`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// Its class.
            pub fn class(self) -> EventClass {
                match self { $(Self::$kind => EventClass::$class,)+ }
            }
        }
    };
}

event_kinds! {
    Insert = "insert", Dml;
    Update = "update", Dml;
    Delete = "delete", Dml;
    CreateDatabase = "create database", Ddl;
    AlterDatabase = "alter database", Ddl;
    CreateTable = "create table", Ddl;
    CreateIndex = "create index", Ddl;
    CreateView = "create view", Ddl;
    DropView = "drop view", Ddl;
    AlterTable = "alter table", Ddl;
    AddTablePartition = "add table partition", Ddl;
    DropDatabase = "drop database", Incompatible;
    DropTable = "drop table", Incompatible;
    TruncateTable = "truncate table", Incompatible;
    RenameTable = "rename table", Incompatible;
    DropIndex = "drop index", Incompatible;
    DropTablePartition = "drop table partition", Incompatible;
    TruncateTablePartition = "truncate table partition", Incompatible;
    AddForeignKey = "add foreign key", Incompatible;
    DropForeignKey = "drop foreign key", Incompatible;
    ValueRangeDecrease = "value range decrease", Incompatible;
    PrecisionDecrease = "precision decrease", Incompatible;
    ModifyColumn = "modify column", Incompatible;
    RenameColumn = "rename column", Incompatible;
    RenameIndex = "rename index", Incompatible;
    DropColumn = "drop column", Incompatible;
    DropPrimaryKey = "drop primary key", Incompatible;
    DropUniqueKey = "drop unique key", Incompatible;
    ModifyDefaultValue = "modify default value", Incompatible;
    ModifyConstraint = "modify constraint", Incompatible;
    ModifyColumnsOrder = "modify columns order", Incompatible;
    ModifyCharset = "modify charset", Incompatible;
    ModifyCollation = "modify collation", Incompatible;
    RemoveAutoIncrement = "remove auto increment", Incompatible;
    ModifyStorageEngine = "modify storage engine", Incompatible;
    ReorganizePartition = "reorganize table partition", Incompatible;
    RebuildPartition = "rebuild table partition", Incompatible;
    CoalescePartition = "coalesce table partition", Incompatible;
    SplitPartition = "split table partition", Incompatible;
    ExchangePartition = "exchange table partition", Incompatible;
    ModifySchemaCharset = "modify schema charset and collate", Incompatible;
    ModifyTableCharset = "modify table charset and collate", Incompatible;
    ModifyTableComment = "modify table comment", Ddl;
    RecoverTable = "recover table", Ddl;
    AlterTablePartitioning = "alter table partitioning", Incompatible;
    RemoveTablePartitioning = "remove table partitioning", Incompatible;
    AddColumn = "add column", Ddl;
    SetDefaultValue = "set default value", Ddl;
    RebaseAutoId = "rebase auto id", Ddl;
    AddPrimaryKey = "add primary key", Ddl;
    AlterIndexVisibility = "alter index visibility", Ddl;
    AlterTtlInfo = "alter ttl info", Ddl;
    AlterTtlRemove = "alter ttl remove", Ddl;
    MultiSchemaChange = "multi schema change", Ddl;
}

/// An entry of `events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventName {
    All,
    None,
    AllOf(bool),
    NoneOf(bool),
    Incompatible,
    Kind(EventKind),
    /// DM accepts the empty text; it is no event's name.
    Nothing,
}

impl EventName {
    /// `true` in [`EventName::AllOf`] and [`EventName::NoneOf`] is DML.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        Some(match text.as_str() {
            "" => Self::Nothing,
            "all" => Self::All,
            "none" => Self::None,
            "all dml" => Self::AllOf(true),
            "all ddl" => Self::AllOf(false),
            "none dml" => Self::NoneOf(true),
            "none ddl" => Self::NoneOf(false),
            "incompatible ddl changes" => Self::Incompatible,
            "create schema" => Self::Kind(EventKind::CreateDatabase),
            "alter schema" => Self::Kind(EventKind::AlterDatabase),
            "drop schema" => Self::Kind(EventKind::DropDatabase),
            name => Self::Kind(
                EventKind::ALL
                    .iter()
                    .copied()
                    .find(|kind| kind.name() == name)?,
            ),
        })
    }

    /// What this entry says about an event; `None`: nothing, the next entry decides.
    pub(super) fn decides(self, kind: EventKind) -> Option<bool> {
        let dml = kind.class() == EventClass::Dml;
        match self {
            Self::All => Some(true),
            Self::None => Some(false),
            Self::AllOf(of_dml) => (of_dml == dml).then_some(true),
            Self::NoneOf(of_dml) => (of_dml == dml).then_some(false),
            Self::Incompatible => (kind.class() == EventClass::Incompatible).then_some(true),
            Self::Kind(own) => (own == kind).then_some(true),
            Self::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_in_any_case() {
        for kind in EventKind::ALL {
            let name = kind.name();
            assert_eq!(EventName::parse(name), Some(EventName::Kind(*kind)));
            assert_eq!(
                EventName::parse(&name.to_uppercase()),
                Some(EventName::Kind(*kind))
            );
        }
        assert_eq!(EventName::parse("drop tables"), None);
    }

    #[test]
    fn the_incompatible_class_has_what_takes_away() {
        for kind in [
            EventKind::DropTable,
            EventKind::TruncateTable,
            EventKind::RenameTable,
            EventKind::DropIndex,
            EventKind::DropColumn,
        ] {
            assert_eq!(
                EventName::Incompatible.decides(kind),
                Some(true),
                "{kind:?}"
            );
        }
        assert_eq!(
            EventName::Incompatible.decides(EventKind::CreateTable),
            None
        );
        assert_eq!(EventName::Incompatible.decides(EventKind::Delete), None);
        assert_eq!(
            EventName::AllOf(false).decides(EventKind::DropTable),
            Some(true)
        );
    }
}
