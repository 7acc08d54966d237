//! A byte position in a server's binlog files.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{DmError, codes};

/// File and offset. Ordered by the number at the end of the file name, then by offset.
///
/// The offset is 64 bits wide although events carry 32: a single transaction can make a file
/// larger than 4 GiB.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BinlogPosition {
    /// File name, for example `mysql-bin.000003`. Empty means before everything.
    pub file: String,
    /// Byte offset in the file.
    pub offset: u64,
}

impl BinlogPosition {
    /// Puts the two parts together.
    pub fn new(file: impl Into<String>, offset: u64) -> Self {
        Self {
            file: file.into(),
            offset,
        }
    }

    /// Reads `(file, offset)` or `file:offset`.
    pub fn parse(text: &str) -> Result<Self, DmError> {
        let bad = || {
            DmError::new(
                &codes::INVALID_BINLOG_POS_STR,
                format!("{text:?} is not a binlog position such as (mysql-bin.000001, 4)"),
            )
        };
        let trimmed = text.trim();
        let parts = match trimmed.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
            Some(inner) => inner.rsplit_once(','),
            None => trimmed.rsplit_once(':'),
        };
        let (file, offset) = parts.ok_or_else(bad)?;
        let offset = offset.trim().parse().map_err(|_| bad())?;
        Ok(Self::new(file.trim(), offset))
    }

    /// The number at the end of the file name; `None` when the name has none.
    pub fn sequence(&self) -> Option<u64> {
        let (base, digits) = self.file.rsplit_once('.')?;
        let numeric = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if base.is_empty() || !numeric {
            return None;
        }
        digits.parse().ok()
    }
}

impl Ord for BinlogPosition {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.sequence(), self.offset, &self.file).cmp(&(
            other.sequence(),
            other.offset,
            &other.file,
        ))
    }
}

impl PartialOrd for BinlogPosition {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for BinlogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.file, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_compare_by_number() {
        let small = BinlogPosition::new("bin.999999", 900);
        let large = BinlogPosition::new("bin.1000000", 4);
        assert!(small < large);
        assert!(BinlogPosition::default() < BinlogPosition::new("bin.000001", 0));
        assert!(BinlogPosition::new("bin.000001", 4) < BinlogPosition::new("bin.000001", 5));
    }

    #[test]
    fn both_texts_are_read() {
        let position = BinlogPosition::new("mysql-bin.000003", 1 << 33);
        assert_eq!(
            BinlogPosition::parse(&position.to_string()),
            Ok(position.clone())
        );
        assert_eq!(
            BinlogPosition::parse("mysql-bin.000003:8589934592"),
            Ok(position)
        );
        assert_eq!(
            BinlogPosition::parse("(, 4)"),
            Ok(BinlogPosition::new("", 4))
        );
        for bad in ["", "x", "(x)", "x:y", "(a, -1)"] {
            assert_eq!(BinlogPosition::parse(bad).unwrap_err().code, 11049, "{bad}");
        }
    }
}
