//! Whether logged rows can be rows of a tracked structure. Pure.
//!
//! A table id survives some DDLs and DDL under `sql_log_bin=0` never appears, so every TABLE_MAP is compared with the history.

use dm_binlog::{TableMap, column_type as logged};
use dm_ddl::{Table, TypeKind};

/// What differs, for people; `None` when the rows fit.
pub(super) fn difference(structure: &Table, map: &TableMap) -> Option<String> {
    if structure.columns.len() != map.columns.len() {
        return Some(format!(
            "they have {} columns, it has {}",
            map.columns.len(),
            structure.columns.len()
        ));
    }
    for (index, (column, logged)) in structure.columns.iter().zip(&map.columns).enumerate() {
        if let Some(kind) = fits(column.ty.kind, logged.type_code) {
            return Some(format!(
                "column {} `{}` is {kind:?}, theirs has the logged type {}",
                index + 1,
                column.name,
                logged.type_code
            ));
        }
        let name = map
            .metadata
            .names
            .as_ref()
            .and_then(|names| names.get(index));
        if let Some(name) = name.filter(|name| !column.is_named(name)) {
            return Some(format!(
                "column {} is `{}`, theirs is `{name}`",
                index + 1,
                column.name
            ));
        }
    }
    None
}

/// The kind itself when a value of it is never logged under this type code.
fn fits(kind: TypeKind, code: u8) -> Option<TypeKind> {
    use TypeKind as K;
    let codes: &[u8] = match kind {
        K::TinyInt => &[logged::TINY],
        K::SmallInt => &[logged::SHORT],
        K::MediumInt => &[logged::INT24],
        K::Int => &[logged::LONG],
        K::BigInt => &[logged::LONGLONG],
        K::Decimal => &[logged::NEWDECIMAL],
        K::Float => &[logged::FLOAT],
        K::Double => &[logged::DOUBLE],
        K::Bit => &[logged::BIT],
        K::Year => &[logged::YEAR],
        K::Date => &[logged::DATE, logged::NEWDATE],
        K::Time => &[logged::TIME, logged::TIME2],
        K::DateTime => &[logged::DATETIME, logged::DATETIME2],
        K::Timestamp => &[logged::TIMESTAMP, logged::TIMESTAMP2],
        K::Enum => &[logged::ENUM],
        K::Set => &[logged::SET],
        K::Json => &[logged::JSON],
        // Character, binary, spatial and MariaDB's own types share a few string codes.
        _ => {
            let numeric = [
                logged::TINY,
                logged::SHORT,
                logged::INT24,
                logged::LONG,
                logged::LONGLONG,
                logged::NEWDECIMAL,
                logged::FLOAT,
                logged::DOUBLE,
                logged::BIT,
                logged::YEAR,
                logged::DATE,
                logged::NEWDATE,
                logged::TIME,
                logged::TIME2,
                logged::DATETIME,
                logged::DATETIME2,
                logged::TIMESTAMP,
                logged::TIMESTAMP2,
                logged::ENUM,
                logged::SET,
                logged::JSON,
            ];
            return numeric.contains(&code).then_some(kind);
        }
    };
    (!codes.contains(&code)).then_some(kind)
}
