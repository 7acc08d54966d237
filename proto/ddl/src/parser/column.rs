//! Column definitions.

use super::cursor::{Cursor, Parsed};
use super::{data_type, key, options};
use crate::lexer::TokenKind;
use crate::statement::{ColumnDef, ForeignKeyDef, KeyDef, Position, TableItem};
use crate::structure::{Generated, KeyKind, KeyPart, Type};

/// A column's name, type and attributes, and the keys that its attributes declare.
pub(super) fn column(cursor: &mut Cursor<'_>) -> Parsed<(ColumnDef, Vec<TableItem>)> {
    let name = cursor.column()?;
    let (ty, serial) = data_type::data_type(cursor)?;
    let mut reader = Reader {
        column: plain(name, ty),
        keys: Vec::new(),
    };
    if serial {
        reader.make_serial();
    }
    while !cursor.at_clause_end() && !at_position(cursor) {
        reader.attribute(cursor)?;
    }
    Ok((reader.column, reader.keys))
}

fn plain(name: String, ty: Type) -> ColumnDef {
    ColumnDef {
        name,
        ty,
        binary_attribute: false,
        nullable: None,
        generated: None,
        invisible: false,
        auto_increment: false,
        has_default: false,
        on_update_now: false,
        row_period: false,
    }
}

fn at_position(cursor: &Cursor<'_>) -> bool {
    cursor.any_word(&["FIRST", "AFTER"])
}

/// FIRST or AFTER a column.
pub(super) fn position(cursor: &mut Cursor<'_>) -> Parsed<Position> {
    if cursor.accept("FIRST") {
        return Ok(Position::First);
    }
    if cursor.accept("AFTER") {
        return Ok(Position::After(cursor.column()?));
    }
    Ok(Position::Unsaid)
}

struct Reader {
    column: ColumnDef,
    keys: Vec<TableItem>,
}

impl Reader {
    fn key(&mut self, kind: KeyKind) {
        let part = KeyPart {
            column: Some(self.column.name.clone()),
            prefix: None,
        };
        self.keys.push(TableItem::Key(KeyDef {
            name: None,
            kind,
            parts: vec![part],
            if_not_exists: false,
            or_replace: false,
        }));
    }

    fn primary(&mut self) {
        self.column.nullable = Some(false);
        self.key(KeyKind::Primary);
    }

    fn make_serial(&mut self) {
        self.column.nullable = Some(false);
        self.column.auto_increment = true;
        self.key(KeyKind::Unique);
    }

    fn attribute(&mut self, cursor: &mut Cursor<'_>) -> Parsed<()> {
        if self.type_attribute(cursor) || self.flag(cursor) || self.generated(cursor)? {
            return Ok(());
        }
        if cursor.accept("DEFAULT") {
            self.column.has_default = default_value(cursor);
        } else if cursor.accept_all(&["ON", "UPDATE"]) {
            default_value(cursor);
            self.column.on_update_now = true;
        } else if cursor.word("REFERENCES") {
            self.references(cursor)?;
        } else if cursor.accept("CONSTRAINT") {
            if !cursor.word("CHECK") {
                cursor.name("a constraint's name")?;
            }
        } else if cursor.accept("CHECK") {
            cursor.skip_bracket()?;
            self.keys.push(TableItem::Check { name: None });
        } else if cursor
            .accept_any(&["COMMENT", "COLUMN_FORMAT", "STORAGE"])
            .is_some()
        {
            // The value may read like an attribute: STORAGE DEFAULT.
            cursor.accept_punct(b'=');
            cursor.skip(1);
        } else {
            cursor.skip_item();
        }
        Ok(())
    }

    /// Attributes that complete the type.
    fn type_attribute(&mut self, cursor: &mut Cursor<'_>) -> bool {
        let ty = &mut self.column.ty;
        if cursor.accept("UNSIGNED") {
            ty.unsigned = true;
        } else if cursor.accept("ZEROFILL") {
            (ty.unsigned, ty.zerofill) = (true, true);
        } else if options::accept_charset(cursor) {
            ty.charset = options::name_or_default(cursor);
        } else if cursor.accept("COLLATE") {
            cursor.accept_punct(b'=');
            ty.collation = options::name_or_default(cursor);
        } else if cursor.accept("ASCII") {
            ty.charset = Some(String::from("latin1"));
        } else if cursor.accept("UNICODE") {
            ty.charset = Some(String::from("ucs2"));
        } else if cursor.accept("BYTE") {
            ty.charset = Some(String::from("binary"));
        } else if cursor.accept("BINARY") {
            self.column.binary_attribute = true;
        } else {
            return false;
        }
        true
    }

    fn flag(&mut self, cursor: &mut Cursor<'_>) -> bool {
        let column = &mut self.column;
        if cursor.accept_all(&["NOT", "NULL"]) {
            column.nullable = Some(false);
        } else if cursor.accept("NULL") {
            column.nullable = Some(true);
        } else if cursor.accept("AUTO_INCREMENT") {
            column.auto_increment = true;
        } else if cursor.accept("INVISIBLE") {
            column.invisible = true;
        } else if cursor.accept("VISIBLE") {
            column.invisible = false;
        } else if cursor.accept_all(&["SERIAL", "DEFAULT", "VALUE"]) {
            self.make_serial();
        } else if cursor.accept("UNIQUE") {
            cursor.accept("KEY");
            self.key(KeyKind::Unique);
        } else if cursor.accept("PRIMARY") {
            cursor.accept("KEY");
            self.primary();
        } else if cursor.accept("KEY") {
            self.primary();
        } else {
            return false;
        }
        true
    }

    fn generated(&mut self, cursor: &mut Cursor<'_>) -> Parsed<bool> {
        if !cursor.accept_all(&["GENERATED", "ALWAYS", "AS"]) && !cursor.accept("AS") {
            return Ok(false);
        }
        if cursor.accept("ROW") {
            // ROW START or ROW END: the server fills it.
            cursor.skip(1);
            self.column.row_period = true;
            self.column.generated = Some(Generated::Stored);
            return Ok(true);
        }
        cursor.skip_bracket()?;
        let stored = match cursor.accept_any(&["VIRTUAL", "STORED", "PERSISTENT"]) {
            Some("STORED" | "PERSISTENT") => Generated::Stored,
            _ => Generated::Virtual,
        };
        self.column.generated = Some(stored);
        Ok(true)
    }

    fn references(&mut self, cursor: &mut Cursor<'_>) -> Parsed<()> {
        let (parent, parent_columns) = key::references(cursor)?;
        // Older servers read it and do nothing.
        if cursor.context().server().honours_inline_references() {
            self.keys.push(TableItem::ForeignKey(ForeignKeyDef {
                constraint: None,
                index: None,
                columns: vec![self.column.name.clone()],
                parent,
                parent_columns,
                if_not_exists: false,
            }));
        }
        Ok(())
    }
}

/// Skips a default's value; false if it is NULL.
pub(super) fn default_value(cursor: &mut Cursor<'_>) -> bool {
    if cursor.accept("NULL") {
        return false;
    }
    if !cursor.accept_punct(b'-') {
        cursor.accept_punct(b'+');
    }
    if cursor.accept_all(&["NEXT", "VALUE", "FOR"]) {
        cursor.column().ok();
        return true;
    }
    match cursor.peek().kind {
        TokenKind::String => {
            cursor.string();
        }
        TokenKind::Word | TokenKind::QuotedName => {
            // A function, an introducer or DATE before its string, TRUE.
            cursor.column().ok();
            if cursor.string().is_none() && cursor.punct(b'(') {
                cursor.skip_item();
            } else if matches!(cursor.peek().kind, TokenKind::Hex | TokenKind::Bit) {
                cursor.skip(1);
            }
        }
        _ => cursor.skip_item(),
    }
    true
}
