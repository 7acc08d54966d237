//! Statements that aren't DDL on tables and databases.
//!
//! Everything here was accepted by a server, so leading keywords suffice to tell the sort.

use super::cursor::Cursor;
use crate::lexer::TokenKind;
use crate::statement::{Kind, NameRole, Transaction};

/// Tokens between CREATE, ALTER or DROP and the object's keyword that we look through
/// (`OR REPLACE DEFINER = a@b SQL SECURITY INVOKER AGGREGATE …`).
const OBJECT_DISTANCE_MAX: usize = 24;

/// Objects of CREATE, ALTER and DROP that aren't replicated, by the keyword that names them.
const OBJECTS: &[(&str, &str)] = &[
    ("VIEW", "view"),
    ("TRIGGER", "trigger"),
    ("PROCEDURE", "procedure"),
    ("FUNCTION", "function"),
    ("EVENT", "event"),
    ("PACKAGE", "package"),
    ("LIBRARY", "library"),
    ("USER", "user"),
    ("ROLE", "role"),
    ("SERVER", "server"),
    ("TABLESPACE", "tablespace"),
    ("LOGFILE", "tablespace"),
    ("RESOURCE", "resource group"),
    ("REFERENCE", "spatial reference system"),
    ("INSTANCE", "instance"),
];

/// Commands that aren't replicated, by their first words.
const COMMANDS: &[(&[&str], &str)] = &[
    (&["GRANT"], "grant"),
    (&["REVOKE"], "revoke"),
    (&["RENAME", "USER"], "user"),
    (&["SET", "PASSWORD"], "set password"),
    (&["SET", "DEFAULT", "ROLE"], "role"),
    (&["SET"], "set"),
    (&["FLUSH"], "flush"),
    (&["ANALYZE", "TABLE"], "analyze table"),
    (&["ANALYZE", "TABLES"], "analyze table"),
    (&["ANALYZE", "LOCAL"], "analyze table"),
    (&["ANALYZE", "NO_WRITE_TO_BINLOG"], "analyze table"),
    (&["OPTIMIZE"], "optimize table"),
    (&["REPAIR"], "repair table"),
    (&["CHECK"], "check table"),
    (&["CHECKSUM"], "checksum table"),
    (&["CACHE", "INDEX"], "cache index"),
    (&["INSTALL"], "plugin"),
    (&["UNINSTALL"], "plugin"),
    (&["RESET"], "reset"),
    (&["PURGE"], "purge"),
    (&["CHANGE"], "change replication"),
    (&["USE"], "use"),
    (&["LOCK"], "lock tables"),
    (&["UNLOCK"], "unlock tables"),
];

/// Commands that change rows, or may by a function that they call.
const DML: &[(&str, &str)] = &[
    ("INSERT", "insert"),
    ("REPLACE", "replace"),
    ("UPDATE", "update"),
    ("DELETE", "delete"),
    ("LOAD", "load data"),
    ("WITH", "with"),
    ("SELECT", "select"),
    ("CALL", "call"),
    ("DO", "do"),
    ("HANDLER", "handler"),
    ("IMPORT", "import table"),
    // MariaDB runs what it analyzes.
    ("ANALYZE", "analyze statement"),
];

/// The statement's meaning if it isn't DDL on tables or databases; the cursor stays at the start then.
pub(super) fn classify(cursor: &mut Cursor<'_>) -> Option<Kind> {
    if let Some(transaction) = transaction(cursor) {
        return Some(Kind::Transaction(transaction));
    }
    if let Some((words, what)) = COMMANDS.iter().find(|(words, _)| cursor.words(words)) {
        cursor.skip(words.len());
        return Some(Kind::Ignored { what });
    }
    if let Some((word, what)) = DML.iter().find(|(word, _)| cursor.word(word)) {
        cursor.skip(1);
        dml_tables(cursor, word);
        return Some(Kind::Dml { what });
    }
    if cursor.any_word(&["CREATE", "ALTER", "DROP"]) {
        return object(cursor).map(|what| Kind::Ignored { what });
    }
    None
}

/// Whether the statement's text runs to the end, semicolons included.
pub(super) fn has_body(cursor: &mut Cursor<'_>) -> bool {
    const WITH_BODY: [&str; 6] = [
        "trigger",
        "procedure",
        "function",
        "event",
        "package",
        "library",
    ];
    match object(cursor) {
        Some(what) => WITH_BODY.contains(&what),
        None => cursor.words(&["BEGIN", "NOT", "ATOMIC"]),
    }
}

fn transaction(cursor: &Cursor<'_>) -> Option<Transaction> {
    let first = |word| cursor.word(word);
    if first("BEGIN") && !cursor.words(&["BEGIN", "NOT", "ATOMIC"])
        || cursor.words(&["START", "TRANSACTION"])
    {
        return Some(Transaction::Begin);
    }
    if first("COMMIT") {
        return Some(Transaction::Commit);
    }
    if first("ROLLBACK") {
        let to = cursor.word_at(1, "TO") || cursor.words(&["ROLLBACK", "WORK", "TO"]);
        return Some(if to {
            Transaction::RollbackTo
        } else {
            Transaction::Rollback
        });
    }
    if first("SAVEPOINT") {
        return Some(Transaction::Savepoint);
    }
    if cursor.words(&["RELEASE", "SAVEPOINT"]) {
        return Some(Transaction::ReleaseSavepoint);
    }
    first("XA").then_some(Transaction::Xa)
}

/// The object of CREATE, ALTER or DROP, unless it is a table, an index or a database.
fn object(cursor: &Cursor<'_>) -> Option<&'static str> {
    if !["CREATE", "ALTER", "DROP"]
        .iter()
        .any(|verb| cursor.word(verb))
    {
        return None;
    }
    let mut ahead = 1;
    while ahead < OBJECT_DISTANCE_MAX {
        // A definer's names may read like keywords.
        if cursor.word_at(ahead, "DEFINER") {
            ahead = after_definer(cursor, ahead);
            continue;
        }
        if ["TABLE", "TABLES", "INDEX", "DATABASE", "SCHEMA", "SEQUENCE"]
            .iter()
            .any(|word| cursor.word_at(ahead, word))
        {
            return None;
        }
        if cursor.word_at(ahead, "TEMPORARY") {
            let sequence = cursor.word_at(ahead.saturating_add(1), "SEQUENCE");
            return Some(if sequence {
                "temporary sequence"
            } else {
                "temporary table"
            });
        }
        if let Some((_, what)) = OBJECTS.iter().find(|(word, _)| cursor.word_at(ahead, word)) {
            return Some(what);
        }
        if cursor.peek_at(ahead).kind == TokenKind::End {
            return None;
        }
        ahead = ahead.saturating_add(1);
    }
    None
}

/// Skips `DEFINER = user[@host]` or `DEFINER = CURRENT_USER[()]`.
fn after_definer(cursor: &Cursor<'_>, definer: usize) -> usize {
    let mut at = definer.saturating_add(1);
    if cursor.punct_at(at, b'=') {
        at = at.saturating_add(2);
    }
    while cursor.punct_at(at, b'@') || cursor.punct_at(at, b'(') {
        at = at.saturating_add(2);
    }
    at
}

/// Notes the table that the verb names right away; others (joins, subqueries) stay unnoted.
fn dml_tables(cursor: &mut Cursor<'_>, verb: &str) {
    match verb {
        "INSERT" | "REPLACE" | "UPDATE" | "DELETE" => {
            let modifiers = [
                "LOW_PRIORITY",
                "HIGH_PRIORITY",
                "DELAYED",
                "QUICK",
                "IGNORE",
            ];
            while cursor.accept_any(&modifiers).is_some() {}
            cursor.accept_any(&["INTO", "FROM"]);
        }
        "LOAD" => {
            while !cursor.at_end() && !cursor.words(&["INTO", "TABLE"]) {
                cursor.skip(1);
            }
            cursor.skip(2);
        }
        _ => return,
    }
    // UPDATE (a JOIN b) has none here.
    cursor.table(NameRole::Target).ok();
}
