//! What to do with each column of one table, worked out once per structure.

use std::sync::Arc;

use dm_ddl::{Column, Key, Table, TypeKind};
use dm_model::{DmError, TableName, codes};

use super::Charset;

/// A table as its rows are read and written.
#[derive(Debug)]
pub(crate) struct TablePlan {
    pub(crate) source: TableName,
    pub(crate) target: TableName,
    /// In binlog order, generated ones included.
    pub(crate) columns: Vec<PlannedColumn>,
    /// Indexes of the columns of the key that finds a row; empty: rows are found by all columns.
    pub(crate) key: Vec<usize>,
    /// All unique keys of the source table.
    pub(crate) unique: Vec<Key>,
    /// For the decoder: is the column unsigned?
    pub(crate) unsigned: Vec<bool>,
}

/// A column of a [`TablePlan`].
#[derive(Debug)]
pub(crate) struct PlannedColumn {
    pub(crate) column: Column,
    pub(crate) charset: Charset,
    /// Generated columns are left to the target.
    pub(crate) written: bool,
}

impl TablePlan {
    /// Fails when a column's values cannot be carried over exactly.
    pub(crate) fn new(
        source: &TableName,
        target: TableName,
        structure: &Table,
    ) -> Result<Arc<Self>, DmError> {
        let columns = structure
            .columns
            .iter()
            .map(|column| {
                let name = charset_of(column, structure);
                let charset = Charset::by_name(&name).ok_or_else(|| {
                    DmError::new(
                        &codes::UNSUPPORTED_COLUMN,
                        format!("column `{}` of {source} has character set {name}, which cannot be carried over yet", column.name),
                    )
                    .with_workaround("convert the column to utf8mb4, or leave the table out by the block-allow-list")
                })?;
                Ok(PlannedColumn { column: column.clone(), charset, written: column.generated.is_none() })
            })
            .collect::<Result<Vec<_>, DmError>>()?;
        Ok(Arc::new(Self {
            source: source.clone(),
            target,
            key: find_key(structure),
            unique: structure
                .keys
                .iter()
                .filter(|key| key.is_unique())
                .cloned()
                .collect(),
            unsigned: structure
                .columns
                .iter()
                .map(|column| column.ty.unsigned)
                .collect(),
            columns,
        }))
    }

    /// The columns that are written, with their indexes.
    pub(crate) fn written(&self) -> impl Iterator<Item = (usize, &PlannedColumn)> {
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.written)
    }

    /// `schema`.`table` of the target, quoted.
    pub(crate) fn target_name(&self) -> String {
        self.target.to_string()
    }
}

/// The key that finds a row at the target: primary, else a unique one without NULLs. A key over a generated column is not used,
/// as the target computes that column by itself.
fn find_key(structure: &Table) -> Vec<usize> {
    structure
        .unique_not_null_key()
        .filter(|key| {
            key.iter().all(|index| {
                structure
                    .columns
                    .get(*index)
                    .is_some_and(|column| column.generated.is_none())
            })
        })
        .unwrap_or_default()
}

fn charset_of(column: &Column, structure: &Table) -> String {
    use TypeKind::{Char, Enum, LongText, MediumText, Set, Text, TinyText, VarChar};
    match column.ty.kind {
        Char | VarChar | TinyText | Text | MediumText | LongText => column
            .ty
            .charset
            .clone()
            .or_else(|| structure.charset.clone())
            .unwrap_or_else(|| "utf8mb4".to_owned()),
        // Labels travel as numbers.
        Enum | Set => "utf8mb4".to_owned(),
        _ => "binary".to_owned(),
    }
}
