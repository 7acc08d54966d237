//! Which events a statement is, for the filters: by its clauses and by what they did to the structure. Pure.

use dm_ddl::{
    AlterClause, AlterSpec, Column, DefaultClause, Key, Kind, Statement, Table, TypeKind,
};
use dm_model::rules::EventKind as E;

/// For each clause the kinds that it is of. A statement that has no kind of its own is of none.
pub(super) fn events(
    statement: &Statement,
    before: Option<&Table>,
    after: Option<&Table>,
) -> Vec<Vec<E>> {
    let one = |kind| vec![vec![kind]];
    match statement.kind() {
        Kind::CreateDatabase { .. } => one(E::CreateDatabase),
        Kind::AlterDatabase { .. } => vec![vec![E::AlterDatabase, E::ModifySchemaCharset]],
        Kind::DropDatabase { .. } => one(E::DropDatabase),
        Kind::CreateTable(_) | Kind::CreateTableLike { .. } | Kind::CreateTableSelect(_) => {
            one(E::CreateTable)
        }
        Kind::DropTable { .. } => one(E::DropTable),
        Kind::RenameTable { .. } => one(E::RenameTable),
        Kind::TruncateTable { .. } => one(E::TruncateTable),
        Kind::CreateIndex { .. } => one(E::CreateIndex),
        Kind::DropIndex { name, .. } => vec![dropped_key(before, name)],
        Kind::AlterTable(alter) => altered(&alter.clauses, before, after),
        _ => Vec::new(),
    }
}

/// Clauses that change nothing we know of (ALGORITHM, LOCK) count only when there is no other.
fn altered(clauses: &[AlterClause], before: Option<&Table>, after: Option<&Table>) -> Vec<Vec<E>> {
    let telling: Vec<Vec<E>> = clauses
        .iter()
        .filter(|clause| clause.spec != AlterSpec::Other)
        .map(|clause| clause_events(&clause.spec, before, after))
        .collect();
    if telling.is_empty() {
        vec![vec![E::AlterTable]]
    } else {
        telling
    }
}

fn clause_events(spec: &AlterSpec, before: Option<&Table>, after: Option<&Table>) -> Vec<E> {
    match spec {
        AlterSpec::AddColumn { .. } => vec![E::AddColumn, E::AlterTable],
        AlterSpec::ChangeColumn { old, column, .. } => {
            changed_column(before, after, old, &column.name)
        }
        AlterSpec::RenameColumn { .. } => vec![E::RenameColumn],
        AlterSpec::DropColumn { .. } => vec![E::DropColumn],
        AlterSpec::AlterColumn { change, .. } => match change {
            DefaultClause::Visible | DefaultClause::Invisible => vec![E::AlterTable],
            _ => vec![E::ModifyDefaultValue, E::SetDefaultValue],
        },
        AlterSpec::AddKey(key) if key.kind == dm_ddl::KeyKind::Primary => {
            vec![E::AddPrimaryKey, E::AlterTable]
        }
        AlterSpec::AddKey(_) => vec![E::CreateIndex, E::AlterTable],
        AlterSpec::AddForeignKey(_) => vec![E::AddForeignKey, E::ModifyConstraint],
        AlterSpec::AddCheck { .. } | AlterSpec::DropCheck { .. } => vec![E::ModifyConstraint],
        AlterSpec::DropPrimaryKey { .. } => vec![E::DropPrimaryKey],
        AlterSpec::DropKey { name, .. } => dropped_key(before, name),
        AlterSpec::DropForeignKey { .. } => vec![E::DropForeignKey, E::ModifyConstraint],
        AlterSpec::DropConstraint { name, .. } => {
            let mut events = vec![E::ModifyConstraint];
            if let Some(table) = before {
                if table.key(name).is_some_and(Key::is_unique) {
                    events.extend(dropped_key(before, name));
                } else if table.foreign_keys.iter().any(|key| key.name == *name) {
                    events.push(E::DropForeignKey);
                }
            }
            events
        }
        AlterSpec::RenameKey { .. } => vec![E::RenameIndex],
        AlterSpec::RenameTable(_) => vec![E::RenameTable],
        AlterSpec::ConvertCharset(_) => {
            vec![E::ModifyCharset, E::ModifyCollation, E::ModifyTableCharset]
        }
        AlterSpec::Options(options) => {
            let mut events = Vec::new();
            if options.charset.charset.is_some() {
                events.extend([E::ModifyCharset, E::ModifyTableCharset]);
            }
            if options.charset.collation.is_some() {
                events.extend([E::ModifyCollation, E::ModifyTableCharset]);
            }
            if options.engine.is_some() {
                events.push(E::ModifyStorageEngine);
            }
            if events.is_empty() {
                events.push(E::AlterTable);
            }
            events
        }
        AlterSpec::Partitioning(true) => vec![E::AlterTablePartitioning],
        AlterSpec::Partitioning(false) => vec![E::RemoveTablePartitioning],
        AlterSpec::PartitionOperation { what, .. } => vec![partition(what)],
        AlterSpec::AddPeriod { .. } | AlterSpec::SystemVersioning | AlterSpec::Other => {
            vec![E::AlterTable]
        }
    }
}

fn partition(what: &str) -> E {
    match what.split_whitespace().next().unwrap_or_default() {
        "ADD" => E::AddTablePartition,
        "DROP" => E::DropTablePartition,
        "TRUNCATE" => E::TruncateTablePartition,
        "EXCHANGE" => E::ExchangePartition,
        "REORGANIZE" => E::ReorganizePartition,
        "REBUILD" => E::RebuildPartition,
        "COALESCE" => E::CoalescePartition,
        _ => E::AlterTable,
    }
}

fn dropped_key(before: Option<&Table>, name: &str) -> Vec<E> {
    if name.eq_ignore_ascii_case("PRIMARY") {
        return vec![E::DropPrimaryKey, E::DropIndex];
    }
    match before.and_then(|table| table.key(name)) {
        Some(key) if key.is_unique() => vec![E::DropUniqueKey, E::DropIndex],
        _ => vec![E::DropIndex],
    }
}

/// MODIFY and CHANGE, by what became of the column; one that only widens it is a plain `alter table`.
fn changed_column(before: Option<&Table>, after: Option<&Table>, old: &str, new: &str) -> Vec<E> {
    let (Some(before), Some(after)) = (before, after) else {
        return vec![E::ModifyColumn];
    };
    let (Some(was), Some(is)) = (before.column(old), after.column(new)) else {
        return vec![E::ModifyColumn];
    };
    let mut events = Vec::new();
    if !was.is_named(&is.name) {
        events.push(E::RenameColumn);
    }
    events.extend(type_events(was, is));
    if was.auto_increment && !is.auto_increment {
        events.push(E::RemoveAutoIncrement);
    }
    if was.has_default != is.has_default || was.on_update_now != is.on_update_now {
        events.push(E::ModifyDefaultValue);
    }
    if was.ty.charset != is.ty.charset {
        events.push(E::ModifyCharset);
    }
    if was.ty.collation != is.ty.collation {
        events.push(E::ModifyCollation);
    }
    if before.column_index(old) != after.column_index(new) {
        events.push(E::ModifyColumnsOrder);
    }
    if events.is_empty() {
        events.push(E::AlterTable);
    }
    events
}

fn type_events(was: &Column, is: &Column) -> Vec<E> {
    let mut events = Vec::new();
    let (from, to) = (&was.ty, &is.ty);
    let sizes = (rank(from.kind), rank(to.kind));
    match sizes {
        (Some((family, width)), Some((other, new_width))) if family == other => {
            if new_width < width {
                events.push(E::ValueRangeDecrease);
            }
        }
        _ if from.kind == to.kind => {}
        _ => events.push(E::ModifyColumn),
    }
    if from.unsigned != to.unsigned || (was.nullable && !is.nullable) {
        events.push(E::ModifyColumn);
    }
    let shorter = |from: Option<u32>, to: Option<u32>| match (from, to) {
        (Some(from), Some(to)) => to < from,
        (Some(from), None) => from > 0,
        _ => false,
    };
    if from.kind == to.kind {
        if from.kind == TypeKind::Decimal {
            let whole = |ty: &dm_ddl::Type| {
                ty.length
                    .unwrap_or(10)
                    .saturating_sub(ty.decimals.unwrap_or(0))
            };
            if whole(to) < whole(from) {
                events.push(E::ValueRangeDecrease);
            }
        } else if shorter(from.length, to.length) && !from.kind.is_integer() {
            events.push(E::ValueRangeDecrease);
        }
        if shorter(from.decimals, to.decimals) {
            events.push(E::PrecisionDecrease);
        }
        let kept = from
            .elements
            .iter()
            .zip(&to.elements)
            .filter(|(from, to)| from == to)
            .count();
        if kept < from.elements.len() {
            events.push(E::ValueRangeDecrease);
        }
    } else if from.kind == TypeKind::Double && to.kind == TypeKind::Float {
        events.push(E::PrecisionDecrease);
    }
    events
}

/// Types of one family hold the same kind of value, those of a higher rank more of them.
fn rank(kind: TypeKind) -> Option<(u8, u8)> {
    use TypeKind as K;
    Some(match kind {
        K::TinyInt => (0, 1),
        K::SmallInt => (0, 2),
        K::MediumInt => (0, 3),
        K::Int => (0, 4),
        K::BigInt => (0, 8),
        K::Float => (1, 1),
        K::Double => (1, 2),
        K::Char | K::VarChar => (2, 1),
        K::TinyText => (2, 2),
        K::Text => (2, 3),
        K::MediumText => (2, 4),
        K::LongText => (2, 5),
        K::Binary | K::VarBinary => (3, 1),
        K::TinyBlob => (3, 2),
        K::Blob => (3, 3),
        K::MediumBlob => (3, 4),
        K::LongBlob => (3, 5),
        _ => return None,
    })
}

#[cfg(test)]
#[path = "ddl_events_test.rs"]
mod tests;
