use std::fmt;

use comfy_table::{Table, presets};

/// Number and order-independent checksum of a table's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSum {
    /// Rows.
    pub rows: u64,
    sum: u128,
    xor: u128,
}

impl TableSum {
    pub(super) fn add(&mut self, hash: u128) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hash);
        self.xor ^= hash;
    }

    /// 16 hexadecimal digits to look at; equality is decided by all 256 bits.
    #[must_use]
    pub fn checksum(&self) -> String {
        let folded = self.sum ^ self.xor.rotate_left(64);
        format!("{:016x}", (folded >> 64) as u64 ^ folded as u64)
    }
}

/// What came out for one table.
#[derive(Clone, Debug)]
pub struct TableReport {
    /// `schema.table` at the source.
    pub name: String,
    /// `None` when the tables can't be compared.
    pub source: Option<TableSum>,
    /// As `source`.
    pub target: Option<TableSum>,
    /// What differs first; `None`: identical.
    pub difference: Option<String>,
}

/// What came out for all tables; `Display` is the table that people read.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of the question.
    pub tables: Vec<TableReport>,
}

impl Report {
    /// Whether every table holds the same rows on both sides.
    #[must_use]
    pub fn identical(&self) -> bool {
        !self.tables.is_empty() && self.tables.iter().all(|table| table.difference.is_none())
    }

    /// The one word.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        verdict(self.identical())
    }

    /// Rows at the source.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables
            .iter()
            .filter_map(|table| table.source)
            .map(|sum| sum.rows)
            .sum()
    }
}

fn verdict(identical: bool) -> &'static str {
    if identical { "identical" } else { "DIFFERENT" }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        table.set_header([
            "table",
            "rows source",
            "rows target",
            "checksum source",
            "checksum target",
            "",
        ]);
        for one in &self.tables {
            let rows =
                |sum: Option<TableSum>| sum.map_or("-".to_owned(), |sum| sum.rows.to_string());
            let checksum = |sum: Option<TableSum>| sum.map_or("-".to_owned(), |sum| sum.checksum());
            table.add_row([
                one.name.clone(),
                rows(one.source),
                rows(one.target),
                checksum(one.source),
                checksum(one.target),
                verdict(one.difference.is_none()).to_owned(),
            ]);
        }
        writeln!(f, "{table}")?;
        for one in &self.tables {
            if let Some(difference) = &one.difference {
                writeln!(f, "{}: {difference}", one.name)?;
            }
        }
        Ok(())
    }
}
