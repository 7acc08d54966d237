//! What to do with each column of one table, worked out once per structure.

use std::sync::Arc;

use dm_ddl::{Column, Key, Table, Type, TypeKind};
use dm_model::{
    DmError, TableName, codes,
    rules::{Extracted, RowVerdicts, RuleSet, Verdict},
};

use super::{Charset, RuleKeys, ValueRules};
use crate::sync::value::{quote_name, quote_text};

/// A table as its rows are read and written.
#[derive(Debug)]
pub(crate) struct TablePlan {
    pub(crate) source: TableName,
    pub(crate) target: TableName,
    /// Those of the source in binlog order, generated ones included, then those that only the target has.
    pub(crate) columns: Vec<PlannedColumn>,
    /// Indexes of the columns of the source's key, by which the source is read in pages; empty: there is none.
    pub(crate) key: Vec<usize>,
    /// All unique keys of the source table.
    pub(crate) unique: Vec<Key>,
    /// Indexes of the columns that find a row in the target; empty: rows are found by all columns.
    pub(crate) find_by: Vec<usize>,
    /// For the decoder: is the column unsigned?
    pub(crate) unsigned: Vec<bool>,
    /// What the filters say about its row events.
    pub(crate) events: RowVerdicts,
    /// Rows may stay in the target that the source has no longer (a filter ignores what takes them away), so a new row replaces
    /// the one that it finds.
    pub(crate) replaces: bool,
    /// What is done to values; `None` costs nothing.
    pub(crate) rules: Option<ValueRules>,
    /// The rows of the target table that come from this source table: a condition, or `None` when all do.
    pub(crate) own_rows: Option<String>,
}

/// A column of a [`TablePlan`].
#[derive(Debug)]
pub(crate) struct PlannedColumn {
    pub(crate) column: Column,
    pub(crate) charset: Charset,
    /// Generated columns are left to the target.
    pub(crate) written: bool,
    /// The source has it; else its value comes from the rules.
    pub(crate) read: bool,
}

impl TablePlan {
    /// Without rules.
    #[cfg(test)]
    pub(crate) fn new(
        source: &TableName,
        target: TableName,
        structure: &Table,
    ) -> Result<Arc<Self>, DmError> {
        Self::plain(source, target, structure).map(Arc::new)
    }

    /// With rules. Fails also when these do not fit the structure.
    pub(crate) fn with_rules(
        source: &TableName,
        structure: &Table,
        rules: &RuleSet,
        keys: &RuleKeys,
    ) -> Result<Arc<Self>, DmError> {
        let mut plan = Self::plain(source, rules.router.route(source)?, structure)?;
        let extracted = rules.extracted(source)?;
        plan.rules = ValueRules::new(source, structure, rules, keys, &extracted)?;
        plan.own_rows = own_rows(&extracted, plan.rules.as_ref(), structure, &plan.key);
        for one in &extracted {
            refuse_own_column(source, structure, one)?;
            if !plan.find_by.is_empty() {
                plan.find_by.push(plan.columns.len());
            }
            plan.columns.push(extracted_column(one));
        }
        plan.events = rules.events.rows(&source.schema, &source.table);
        plan.replaces = rules
            .events
            .keeps_rows(&source.schema, &source.table)
            .is_some()
            || rules.expressions.keeps_rows(source);
        Ok(Arc::new(plan))
    }

    /// Without rules. Fails when a column's values cannot be carried over exactly.
    fn plain(source: &TableName, target: TableName, structure: &Table) -> Result<Self, DmError> {
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
                let written = column.generated.is_none();
                Ok(PlannedColumn { column: column.clone(), charset, written, read: written })
            })
            .collect::<Result<Vec<_>, DmError>>()?;
        let key = find_key(structure);
        Ok(Self {
            source: source.clone(),
            target,
            find_by: key.clone(),
            key,
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
            events: RowVerdicts {
                insert: Verdict::Do,
                update: Verdict::Do,
                delete: Verdict::Do,
            },
            replaces: false,
            rules: None,
            own_rows: None,
        })
    }

    /// The columns that are written, with their indexes.
    pub(crate) fn written(&self) -> impl Iterator<Item = (usize, &PlannedColumn)> {
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.written)
    }

    /// The columns that are read from the source, with their indexes.
    pub(crate) fn read(&self) -> impl Iterator<Item = (usize, &PlannedColumn)> {
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.read)
    }

    /// `schema`.`table` of the target, quoted.
    pub(crate) fn target_name(&self) -> String {
        self.target.to_string()
    }
}

/// The key that finds a row: primary, else a unique one without NULLs. A key over a generated column is not used, as the target
/// computes that column by itself.
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

fn refuse_own_column(
    source: &TableName,
    structure: &Table,
    extracted: &Extracted,
) -> Result<(), DmError> {
    if structure.column(&extracted.column).is_none() {
        return Ok(());
    }
    let message = format!(
        "column `{}`, which a route keeps the origin of rows in, is a column of {source} itself",
        extracted.column
    );
    Err(DmError::new(&codes::TARGET_STRUCTURE_DIFFERS, message)
        .with_workaround("choose another target-column in the route"))
}

fn extracted_column(extracted: &Extracted) -> PlannedColumn {
    let mut ty = Type::new(TypeKind::VarChar);
    ty.charset = Some("utf8mb4".to_owned());
    PlannedColumn {
        column: Column {
            name: extracted.column.clone(),
            ty,
            nullable: false,
            generated: None,
            invisible: false,
            auto_increment: false,
            has_default: false,
            on_update_now: false,
        },
        charset: Charset::Utf8,
        written: true,
        read: false,
    }
}

/// What tells the rows of a table from those of others in the same target: its extracted columns, or the range of a partition id
/// in its key.
fn own_rows(
    extracted: &[Extracted],
    rules: Option<&ValueRules>,
    structure: &Table,
    key: &[usize],
) -> Option<String> {
    if !extracted.is_empty() {
        // The first comparison can use an index, the second tells 'a' from 'A'.
        let conditions: Vec<String> = extracted
            .iter()
            .map(|one| {
                let (name, value) = (quote_name(&one.column), quote_text(&one.value));
                format!("{name} = {value} AND CAST({name} AS BINARY) = CAST({value} AS BINARY)")
            })
            .collect();
        return Some(conditions.join(" AND "));
    }
    let (index, (least, most)) = rules?.partition()?;
    let column = structure.columns.get(index)?;
    (key.contains(&index) && column.ty.kind.is_integer())
        .then(|| format!("{} BETWEEN {least} AND {most}", quote_name(&column.name)))
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
