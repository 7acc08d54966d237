//! Rows as expressions see them.

use dm_ddl::{Column, Table, TypeKind};
use dm_model::rules::{
    Datum, Decimal, ExpressionColumn, ExpressionType, parse_datetime, parse_time_micros,
};

use crate::sync::value::Value;

/// The columns of a table, for binding.
pub(super) fn columns(structure: &Table) -> Vec<ExpressionColumn> {
    structure
        .columns
        .iter()
        .map(|column| ExpressionColumn {
            name: column.name.clone(),
            ty: expression_type(column, structure),
        })
        .collect()
}

fn expression_type(column: &Column, structure: &Table) -> ExpressionType {
    use TypeKind as K;
    if column.generated.is_some() {
        return ExpressionType::Unsupported("a generated column".to_owned());
    }
    let ty = &column.ty;
    match ty.kind {
        K::TinyInt | K::SmallInt | K::MediumInt | K::Int | K::BigInt => ExpressionType::Int {
            unsigned: ty.unsigned,
        },
        K::Year => ExpressionType::Int { unsigned: true },
        K::Decimal => ExpressionType::Decimal,
        K::Float | K::Double => ExpressionType::Double,
        K::Date => ExpressionType::Date,
        K::DateTime | K::Timestamp => ExpressionType::DateTime,
        K::Time => ExpressionType::Time,
        // A BINARY(n) compares with its padding.
        K::VarBinary | K::TinyBlob | K::Blob | K::MediumBlob | K::LongBlob => ExpressionType::Bytes,
        kind if kind.has_charset() => ExpressionType::Text {
            collation: ty
                .collation
                .clone()
                .or_else(|| structure.collation.clone())
                .unwrap_or_else(|| "of its character set".to_owned()),
        },
        kind => ExpressionType::Unsupported(format!("of type {kind:?}")),
    }
}

/// A value of a column; what is not of its type is NULL for nobody: the evaluation refuses it.
pub(super) fn datum(value: &Value, column: &Column) -> Datum {
    match value {
        Value::Null => Datum::Null,
        Value::UInt(index) if column.ty.kind == TypeKind::Enum => Datum::Text(
            usize::try_from(*index)
                .ok()
                .and_then(|index| column.ty.elements.get(index.checked_sub(1)?))
                .cloned()
                .unwrap_or_default(),
        ),
        Value::UInt(bits) if column.ty.kind == TypeKind::Set => {
            let members = column.ty.elements.iter().take(64).enumerate();
            let names: Vec<&str> = members
                .filter(|(index, _)| bits >> index & 1 == 1)
                .map(|(_, name)| name.as_str())
                .collect();
            Datum::Text(names.join(","))
        }
        Value::Int(number) => Datum::Int(i128::from(*number)),
        Value::UInt(number) => Datum::Int(i128::from(*number)),
        Value::Float(number) => Datum::Double(f64::from(*number)),
        Value::Double(number) => Datum::Double(*number),
        Value::Number(text) => {
            Decimal::parse(text).map_or_else(|| Datum::Text(text.clone()), Datum::Decimal)
        }
        Value::Time(text) if column.ty.kind == TypeKind::Time => {
            parse_time_micros(text).map_or_else(|| Datum::Text(text.clone()), Datum::Time)
        }
        Value::Time(text) => {
            parse_datetime(text).map_or_else(|| Datum::Text(text.clone()), Datum::DateTime)
        }
        Value::Text(text) | Value::Json(text) => Datum::Text(text.clone()),
        Value::Bytes(bytes) => Datum::Bytes(bytes.clone()),
    }
}
