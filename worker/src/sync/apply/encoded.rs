//! The statements of a batch, what each has to find, and what follows if it doesn't.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use dm_model::{DmError, TableName, codes, config::OnRowMismatch};

use super::{Place, WritePlan};

/// Bytes of a statement that a message shows.
const SHOWN_BYTES: usize = 300;
/// How the cause of an error begins when a key is taken already.
const DUPLICATE: &str = "Error 1062 ";

/// The statements of a batch, one after the other in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    pub(super) sql: String,
    pub(super) statements: Vec<Statement>,
}

/// One statement.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) range: Range<usize>,
    pub(super) plan: Arc<WritePlan>,
    pub(super) place: Place,
    pub(super) expect: Expect,
    /// It is one change as it came from upstream.
    pub(super) single: bool,
}

/// What a statement's count of affected rows has to be. Sessions count rows that are found, not rows that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// So many rows are found, or inserted.
    Rows(u64),
    /// So many rows are there and become different, which counts two each. A row that was missing, or that was like that already,
    /// counts one.
    Upserted(u64),
}

/// What has to be written row by row, in upstream's order, because it did not come out as expected otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Careful {
    /// Source tables.
    pub(crate) tables: BTreeSet<TableName>,
    /// Changes that write their after image whatever is there.
    pub(crate) repaired: BTreeSet<Place>,
}

/// A change that did not find what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// The source table.
    pub(crate) table: TableName,
    /// Index of the transaction in its batch.
    pub(crate) transaction: usize,
    /// The statement and what it found.
    pub(crate) what: String,
}

/// What to do with a batch whose statements have run and whose COMMIT has not been sent.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Commit; these are counted.
    Commit(Vec<Mismatch>),
    /// Roll back and encode again.
    Again(Careful),
    /// Roll back and stop the table.
    Stop(TableName, DmError),
}

impl Encoded {
    /// The texts of the statements, in order.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.statements
            .iter()
            .map(|statement| self.text(statement))
            .collect()
    }

    /// Judges the counts of affected rows. `u64::MAX` is a count that nobody knows, because the answer was lost.
    pub(crate) fn judge(&self, found: &[u64], careful: &Careful, mode: OnRowMismatch) -> Verdict {
        let mut again = careful.clone();
        let mut mismatches = Vec::new();
        for (statement, found) in self.statements.iter().zip(found) {
            if *found == u64::MAX || statement.expect.is(*found) {
                continue;
            }
            let table = statement.plan.source();
            // A count over several changes does not tell which of them it was.
            if !statement.single {
                again.tables.insert(table.clone());
                continue;
            }
            let mismatch = Mismatch {
                table: table.clone(),
                transaction: statement.place.transaction as usize,
                what: format!(
                    "found {found} rows instead of {}: {}",
                    statement.expect.rows(),
                    shown(self.text(statement))
                ),
            };
            match mode {
                OnRowMismatch::Count => mismatches.push(mismatch),
                OnRowMismatch::Strict => {
                    let error = DmError::new(
                        &codes::ROW_MISMATCH,
                        format!("a change of {table} {}", mismatch.what),
                    );
                    return Verdict::Stop(table.clone(), error);
                }
                OnRowMismatch::Repair if careful.repaired.contains(&statement.place) => {
                    mismatches.push(mismatch);
                }
                OnRowMismatch::Repair => {
                    again.tables.insert(table.clone());
                    again.repaired.insert(statement.place);
                }
            }
        }
        if again == *careful {
            Verdict::Commit(mismatches)
        } else {
            Verdict::Again(again)
        }
    }

    /// Judges a statement that the server refused.
    pub(crate) fn refused(
        &self,
        index: usize,
        error: DmError,
        careful: &Careful,
        mode: OnRowMismatch,
    ) -> Option<Verdict> {
        let statement = self.statements.get(index)?;
        let table = statement.plan.source();
        let mut again = careful.clone();
        // It may be refused only because changes were taken together, and who reads the error wants to see the row.
        if !statement.single {
            again.tables.insert(table.clone());
        }
        let duplicate = error
            .cause
            .as_deref()
            .is_some_and(|cause| cause.starts_with(DUPLICATE));
        if mode == OnRowMismatch::Repair && statement.single && duplicate {
            again.tables.insert(table.clone());
            again.repaired.insert(statement.place);
        }
        if again != *careful {
            return Some(Verdict::Again(again));
        }
        let error = error.annotate(format!(
            "table {table}, statement {}",
            shown(self.text(statement))
        ));
        Some(Verdict::Stop(table.clone(), error))
    }

    /// Begins a statement; its text is what is appended to `sql` until it is sealed.
    pub(super) fn begin(&mut self, plan: &Arc<WritePlan>, place: Place, expect: Expect) {
        let at = self.sql.len();
        self.statements.push(Statement {
            range: at..at,
            plan: plan.clone(),
            place,
            expect,
            single: true,
        });
    }

    /// The last statement reaches to the end of the buffer.
    pub(super) fn seal(&mut self) {
        if let Some(last) = self.statements.last_mut() {
            last.range.end = self.sql.len();
        }
    }

    /// The last statement has one change more, which finds so many rows.
    pub(super) fn expect_more(&mut self, rows: u64) {
        if let Some(last) = self.statements.last_mut() {
            last.single = false;
            let (Expect::Rows(count) | Expect::Upserted(count)) = &mut last.expect;
            *count += rows;
        }
    }

    /// Whether the last statement is one change as it came from upstream.
    pub(super) fn set_single(&mut self, single: bool) {
        if let Some(last) = self.statements.last_mut() {
            last.single = single;
        }
    }

    /// Bytes of the last statement.
    pub(super) fn last_bytes(&self) -> usize {
        self.statements
            .last()
            .map_or(0, |last| last.range.end - last.range.start)
    }

    fn text(&self, statement: &Statement) -> &str {
        self.sql.get(statement.range.clone()).unwrap_or_default()
    }
}

impl Expect {
    fn is(self, found: u64) -> bool {
        match self {
            Self::Rows(rows) => found == rows,
            Self::Upserted(rows) => found == rows.saturating_mul(2),
        }
    }

    fn rows(self) -> u64 {
        match self {
            Self::Rows(rows) | Self::Upserted(rows) => rows,
        }
    }
}

/// The beginning of a statement, for messages.
fn shown(statement: &str) -> String {
    let mut end = statement.len().min(SHOWN_BYTES);
    while !statement.is_char_boundary(end) {
        end -= 1;
    }
    let more = if end < statement.len() { "…" } else { "" };
    format!("{}{more}", statement.get(..end).unwrap_or_default())
}
