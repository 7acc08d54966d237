//! The optional part of a TABLE_MAP: fields of type byte, length and value. Lists count within a class of
//! columns (numeric, character, ENUM and SET); here they are spread over all columns.

use super::{ColumnMeta, column_type as t};
use crate::DecodeError;
use crate::reader::{Reader, text};

/// What the server chose to log about the columns. MySQL ≥ 8.0 and MariaDB ≥ 10.5; with
/// `binlog_row_metadata=MINIMAL` MySQL still writes signedness and character sets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptionalMetadata {
    /// Per column: unsigned? False for columns that are not numeric.
    pub unsigned: Option<Vec<bool>>,
    /// Per column: collation id of character columns.
    pub collations: Option<Vec<Option<u64>>>,
    /// Per column: collation id of ENUM and SET columns.
    pub enum_set_collations: Option<Vec<Option<u64>>>,
    /// Names.
    pub names: Option<Vec<String>>,
    /// Per column: labels of ENUM columns, in the column's character set.
    pub enum_labels: Option<Vec<Option<Vec<Vec<u8>>>>>,
    /// Per column: labels of SET columns, in the column's character set.
    pub set_labels: Option<Vec<Option<Vec<Vec<u8>>>>>,
    /// Per column: geometry type of GEOMETRY columns.
    pub geometry_types: Option<Vec<Option<u64>>>,
    /// Primary key: column index and prefix length (0 = whole column).
    pub primary_key: Option<Vec<(usize, u64)>>,
    /// Per column: visible?
    pub visible: Option<Vec<bool>>,
    /// Per column: dimensions of VECTOR columns.
    pub vector_dimensions: Option<Vec<Option<u64>>>,
}

const WHAT: &str = "the optional metadata of a TABLE_MAP event";

impl OptionalMetadata {
    pub(super) fn read(
        mut reader: Reader<'_>,
        columns: &[ColumnMeta],
        mariadb: bool,
    ) -> Result<Self, DecodeError> {
        let mut metadata = Self::default();
        while !reader.is_empty() {
            let kind = reader.u8()?;
            let field = Reader::new(reader.packed_bytes()?, WHAT);
            metadata.read_field(kind, field, columns, mariadb)?;
        }
        Ok(metadata)
    }

    fn read_field(
        &mut self,
        kind: u8,
        field: Reader<'_>,
        columns: &[ColumnMeta],
        mariadb: bool,
    ) -> Result<(), DecodeError> {
        let character = |column: &ColumnMeta| t::is_character(column.type_code, mariadb);
        let enum_or_set = |column: &ColumnMeta| matches!(column.type_code, t::ENUM | t::SET);
        let is = |code: u8| move |column: &ColumnMeta| column.type_code == code;
        let numeric = |column: &ColumnMeta| t::is_numeric(column.type_code);
        match kind {
            1 => self.unsigned = Some(bits(field, columns, numeric)),
            2 => self.collations = Some(default_and_exceptions(field, columns, character)?),
            3 => self.collations = Some(numbers(field, columns, character)?),
            4 => self.names = Some(names(field, columns.len())?),
            5 => self.set_labels = Some(labels(field, columns, is(t::SET))?),
            6 => self.enum_labels = Some(labels(field, columns, is(t::ENUM))?),
            7 => self.geometry_types = Some(numbers(field, columns, is(t::GEOMETRY))?),
            8 => self.primary_key = Some(primary_key(field, columns.len(), false)?),
            9 => self.primary_key = Some(primary_key(field, columns.len(), true)?),
            10 => {
                self.enum_set_collations =
                    Some(default_and_exceptions(field, columns, enum_or_set)?)
            }
            11 => self.enum_set_collations = Some(numbers(field, columns, enum_or_set)?),
            12 => self.visible = Some(bits(field, columns, |_| true)),
            13 => self.vector_dimensions = Some(numbers(field, columns, is(t::VECTOR))?),
            // Newer servers may add kinds; each has its length.
            _ => {}
        }
        Ok(())
    }
}

/// One bit per column of the class, the highest bit of a byte first; absent bits are zeros.
fn bits(
    field: Reader<'_>,
    columns: &[ColumnMeta],
    class: impl Fn(&ColumnMeta) -> bool,
) -> Vec<bool> {
    let bytes = field.rest();
    let mut bits = bytes
        .iter()
        .flat_map(|byte| (0..8u32).map(move |shift| byte & (0x80u8 >> shift) != 0));
    columns
        .iter()
        .map(|column| class(column) && bits.next().unwrap_or(false))
        .collect()
}

/// One number per column of the class.
fn numbers(
    mut field: Reader<'_>,
    columns: &[ColumnMeta],
    class: impl Fn(&ColumnMeta) -> bool,
) -> Result<Vec<Option<u64>>, DecodeError> {
    columns
        .iter()
        .map(|column| {
            if class(column) {
                field.packed().map(Some)
            } else {
                Ok(None)
            }
        })
        .collect()
}

/// A default, then pairs of index within the class and number for the columns that differ.
fn default_and_exceptions(
    mut field: Reader<'_>,
    columns: &[ColumnMeta],
    class: impl Fn(&ColumnMeta) -> bool,
) -> Result<Vec<Option<u64>>, DecodeError> {
    let default = field.packed()?;
    let mut spread: Vec<Option<u64>> = columns
        .iter()
        .map(|column| class(column).then_some(default))
        .collect();
    let mut of_class: Vec<&mut u64> = spread.iter_mut().flatten().collect();
    while !field.is_empty() {
        let index = field.packed_len()?;
        let number = field.packed()?;
        let slot = of_class.get_mut(index);
        **slot.ok_or(DecodeError::Malformed {
            what: "optional metadata names a column that does not exist",
        })? = number;
    }
    Ok(spread)
}

fn names(mut field: Reader<'_>, count: usize) -> Result<Vec<String>, DecodeError> {
    (0..count).map(|_| field.packed_bytes().map(text)).collect()
}

type Labels = Vec<Option<Vec<Vec<u8>>>>;

fn labels(
    mut field: Reader<'_>,
    columns: &[ColumnMeta],
    class: impl Fn(&ColumnMeta) -> bool,
) -> Result<Labels, DecodeError> {
    let mut one = |column: &ColumnMeta| {
        if !class(column) {
            return Ok(None);
        }
        let count = field.packed()?;
        (0..count)
            .map(|_| field.packed_bytes().map(<[u8]>::to_vec))
            .collect::<Result<_, _>>()
            .map(Some)
    };
    columns.iter().map(&mut one).collect()
}

fn primary_key(
    mut field: Reader<'_>,
    columns: usize,
    prefixes: bool,
) -> Result<Vec<(usize, u64)>, DecodeError> {
    let mut parts = Vec::new();
    while !field.is_empty() {
        let index = field.packed_len()?;
        if index >= columns {
            return Err(DecodeError::Malformed {
                what: "optional metadata names a column that does not exist",
            });
        }
        parts.push((index, if prefixes { field.packed()? } else { 0 }));
    }
    Ok(parts)
}
