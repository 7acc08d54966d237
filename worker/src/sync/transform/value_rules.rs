//! What the rules do to the values of one table. Pure.

use dm_ddl::{Column, Table, TypeKind};
use dm_model::{
    DmError, TableName, codes,
    config::MaskFunction,
    rules::{ColumnMapping, ColumnMask, Datum, Extracted, Mapped, MaskKey, RowFilter, RuleSet},
};

use super::{RowChange, RuleKeys, row_values};
use crate::sync::value::Value;

/// Longest value in an error.
const SHOWN_CHARS_MAX: usize = 60;

/// The rules of one table at one structure, by the places of its columns.
#[derive(Debug)]
pub(crate) struct ValueRules {
    table: TableName,
    filter: Option<RowFilter>,
    /// The columns, when there is a filter: it sees the source's values.
    columns: Vec<Column>,
    mappings: Vec<(usize, String, ColumnMapping)>,
    masks: Vec<PlannedMask>,
    /// Values of the columns that the source does not have.
    extracted: Vec<Value>,
}

#[derive(Debug)]
struct PlannedMask {
    index: usize,
    mask: ColumnMask,
    key: Option<MaskKey>,
    form: Form,
}

/// How a column's values are hidden.
#[derive(Clone, Copy, Debug)]
enum Form {
    Null,
    /// Text or bytes, of so many characters at most.
    Text(usize),
    /// A whole number up to this.
    Number(u64),
}

impl ValueRules {
    /// `None` when no rule is for the table. Fails when one does not fit its structure.
    pub(crate) fn new(
        table: &TableName,
        structure: &Table,
        rules: &RuleSet,
        keys: &RuleKeys,
        extracted: &[Extracted],
    ) -> Result<Option<Self>, DmError> {
        let mappings = rules
            .mappings
            .for_table(table)?
            .into_iter()
            .map(|mapping| {
                let (index, column) = find(table, structure, &mapping.rule, &mapping.column)?;
                refuse_unmappable(table, column, &mapping)?;
                Ok((index, column.name.clone(), mapping))
            })
            .collect::<Result<Vec<_>, DmError>>()?;
        let masks = rules
            .masks
            .for_table(table)?
            .into_iter()
            .map(|mask| planned_mask(table, structure, mask, keys))
            .collect::<Result<Vec<_>, DmError>>()?;
        let filter = if rules.expressions.is_empty() {
            None
        } else {
            rules
                .expressions
                .bind(table, &row_values::columns(structure))?
        };
        if filter.is_none() && mappings.is_empty() && masks.is_empty() && extracted.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            table: table.clone(),
            columns: filter
                .as_ref()
                .map(|_| structure.columns.clone())
                .unwrap_or_default(),
            filter,
            mappings,
            masks,
            extracted: extracted
                .iter()
                .map(|one| Value::Text(one.value.clone()))
                .collect(),
        }))
    }

    /// The column of a partition id and the numbers that this table's become.
    pub(super) fn partition(&self) -> Option<(usize, (u64, u64))> {
        self.mappings
            .iter()
            .find_map(|(index, _, mapping)| Some((*index, mapping.mapped.range()?)))
    }

    /// A row as the target gets it; `None`: it does not take part.
    pub(crate) fn row(&self, values: Vec<Value>) -> Result<Option<Vec<Value>>, DmError> {
        if self.in_scope(&values)? {
            self.rewritten(values).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A change as the target gets it; `None`: it does not take part. An update that crosses the line of a filter inserts or
    /// deletes the row.
    pub(crate) fn change(&self, change: RowChange) -> Result<Option<RowChange>, DmError> {
        Ok(match change {
            RowChange::Insert(row) => self.row(row)?.map(RowChange::Insert),
            RowChange::Delete(row) => {
                let skipped = match &self.filter {
                    None => false,
                    Some(filter) => filter.skips_delete(&self.seen(&row))?,
                };
                if skipped {
                    return Ok(None);
                }
                self.row(row)?.map(RowChange::Delete)
            }
            RowChange::Update { before, after } => {
                let skipped = match &self.filter {
                    None => false,
                    Some(filter) => {
                        self.in_scope(&before)?
                            && self.in_scope(&after)?
                            && filter.skips_update(&self.seen(&before), &self.seen(&after))?
                    }
                };
                if skipped {
                    return Ok(None);
                }
                match (self.row(before)?, self.row(after)?) {
                    (Some(before), Some(after)) => Some(RowChange::Update { before, after }),
                    (None, Some(after)) => Some(RowChange::Insert(after)),
                    (Some(before), None) => Some(RowChange::Delete(before)),
                    (None, None) => None,
                }
            }
        })
    }

    fn in_scope(&self, row: &[Value]) -> Result<bool, DmError> {
        match &self.filter {
            None => Ok(true),
            Some(filter) => filter.in_scope(&self.seen(row)),
        }
    }

    fn seen<'a>(&'a self, row: &'a [Value]) -> impl Fn(usize) -> Datum + 'a {
        move |index| match (row.get(index), self.columns.get(index)) {
            (Some(value), Some(column)) => row_values::datum(value, column),
            _ => Datum::Null,
        }
    }

    fn rewritten(&self, mut values: Vec<Value>) -> Result<Vec<Value>, DmError> {
        for (index, column, mapping) in &self.mappings {
            if let Some(value) = values.get_mut(*index) {
                *value = mapped(value, &mapping.mapped).map_err(|problem| {
                    let message = format!(
                        "column `{column}` of a row of {} cannot be mapped by {}: {problem}",
                        self.table, mapping.rule
                    );
                    DmError::new(&codes::ROW_NOT_MAPPED, message)
                })?;
            }
        }
        for mask in &self.masks {
            if let Some(value) = values.get_mut(mask.index) {
                *value = mask.hide(value);
            }
        }
        values.extend(self.extracted.iter().cloned());
        Ok(values)
    }
}

/// By name, at every structure anew: DM kept the place of the first one.
fn find<'a>(
    table: &TableName,
    structure: &'a Table,
    rule: &str,
    name: &str,
) -> Result<(usize, &'a Column), DmError> {
    let index = structure.column_index(name);
    let column = index.and_then(|index| Some((index, structure.columns.get(index)?)));
    column.ok_or_else(|| {
        let message = format!("{table} has no column `{name}`, which rule {rule} is for");
        DmError::new(&codes::SYNCER_UNIT_DML_COLUMN_NOT_MATCH, message)
            .with_workaround("correct the rule, or leave the table out by the block-allow-list")
    })
}

fn refuse_unmappable(
    table: &TableName,
    column: &Column,
    mapping: &ColumnMapping,
) -> Result<(), DmError> {
    let kind = column.ty.kind;
    let problem = match mapping.mapped {
        _ if column.generated.is_some() => "the server computes it",
        Mapped::PartitionId(_) if kind == TypeKind::BigInt || kind.is_text() => return Ok(()),
        Mapped::PartitionId(_) => "a partition id needs BIGINT or text",
        Mapped::Prefix(_) | Mapped::Suffix(_) if kind.is_text() => return Ok(()),
        Mapped::Prefix(_) | Mapped::Suffix(_) => "a prefix or suffix needs text",
    };
    let message = format!(
        "column `{}` of {table} cannot be mapped by {}: {problem}",
        column.name, mapping.rule
    );
    Err(DmError::new(&codes::ROW_NOT_MAPPED, message)
        .with_workaround("correct the mapping, or change the column upstream"))
}

fn mapped(value: &Value, mapping: &Mapped) -> Result<Value, String> {
    match value {
        Value::Int(number) => mapping
            .number(i128::from(*number))
            .and_then(|number| i64::try_from(number).map_err(|error| error.to_string()))
            .map(Value::Int),
        Value::UInt(number) => mapping.number(i128::from(*number)).map(Value::UInt),
        Value::Text(text) => mapping
            .text(text)
            .map(Value::Text)
            .map_err(|problem| problem.chars().take(SHOWN_CHARS_MAX).collect()),
        Value::Null => Err("it is NULL".to_owned()),
        _ => Err("it is neither a whole number nor text".to_owned()),
    }
}

fn planned_mask(
    table: &TableName,
    structure: &Table,
    mask: ColumnMask,
    keys: &RuleKeys,
) -> Result<PlannedMask, DmError> {
    let (index, column) = find(table, structure, &mask.rule, &mask.column)?;
    let unsuitable = |problem: &str| {
        let message = format!(
            "column `{}` of {table} cannot be masked by {}: {problem}",
            column.name, mask.rule
        );
        DmError::new(&codes::MASK_UNSUITABLE, message)
    };
    if column.generated.is_some() {
        return Err(unsuitable(
            "the server computes it; mask what it is computed from",
        ));
    }
    let form = form(column, mask.function).map_err(|problem| unsuitable(&problem))?;
    let unique = structure
        .keys
        .iter()
        .filter(|key| key.is_unique())
        .flat_map(|key| &key.parts)
        .any(|part| {
            part.column
                .as_deref()
                .is_some_and(|name| column.is_named(name))
        });
    let prefixed = structure.keys.iter().any(|key| {
        key.is_unique()
            && key.parts.iter().any(|part| {
                part.prefix.is_some()
                    && part
                        .column
                        .as_deref()
                        .is_some_and(|name| column.is_named(name))
            })
    });
    let injective = matches!(form, Form::Text(chars) if mask.is_injective(chars)) && !prefixed;
    // Without a unique key rows are found by all their columns: two different rows must not look alike.
    let finds_rows = unique || structure.unique_not_null_key().is_none();
    if finds_rows && !injective {
        return Err(unsuitable(
            "it is part of what tells rows apart, and the function makes different values equal",
        ));
    }
    let key = match &mask.secret {
        None => None,
        Some(place) => Some(
            keys.get(place)
                .cloned()
                .ok_or_else(|| unsuitable("its secret was not read"))?,
        ),
    };
    Ok(PlannedMask {
        index,
        mask,
        key,
        form,
    })
}

fn form(column: &Column, function: MaskFunction) -> Result<Form, String> {
    use TypeKind::{
        Binary, Blob, Char, LongBlob, LongText, MediumBlob, MediumText, Text, TinyBlob, TinyText,
        VarBinary, VarChar,
    };
    if function == MaskFunction::Null {
        return if column.nullable {
            Ok(Form::Null)
        } else {
            Err("it is NOT NULL".to_owned())
        };
    }
    let kind = column.ty.kind;
    let chars = match kind {
        Char | VarChar | Binary | VarBinary => column.ty.length.unwrap_or(1) as usize,
        TinyText | TinyBlob => 255,
        Text | MediumText | LongText | Blob | MediumBlob | LongBlob => 65_535,
        _ if kind.is_integer() && function == MaskFunction::Hash => {
            return Ok(Form::Number(largest(column)));
        }
        _ => {
            return Err(format!(
                "values of type {kind:?} can be masked by null{} only",
                if kind.is_integer() { " and hash" } else { "" }
            ));
        }
    };
    Ok(Form::Text(chars))
}

fn largest(column: &Column) -> u64 {
    let bits = match column.ty.kind {
        TypeKind::TinyInt => 8,
        TypeKind::SmallInt => 16,
        TypeKind::MediumInt => 24,
        TypeKind::Int => 32,
        _ => 64,
    };
    let bits = if column.ty.unsigned { bits } else { bits - 1 };
    u64::MAX >> (64 - bits)
}

impl PlannedMask {
    /// NULL stays NULL: whether there is a value is not hidden.
    fn hide(&self, value: &Value) -> Value {
        let text = |text: &str, chars| self.mask.text(text, chars, self.key.as_ref());
        match (self.form, value) {
            (_, Value::Null) | (Form::Null, _) => Value::Null,
            (Form::Text(chars), Value::Text(shown)) => {
                text(shown, chars).map_or(Value::Null, Value::Text)
            }
            (Form::Text(chars), Value::Bytes(bytes)) => {
                // One character per byte, so that different bytes stay different.
                let shown: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                text(&shown, chars).map_or(Value::Null, |text| {
                    Value::Bytes(
                        text.chars()
                            .map(|c| u8::try_from(c).unwrap_or(b'*'))
                            .collect(),
                    )
                })
            }
            (Form::Number(most), Value::Int(number)) => {
                let hidden = self.number(&number.to_string(), most);
                Value::Int(i64::try_from(hidden).unwrap_or(i64::MAX))
            }
            (Form::Number(most), Value::UInt(number)) => {
                Value::UInt(self.number(&number.to_string(), most))
            }
            // No other value is of a type that has such a form.
            _ => Value::Null,
        }
    }

    fn number(&self, text: &str, most: u64) -> u64 {
        self.key
            .as_ref()
            .map_or(0, |key| self.mask.number(text, most, key))
    }
}
