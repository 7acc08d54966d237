//! How to read the columns of one table.

use super::codec::Codec;
use crate::DecodeError;
use crate::table_map::TableMap;

/// One reader per column. Make it once per TABLE_MAP content and keep it: equal contents come as the same
/// `Arc` from the decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlan {
    codecs: Vec<Codec>,
}

impl RowPlan {
    /// `unsigned` has one flag per column, true for unsigned integers, by the tracked schema: older
    /// servers don't log the sign. Where the map itself says it, the map is believed.
    pub fn new(map: &TableMap, unsigned: &[bool]) -> Result<Self, DecodeError> {
        if unsigned.len() != map.columns.len() {
            return Err(DecodeError::ColumnCount {
                expected: unsigned.len(),
                actual: map.columns.len(),
            });
        }
        let unsigned = map.metadata.unsigned.as_deref().unwrap_or(unsigned);
        let codecs = map
            .columns
            .iter()
            .zip(unsigned)
            .map(|(column, unsigned)| Codec::new(column, *unsigned))
            .collect::<Result<_, _>>()?;
        Ok(Self { codecs })
    }

    pub(super) fn codecs(&self) -> &[Codec] {
        &self.codecs
    }
}
