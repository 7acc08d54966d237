//! Definitions that TiDB refuses, in CREATE TABLE and ALTER TABLE, and the same statement without them.

use super::adapt::Refused;
use super::edits::{Tokens, edited};
use super::known::{
    CHARSET_NARROWED, EXPRESSION_DEFAULT, FULLTEXT_INDEX, INSERT_METHOD, INVISIBLE_COLUMN,
    Incompatibility, SPATIAL_INDEX, SPATIAL_TYPE, UNKNOWN_CHARSET, UNKNOWN_COLLATION,
};
use crate::context::Context;
use crate::lexer::TokenKind;
use crate::statement::{AlterSpec, Kind, Span, Statement};

const CHARSETS: &[&str] = &[
    "utf8mb4", "utf8", "utf8mb3", "ascii", "latin1", "binary", "gbk", "gb18030", "default",
];
const COLLATIONS: &[&str] = &[
    "utf8mb4_bin",
    "utf8mb4_general_ci",
    "utf8mb4_unicode_ci",
    "utf8mb4_0900_ai_ci",
    "utf8mb4_0900_bin",
    "utf8_bin",
    "utf8_general_ci",
    "utf8_unicode_ci",
    "utf8mb3_bin",
    "utf8mb3_general_ci",
    "utf8mb3_unicode_ci",
    "ascii_bin",
    "latin1_bin",
    "binary",
    "gbk_bin",
    "gbk_chinese_ci",
    "gb18030_bin",
    "gb18030_chinese_ci",
    "default",
];
const SPATIAL: &[&str] = &[
    "GEOMETRY",
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
    "GEOMCOLLECTION",
];
/// How definitions begin that are no columns; all of these words are reserved or followed by more.
const NOT_COLUMNS: &[&str] = &[
    "KEY",
    "INDEX",
    "UNIQUE",
    "PRIMARY",
    "CONSTRAINT",
    "CHECK",
    "FOREIGN",
    "PERIOD",
];
/// Functions that stand as an expression default there.
const DEFAULT_FUNCTIONS: &[&str] = &[
    "UUID",
    "JSON_OBJECT",
    "JSON_ARRAY",
    "NOW",
    "CURRENT_TIMESTAMP",
    "RAND",
    "UUID_TO_BIN",
    "DATE_FORMAT",
    "STR_TO_DATE",
    "UPPER",
    "REPLACE",
];

/// What is wrong, first of all, and the text with everything wrong replaced.
#[derive(Default)]
struct Found {
    first: Option<(&'static Incompatibility, String)>,
    edits: Vec<(Span, String)>,
}

impl Found {
    fn add(
        &mut self,
        known: &'static Incompatibility,
        tokens: &Tokens<'_>,
        span: Span,
        with: &str,
    ) {
        if self.first.is_none() {
            let clause = tokens.text.get(span.start..span.end).unwrap_or_default();
            self.first = Some((known, clause.to_owned()));
        }
        // Inside of what goes as a whole already.
        if !self
            .edits
            .iter()
            .any(|(other, _)| other.start <= span.start && span.end <= other.end)
        {
            self.edits.push((span, with.to_owned()));
        }
    }
}

/// The first definition that the target refuses, with a replacement of the whole statement.
pub(super) fn refused(statement: &Statement, context: &Context<'_>) -> Option<Refused> {
    let (is_create, is_alter) = match statement.kind() {
        Kind::CreateTable(_) => (true, false),
        Kind::AlterTable(alter) => {
            if let Some(refused) = narrowed(statement, alter) {
                return Some(refused);
            }
            (false, true)
        }
        Kind::CreateIndex { .. } | Kind::CreateDatabase { .. } | Kind::AlterDatabase { .. } => {
            (false, false)
        }
        _ => return None,
    };
    let tokens = Tokens::new(statement.text(), context).ok()?;
    let mut found = Found::default();
    if is_create {
        let open = (0..tokens.tokens.len()).find(|at| tokens.is_punct(*at, b'('))?;
        let close = tokens.after_bracket(open).saturating_sub(1);
        let items = tokens.items(open + 1, close);
        for (number, (from, to)) in items.iter().enumerate() {
            let index = index_item(&tokens, *from);
            if let Some(known) = index {
                // With the comma before it, or after the first.
                let span = if number > 0 {
                    tokens.span(from - 1, *to)
                } else {
                    tokens.span(*from, to + 1)
                };
                found.add(known, &tokens, span, "");
            } else if !tokens.any_word(*from, NOT_COLUMNS) {
                column_item(&tokens, *from, *to, &mut found);
            }
        }
        options(&tokens, close, tokens.tokens.len(), &mut found);
    } else if is_alter {
        alter_items(statement, &tokens, &mut found);
    } else if let Some(known) =
        (0..tokens.tokens.len().min(6)).find_map(|at| index_item(&tokens, at))
    {
        let clause = tokens.raw(1).to_owned();
        return Some(Refused {
            known,
            clause,
            suggestion: Some(String::new()),
        });
    }
    names_of_charsets(&tokens, &mut found);
    let (known, clause) = found.first?;
    Some(Refused {
        known,
        clause,
        suggestion: Some(edited(statement.text(), found.edits)),
    })
}

/// utf8mb4 to a smaller character set.
fn narrowed(statement: &Statement, alter: &crate::statement::AlterTable) -> Option<Refused> {
    let clause = alter.clauses.iter().find(|clause| {
        matches!(&clause.spec, AlterSpec::ConvertCharset(to)
            if to.charset.as_deref().is_some_and(|name| !name.starts_with("utf8")))
    })?;
    Some(Refused {
        known: &CHARSET_NARROWED,
        clause: statement
            .text()
            .get(clause.span.start..clause.span.end)
            .unwrap_or_default()
            .to_owned(),
        suggestion: Some(String::new()),
    })
}

fn index_item(tokens: &Tokens<'_>, from: usize) -> Option<&'static Incompatibility> {
    let index = |word: &str| {
        tokens.is_word(from, word)
            && (tokens.any_word(from + 1, &["INDEX", "KEY"]) || !tokens.any_word(from + 1, SPATIAL))
            && (tokens.any_word(from + 1, &["INDEX", "KEY"])
                || tokens.is_punct(from + 1, b'(')
                || tokens.is_punct(from + 2, b'('))
    };
    if index("FULLTEXT") {
        Some(&FULLTEXT_INDEX)
    } else if index("SPATIAL") {
        Some(&SPATIAL_INDEX)
    } else {
        None
    }
}

fn alter_items(statement: &Statement, tokens: &Tokens<'_>, found: &mut Found) {
    let Kind::AlterTable(alter) = statement.kind() else {
        return;
    };
    for clause in &alter.clauses {
        let at = |byte: usize| {
            tokens
                .tokens
                .iter()
                .position(|token| token.span.start >= byte)
                .unwrap_or(tokens.tokens.len())
        };
        let (from, to) = (at(clause.span.start), at(clause.span.end));
        match &clause.spec {
            AlterSpec::AddKey(_) => {
                if let Some(known) = index_item(tokens, from + 1) {
                    // With the comma before it, or the one after the first.
                    let span = if tokens.is_punct(from.wrapping_sub(1), b',') {
                        tokens.span(from - 1, to)
                    } else if tokens.is_punct(to, b',') {
                        tokens.span(from, to + 1)
                    } else {
                        tokens.span(from, to)
                    };
                    found.add(known, tokens, span, "");
                }
            }
            AlterSpec::AddColumn { .. } => {
                let name = from + 1 + usize::from(tokens.is_word(from + 1, "COLUMN"));
                if !tokens.is_punct(name, b'(') {
                    column_item(tokens, name, to, found);
                }
            }
            AlterSpec::ChangeColumn { .. } => {
                let named = from + 1 + usize::from(tokens.is_word(from + 1, "COLUMN"));
                let name = named + usize::from(tokens.is_word(from, "CHANGE"));
                column_item(tokens, name, to, found);
            }
            _ => {}
        }
    }
    // Nothing but the index: there is nothing to run.
    let indexes_only = alter
        .clauses
        .iter()
        .all(|clause| matches!(clause.spec, AlterSpec::AddKey(_)));
    if indexes_only && found.edits.len() == alter.clauses.len() {
        let whole = Span {
            start: 0,
            end: statement.text().len(),
        };
        found.edits = vec![(whole, String::new())];
    }
}

/// A column's definition; `from` is its name.
fn column_item(tokens: &Tokens<'_>, from: usize, to: usize, found: &mut Found) {
    if tokens.any_word(from + 1, SPATIAL) && tokens.kind(from) != TokenKind::Punct(b'(') {
        found.add(
            &SPATIAL_TYPE,
            tokens,
            tokens.span(from + 1, from + 2),
            "LONGBLOB",
        );
        for at in from + 2..to {
            if tokens.any_word(at, &["SRID", "REF_SYSTEM_ID"]) {
                let end = at + if tokens.is_punct(at + 1, b'=') { 3 } else { 2 };
                found.add(&SPATIAL_TYPE, tokens, tokens.span(at, end.min(to)), "");
            }
        }
    }
    for at in from + 1..to {
        if tokens.is_word(at, "INVISIBLE") {
            found.add(&INVISIBLE_COLUMN, tokens, tokens.span(at, at + 1), "");
        }
        if tokens.is_word(at, "DEFAULT")
            && tokens.is_punct(at + 1, b'(')
            && !tokens.any_word(at + 2, DEFAULT_FUNCTIONS)
        {
            let end = tokens.after_bracket(at + 1);
            found.add(
                &EXPRESSION_DEFAULT,
                tokens,
                tokens.span(at, end.min(to)),
                "",
            );
        }
    }
}

fn options(tokens: &Tokens<'_>, from: usize, to: usize, found: &mut Found) {
    for at in from..to {
        if tokens.is_word(at, "INSERT_METHOD") {
            let end = at + if tokens.is_punct(at + 1, b'=') { 3 } else { 2 };
            found.add(&INSERT_METHOD, tokens, tokens.span(at, end.min(to)), "");
        }
    }
}

/// Character sets and collations anywhere in the text.
fn names_of_charsets(tokens: &Tokens<'_>, found: &mut Found) {
    for at in 0..tokens.tokens.len() {
        let charset = tokens.is_word(at, "CHARSET")
            || (tokens.is_word(at, "SET")
                && at > 0
                && tokens.any_word(at - 1, &["CHARACTER", "CHAR"]));
        let collate = tokens.is_word(at, "COLLATE");
        if !charset && !collate {
            continue;
        }
        let name = at + 1 + usize::from(tokens.is_punct(at + 1, b'='));
        let value = tokens.value(name);
        let span = tokens.span(name, name + 1);
        if charset && !CHARSETS.contains(&value.as_str()) {
            found.add(&UNKNOWN_CHARSET, tokens, span, "utf8mb4");
        } else if collate && !COLLATIONS.contains(&value.as_str()) {
            found.add(&UNKNOWN_COLLATION, tokens, span, collation_for(&value));
        }
    }
}

/// The nearest collation that TiDB has.
fn collation_for(name: &str) -> &'static str {
    let (charset, rest) = name.split_once('_').unwrap_or((name, ""));
    // MariaDB writes uca1400 collations without their character set too.
    let unicode = rest.contains("uca1400") || charset == "uca1400" || rest.contains("0900");
    match charset {
        "latin1" => "latin1_bin",
        "gbk" => "gbk_bin",
        "ascii" => "ascii_bin",
        "gb18030" => "gb18030_bin",
        _ if name.ends_with("_bin") || name.ends_with("_cs") => "utf8mb4_bin",
        _ if unicode => "utf8mb4_0900_ai_ci",
        _ if rest.contains("unicode") => "utf8mb4_unicode_ci",
        _ => "utf8mb4_general_ci",
    }
}
