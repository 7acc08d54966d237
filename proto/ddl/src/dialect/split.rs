//! ALTER TABLE as several statements, where TiDB cannot run it as one.
//!
//! Changes go together as long as they touch different columns and indexes; the first that touches what an earlier one of the same
//! statement did begins the next statement. So order is kept, and a statement that needn't be split isn't.

use std::collections::BTreeSet;

use super::adapt::Adapted;
use super::edits::{Tokens, edited};
use crate::context::Context;
use crate::statement::{AlterSpec, AlterTable, Position, Span, Statement};
use crate::structure::KeyKind;

/// Name of the primary key among indexes.
const PRIMARY: &str = "primary";

/// One clause of the text, with what its changes touch.
#[derive(Debug, Default)]
struct Clause {
    text: String,
    /// Columns and indexes that it adds, changes or drops.
    changes: BTreeSet<String>,
    /// Columns that it refers to.
    refers: BTreeSet<String>,
    /// Runs after all others.
    last: bool,
    /// Runs alone.
    alone: bool,
    /// Says how the statement runs, and changes nothing.
    manner: bool,
}

/// Splits as needed; clauses that mean nothing there are left out.
pub(super) fn split(statement: &Statement, alter: &AlterTable, context: &Context<'_>) -> Adapted {
    let mut adapted = Adapted::default();
    let clauses = clauses(statement, alter, context, &mut adapted.left_out);
    let head = head(statement, alter);
    let (last, ordinary): (Vec<Clause>, Vec<Clause>) =
        clauses.into_iter().partition(|clause| clause.last);
    let mut parts: Vec<Part> = Vec::new();
    for clause in ordinary {
        match parts.last_mut() {
            Some(part) if part.takes(&clause) => part.push(clause),
            _ => parts.push(Part::of(clause)),
        }
    }
    parts.extend(last.into_iter().map(Part::of));
    parts.retain(|part| !part.manner_only);
    if parts.len() == 1 && adapted.left_out.is_empty() {
        adapted.parts.push(statement.text().to_owned());
    } else {
        adapted.parts = parts
            .iter()
            .map(|part| format!("{head} {}", part.texts.join(", ")))
            .collect();
    }
    adapted
}

/// Everything before the first clause.
fn head(statement: &Statement, alter: &AlterTable) -> String {
    let end = alter
        .clauses
        .iter()
        .map(|clause| clause.span.start)
        .min()
        .unwrap_or(statement.text().len());
    statement
        .text()
        .get(..end)
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

fn clauses(
    statement: &Statement,
    alter: &AlterTable,
    context: &Context<'_>,
    left_out: &mut Vec<String>,
) -> Vec<Clause> {
    let mut found: Vec<(Span, Clause)> = Vec::new();
    for clause in &alter.clauses {
        let written = statement
            .text()
            .get(clause.span.start..clause.span.end)
            .unwrap_or_default();
        let entry = match found.last_mut() {
            Some((span, entry)) if *span == clause.span => entry,
            _ => {
                let manner = matches!(clause.spec, AlterSpec::Other) && is_manner(written, context);
                let text = match clause.spec {
                    AlterSpec::Other | AlterSpec::Options(_) if !manner => {
                        without_meaningless(written, context, left_out)
                    }
                    _ => written.to_owned(),
                };
                if text.trim().is_empty() {
                    continue;
                }
                found.push((
                    clause.span,
                    Clause {
                        text,
                        manner,
                        ..Clause::default()
                    },
                ));
                match found.last_mut() {
                    Some((_, entry)) => entry,
                    None => continue,
                }
            }
        };
        note(&clause.spec, entry);
    }
    found.into_iter().map(|(_, clause)| clause).collect()
}

/// ALGORITHM and LOCK.
fn is_manner(written: &str, context: &Context<'_>) -> bool {
    Tokens::new(written, context)
        .is_ok_and(|tokens| tokens.any_word(0, &["ALGORITHM", "LOCK", "WITH", "WITHOUT"]))
}

/// Options of how rows are stored, and rebuilds.
fn without_meaningless(written: &str, context: &Context<'_>, left_out: &mut Vec<String>) -> String {
    let Ok(tokens) = Tokens::new(written, context) else {
        return written.to_owned();
    };
    let mut edits = Vec::new();
    let mut at = 0;
    while at < tokens.tokens.len() {
        let end = if tokens.is_word(at, "FORCE") {
            at + 1
        } else if tokens.any_word(at, &["ROW_FORMAT", "KEY_BLOCK_SIZE"]) {
            at + if tokens.is_punct(at + 1, b'=') { 3 } else { 2 }
        } else {
            at += 1;
            continue;
        };
        let span = tokens.span(at, end);
        left_out.push(
            written
                .get(span.start..span.end)
                .unwrap_or_default()
                .to_owned(),
        );
        edits.push((span, String::new()));
        at = end;
    }
    edited(written, edits).trim().to_owned()
}

/// What a change touches.
fn note(spec: &AlterSpec, clause: &mut Clause) {
    let column = |name: &str| format!("column {}", name.to_lowercase());
    let index = |name: &str| format!("index {}", name.to_lowercase());
    match spec {
        AlterSpec::AddColumn {
            column: added,
            position,
            ..
        } => {
            clause.changes.insert(column(&added.name));
            note_position(position, clause);
        }
        AlterSpec::ChangeColumn {
            old,
            column: changed,
            position,
            ..
        } => {
            clause.changes.insert(column(old));
            clause.changes.insert(column(&changed.name));
            note_position(position, clause);
        }
        AlterSpec::RenameColumn { old, new, .. } => {
            clause.changes.insert(column(old));
            clause.changes.insert(column(new));
        }
        AlterSpec::DropColumn { name, .. } | AlterSpec::AlterColumn { name, .. } => {
            clause.changes.insert(column(name));
        }
        AlterSpec::AddKey(key) => {
            let name = match key.kind {
                KeyKind::Primary => Some(PRIMARY.to_owned()),
                _ => key.name.clone(),
            };
            clause.changes.extend(name.as_deref().map(index));
            let columns = key.parts.iter().filter_map(|part| part.column.as_deref());
            clause.refers.extend(columns.map(column));
        }
        AlterSpec::AddForeignKey(key) => {
            clause
                .refers
                .extend(key.columns.iter().map(|name| column(name)));
            clause.changes.extend(key.constraint.as_deref().map(index));
        }
        AlterSpec::DropPrimaryKey { .. } => {
            clause.changes.insert(index(PRIMARY));
        }
        AlterSpec::DropKey { name, .. }
        | AlterSpec::DropForeignKey { name, .. }
        | AlterSpec::DropConstraint { name, .. }
        | AlterSpec::DropCheck { name } => {
            clause.changes.insert(index(name));
        }
        AlterSpec::RenameKey { old, new, .. } => {
            clause.changes.insert(index(old));
            clause.changes.insert(index(new));
        }
        AlterSpec::AddPeriod { columns } => {
            clause
                .refers
                .extend(columns.iter().map(|name| column(name)));
        }
        AlterSpec::RenameTable(_) => (clause.last, clause.alone) = (true, true),
        AlterSpec::Partitioning(_) | AlterSpec::PartitionOperation { .. } => clause.alone = true,
        AlterSpec::AddCheck { .. }
        | AlterSpec::ConvertCharset(_)
        | AlterSpec::Options(_)
        | AlterSpec::SystemVersioning
        | AlterSpec::Other => {}
    }
}

fn note_position(position: &Position, clause: &mut Clause) {
    if let Position::After(name) = position {
        clause
            .refers
            .insert(format!("column {}", name.to_lowercase()));
    }
}

/// One statement of the result.
#[derive(Debug, Default)]
struct Part {
    texts: Vec<String>,
    changes: BTreeSet<String>,
    refers: BTreeSet<String>,
    alone: bool,
    manner_only: bool,
}

impl Part {
    fn of(clause: Clause) -> Self {
        let mut part = Self {
            manner_only: true,
            ..Self::default()
        };
        part.push(clause);
        part
    }

    fn takes(&self, clause: &Clause) -> bool {
        if clause.manner {
            return true;
        }
        let free = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.is_disjoint(other);
        (self.manner_only || !(self.alone || clause.alone))
            && free(&self.changes, &clause.changes)
            && free(&self.changes, &clause.refers)
            && free(&self.refers, &clause.changes)
    }

    fn push(&mut self, clause: Clause) {
        self.texts.push(clause.text);
        self.changes.extend(clause.changes);
        self.refers.extend(clause.refers);
        self.alone |= clause.alone;
        self.manner_only &= clause.manner;
    }
}
