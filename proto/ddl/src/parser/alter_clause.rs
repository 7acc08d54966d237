//! One clause of ALTER TABLE.

use super::cursor::{Cursor, Parsed};
use super::{column, create, key, options, partition};
use crate::statement::{
    AlterSpec, CharsetClause, DefaultClause, NameRole, Position, TableItem, TableOptions,
};

/// Reads one clause; a parenthesised ADD, and keys declared as column attributes, make several changes.
pub(super) fn clause(cursor: &mut Cursor<'_>, specs: &mut Vec<AlterSpec>) -> Parsed<()> {
    if let Some(operation) = partition::operation(cursor)? {
        specs.push(operation);
        return Ok(());
    }
    if cursor.word("ORDER") && cursor.word_at(1, "BY") {
        order_by(cursor)?;
        specs.push(AlterSpec::Other);
        return Ok(());
    }
    match cursor.accept_any(&[
        "ADD", "DROP", "MODIFY", "CHANGE", "RENAME", "ALTER", "CONVERT",
    ]) {
        Some("ADD") => add(cursor, specs)?,
        Some("MODIFY") => change(cursor, specs, false)?,
        Some("CHANGE") => change(cursor, specs, true)?,
        Some("DROP") => specs.push(drop_clause(cursor)?),
        Some("RENAME") => specs.push(rename(cursor)?),
        Some("ALTER") => specs.push(alter_column(cursor)?),
        Some(_) => specs.push(convert(cursor)?),
        None => specs.push(other(cursor)?),
    }
    Ok(())
}

/// A list of columns, whose commas aren't those between clauses.
fn order_by(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.skip(2);
    loop {
        cursor.column()?;
        cursor.accept_any(&["ASC", "DESC"]);
        let ends = |ahead: usize| {
            cursor.punct_at(ahead, b',')
                || cursor.peek_at(ahead).kind == crate::lexer::TokenKind::End
        };
        let another = cursor.punct(b',')
            && (ends(2)
                || cursor.word_at(2, "ASC")
                || cursor.word_at(2, "DESC")
                || cursor.punct_at(2, b'.'));
        if !another {
            return Ok(());
        }
        cursor.skip(1);
    }
}

fn add(cursor: &mut Cursor<'_>, specs: &mut Vec<AlterSpec>) -> Parsed<()> {
    if cursor.accept_all(&["SYSTEM", "VERSIONING"]) {
        specs.push(AlterSpec::SystemVersioning);
        return Ok(());
    }
    if let Some(item) = key::definition(cursor)? {
        specs.push(added(item, false));
        return Ok(());
    }
    cursor.accept("COLUMN");
    let if_not_exists = cursor.if_not_exists();
    if cursor.punct(b'(') {
        specs.extend(
            create::definitions(cursor)?
                .into_iter()
                .map(|item| added(item, if_not_exists)),
        );
        return Ok(());
    }
    let (definition, keys) = column::column(cursor)?;
    let position = column::position(cursor)?;
    specs.push(AlterSpec::AddColumn {
        column: definition,
        position,
        if_not_exists,
    });
    specs.extend(keys.into_iter().map(|item| added(item, false)));
    Ok(())
}

fn added(item: TableItem, if_not_exists: bool) -> AlterSpec {
    match item {
        TableItem::Column(column) => AlterSpec::AddColumn {
            column,
            position: Position::Unsaid,
            if_not_exists,
        },
        TableItem::Key(key) => AlterSpec::AddKey(key),
        TableItem::ForeignKey(key) => AlterSpec::AddForeignKey(key),
        TableItem::Check { name } => AlterSpec::AddCheck { name },
        TableItem::Period { columns } => AlterSpec::AddPeriod { columns },
    }
}

fn change(cursor: &mut Cursor<'_>, specs: &mut Vec<AlterSpec>, renames: bool) -> Parsed<()> {
    cursor.accept("COLUMN");
    let if_exists = cursor.if_exists();
    let old = if renames {
        Some(cursor.column()?)
    } else {
        None
    };
    let (definition, keys) = column::column(cursor)?;
    let position = column::position(cursor)?;
    let old = old.unwrap_or_else(|| definition.name.clone());
    specs.push(AlterSpec::ChangeColumn {
        old,
        column: definition,
        position,
        if_exists,
    });
    specs.extend(keys.into_iter().map(|item| added(item, false)));
    Ok(())
}

fn drop_clause(cursor: &mut Cursor<'_>) -> Parsed<AlterSpec> {
    if cursor.accept_all(&["PRIMARY", "KEY"]) {
        return Ok(AlterSpec::DropPrimaryKey {
            if_exists: cursor.if_exists(),
        });
    }
    if cursor.accept_all(&["SYSTEM", "VERSIONING"]) {
        return Ok(AlterSpec::SystemVersioning);
    }
    if cursor.words(&["PERIOD", "FOR"]) {
        cursor.skip_clause();
        return Ok(AlterSpec::Other);
    }
    let foreign = cursor.accept_all(&["FOREIGN", "KEY"]);
    let what = match foreign {
        true => Some("FOREIGN"),
        false => cursor.accept_any(&["INDEX", "KEY", "CONSTRAINT", "CHECK", "COLUMN"]),
    };
    let if_exists = cursor.if_exists();
    let name = match what {
        None | Some("COLUMN") => cursor.column()?,
        Some(_) => cursor.name("a name")?,
    };
    cursor.accept_any(&["RESTRICT", "CASCADE"]);
    Ok(match what {
        Some("FOREIGN") => AlterSpec::DropForeignKey { name, if_exists },
        Some("INDEX" | "KEY") => AlterSpec::DropKey { name, if_exists },
        Some("CONSTRAINT") => AlterSpec::DropConstraint { name, if_exists },
        Some("CHECK") => AlterSpec::DropCheck { name },
        _ => AlterSpec::DropColumn { name, if_exists },
    })
}

fn rename(cursor: &mut Cursor<'_>) -> Parsed<AlterSpec> {
    if let Some(what) = cursor.accept_any(&["COLUMN", "INDEX", "KEY"]) {
        let if_exists = cursor.if_exists();
        let old = cursor.column()?;
        cursor.expect("TO")?;
        let new = cursor.column()?;
        return Ok(match what {
            "COLUMN" => AlterSpec::RenameColumn {
                old,
                new,
                if_exists,
            },
            _ => AlterSpec::RenameKey {
                old,
                new,
                if_exists,
            },
        });
    }
    if cursor.accept_any(&["TO", "AS"]).is_none() {
        cursor.accept_punct(b'=');
    }
    Ok(AlterSpec::RenameTable(cursor.table(NameRole::NewName)?))
}

fn alter_column(cursor: &mut Cursor<'_>) -> Parsed<AlterSpec> {
    if cursor.any_word(&["INDEX", "KEY", "CHECK", "CONSTRAINT"]) {
        cursor.skip_clause();
        return Ok(AlterSpec::Other);
    }
    cursor.accept("COLUMN");
    let if_exists = cursor.if_exists();
    let name = cursor.column()?;
    let change = if cursor.accept_all(&["DROP", "DEFAULT"]) {
        DefaultClause::Drop
    } else if cursor.accept_all(&["SET", "DEFAULT"]) {
        if column::default_value(cursor) {
            DefaultClause::Set
        } else {
            DefaultClause::SetNull
        }
    } else if cursor.accept_all(&["SET", "VISIBLE"]) {
        DefaultClause::Visible
    } else if cursor.accept_all(&["SET", "INVISIBLE"]) {
        DefaultClause::Invisible
    } else {
        return Err(cursor.expected("SET or DROP"));
    };
    cursor.skip_clause();
    Ok(AlterSpec::AlterColumn {
        name,
        change,
        if_exists,
    })
}

fn convert(cursor: &mut Cursor<'_>) -> Parsed<AlterSpec> {
    cursor.expect("TO")?;
    let mut clause = CharsetClause::default();
    if !options::charset_option(cursor, &mut clause) {
        return Err(cursor.expected("CHARACTER SET"));
    }
    options::charset_option(cursor, &mut clause);
    Ok(AlterSpec::ConvertCharset(clause))
}

/// Table options, and clauses that change no structure.
fn other(cursor: &mut Cursor<'_>) -> Parsed<AlterSpec> {
    if cursor.at_clause_end() {
        return Err(cursor.expected("a clause of ALTER TABLE"));
    }
    let mut table_options = TableOptions::default();
    while !cursor.at_clause_end() {
        options::table_option(cursor, &mut table_options)?;
    }
    Ok(match table_options == TableOptions::default() {
        true => AlterSpec::Other,
        false => AlterSpec::Options(table_options),
    })
}
