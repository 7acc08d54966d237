//! A place among a statement's tokens.

use crate::context::{Context, Flavor};
use crate::error::ParseError;
use crate::lexer::{Token, TokenKind, decode_name, decode_string};
use crate::statement::{NameRole, NameUse, Span, TableRef};

/// Result of a parsing step.
pub(super) type Parsed<T> = Result<T, ParseError>;

/// A place among a statement's tokens, and the names found so far.
pub(super) struct Cursor<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    context: &'a Context<'a>,
    names: Vec<NameUse>,
    /// Database of the table being defined: that of an unqualified foreign key's parent.
    child_schema: String,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `tokens`, whose spans are in `text`.
    pub(super) fn new(text: &'a str, tokens: &'a [Token], context: &'a Context<'a>) -> Self {
        Self {
            text,
            tokens,
            at: 0,
            context,
            names: Vec::new(),
            child_schema: String::new(),
        }
    }

    pub(super) fn context(&self) -> &'a Context<'a> {
        self.context
    }

    pub(super) fn is_mariadb(&self) -> bool {
        self.context.flavor == Flavor::Mariadb
    }

    pub(super) fn into_names(self) -> Vec<NameUse> {
        self.names
    }

    /// The token so many places ahead; `End` after the last.
    pub(super) fn peek_at(&self, ahead: usize) -> Token {
        let end = Token {
            kind: TokenKind::End,
            span: Span {
                start: self.text.len(),
                end: self.text.len(),
            },
        };
        self.tokens
            .get(self.at.saturating_add(ahead))
            .copied()
            .unwrap_or(end)
    }

    pub(super) fn peek(&self) -> Token {
        self.peek_at(0)
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek();
        self.at = self.at.saturating_add(1).min(self.tokens.len());
        token
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.tokens.len());
    }

    /// The place, for [`Cursor::back_to`].
    pub(super) fn mark(&self) -> usize {
        self.at
    }

    /// Goes back to a place; names found since are forgotten by whoever goes back over one.
    pub(super) fn back_to(&mut self, mark: usize) {
        self.at = mark;
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Byte where the next token starts.
    pub(super) fn offset(&self) -> usize {
        self.peek().span.start
    }

    /// Byte where the last token read ends.
    pub(super) fn last_end(&self) -> usize {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(0, |token| token.span.end)
    }

    pub(super) fn raw(&self, token: Token) -> &'a str {
        self.text
            .get(token.span.start..token.span.end)
            .unwrap_or_default()
    }

    /// Whether the token so many places ahead is this keyword.
    pub(super) fn word_at(&self, ahead: usize, word: &str) -> bool {
        let token = self.peek_at(ahead);
        token.kind == TokenKind::Word && self.raw(token).eq_ignore_ascii_case(word)
    }

    pub(super) fn word(&self, word: &str) -> bool {
        self.word_at(0, word)
    }

    pub(super) fn any_word(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.word(word))
    }

    /// Whether these keywords come next, in this order.
    pub(super) fn words(&self, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(ahead, word)| self.word_at(ahead, word))
    }

    pub(super) fn accept(&mut self, word: &str) -> bool {
        self.accept_all(&[word])
    }

    /// Reads these keywords if all of them come next.
    pub(super) fn accept_all(&mut self, words: &[&str]) -> bool {
        let found = self.words(words);
        if found {
            self.skip(words.len());
        }
        found
    }

    /// Reads one of these keywords.
    pub(super) fn accept_any<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        let found = words.iter().find(|word| self.word(word)).copied()?;
        self.skip(1);
        Some(found)
    }

    pub(super) fn expect(&mut self, word: &str) -> Parsed<()> {
        if self.accept(word) {
            Ok(())
        } else {
            Err(self.expected(word))
        }
    }

    pub(super) fn punct_at(&self, ahead: usize, byte: u8) -> bool {
        self.peek_at(ahead).kind == TokenKind::Punct(byte)
    }

    pub(super) fn punct(&self, byte: u8) -> bool {
        self.punct_at(0, byte)
    }

    pub(super) fn accept_punct(&mut self, byte: u8) -> bool {
        let found = self.punct(byte);
        if found {
            self.skip(1);
        }
        found
    }

    pub(super) fn expect_punct(&mut self, byte: u8) -> Parsed<()> {
        if self.accept_punct(byte) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{}`", char::from(byte))))
        }
    }

    /// The error that `what` doesn't stand here.
    pub(super) fn expected(&self, what: &str) -> ParseError {
        let token = self.peek();
        let found: String = match token.kind {
            TokenKind::End => String::from("the end"),
            _ => format!("`{}`", self.raw(token).chars().take(40).collect::<String>()),
        };
        ParseError {
            offset: token.span.start,
            message: format!("expected {what}, found {found}"),
        }
    }

    /// A name, quoted or not.
    pub(super) fn name(&mut self, what: &str) -> Parsed<String> {
        match self.peek().kind {
            TokenKind::Word | TokenKind::QuotedName => {
                let token = self.next();
                Ok(decode_name(self.raw(token)))
            }
            _ => Err(self.expected(what)),
        }
    }

    /// A table's name with or without its database, noted for rewriting.
    pub(super) fn table(&mut self, role: NameRole) -> Parsed<TableRef> {
        let default = self.context.default_schema.unwrap_or_default();
        self.table_in(role, default)
    }

    /// As [`Cursor::table`], unqualified names belonging to `default`.
    fn table_in(&mut self, role: NameRole, default: &str) -> Parsed<TableRef> {
        let start = self.offset();
        // `.t` is `t` (ODBC).
        let leading_dot = self.accept_punct(b'.');
        let first = self.name("a table name")?;
        let (schema, table) = match !leading_dot && self.accept_punct(b'.') {
            true => (first, self.name("a table name")?),
            false => (default.to_owned(), first),
        };
        let span = Span {
            start,
            end: self.last_end(),
        };
        self.names.push(NameUse {
            span,
            role,
            schema: schema.clone(),
            table: Some(table.clone()),
        });
        Ok(TableRef { schema, table })
    }

    /// The table that the rest of the statement defines or changes.
    pub(super) fn defined_table(&mut self) -> Parsed<TableRef> {
        let table = self.table(NameRole::Target)?;
        self.child_schema.clone_from(&table.schema);
        Ok(table)
    }

    /// A foreign key's parent: unqualified, it is in the child's database, whatever the session's is.
    pub(super) fn parent_table(&mut self) -> Parsed<TableRef> {
        let schema = self.child_schema.clone();
        self.table_in(NameRole::Reference, &schema)
    }

    /// A database's name, noted for rewriting.
    pub(super) fn schema(&mut self) -> Parsed<String> {
        let start = self.offset();
        let name = self.name("a database name")?;
        self.note_schema(
            Span {
                start,
                end: self.last_end(),
            },
            &name,
        );
        Ok(name)
    }

    pub(super) fn note_schema(&mut self, span: Span, name: &str) {
        self.names.push(NameUse {
            span,
            role: NameRole::Target,
            schema: name.to_owned(),
            table: None,
        });
    }

    /// A column's name; MySQL lets it be qualified, and the last part counts.
    pub(super) fn column(&mut self) -> Parsed<String> {
        let mut name = self.name("a column name")?;
        while self.accept_punct(b'.') {
            name = self.name("a column name")?;
        }
        Ok(name)
    }

    /// A string's value; strings side by side are one.
    pub(super) fn string(&mut self) -> Option<String> {
        let mut value: Option<String> = None;
        while self.peek().kind == TokenKind::String {
            let token = self.next();
            let part = decode_string(self.raw(token), self.context.no_backslash_escapes);
            value.get_or_insert_default().push_str(&part);
        }
        value
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        let token = self.peek();
        let value = self
            .raw(token)
            .parse()
            .ok()
            .filter(|_| token.kind == TokenKind::Number)?;
        self.skip(1);
        Some(value)
    }

    /// Skips a token, or a whole bracket if one opens here.
    pub(super) fn skip_item(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.next().kind {
                TokenKind::Punct(b'(') => depth = depth.saturating_add(1),
                TokenKind::Punct(b')') => depth = depth.saturating_sub(1),
                TokenKind::End => return,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Skips a bracket; an error if none opens here.
    pub(super) fn skip_bracket(&mut self) -> Parsed<()> {
        if !self.punct(b'(') {
            return Err(self.expected("`(`"));
        }
        self.skip_item();
        Ok(())
    }

    /// Whether a clause ends here: a comma, a closing bracket, the end, or the partitioning that may follow
    /// the last clause of an ALTER without a comma.
    pub(super) fn at_clause_end(&self) -> bool {
        matches!(
            self.peek().kind,
            TokenKind::End | TokenKind::Punct(b',' | b')')
        ) || self.at_partitioning()
    }

    /// Whether PARTITION BY or REMOVE PARTITIONING comes next.
    pub(super) fn at_partitioning(&self) -> bool {
        self.words(&["PARTITION", "BY"]) || self.words(&["REMOVE", "PARTITIONING"])
    }

    /// Skips to the end of the clause.
    pub(super) fn skip_clause(&mut self) {
        while !self.at_clause_end() {
            self.skip_item();
        }
    }

    /// Skips the rest of the statement.
    pub(super) fn skip_rest(&mut self) {
        self.at = self.tokens.len();
    }

    /// IF EXISTS.
    pub(super) fn if_exists(&mut self) -> bool {
        self.accept_all(&["IF", "EXISTS"])
    }

    /// IF NOT EXISTS.
    pub(super) fn if_not_exists(&mut self) -> bool {
        self.accept_all(&["IF", "NOT", "EXISTS"])
    }

    /// WAIT n and NOWAIT of MariaDB.
    pub(super) fn lock_wait(&mut self) {
        if self.word("WAIT") && self.peek_at(1).kind == TokenKind::Number {
            self.skip(2);
        } else {
            self.accept("NOWAIT");
        }
    }
}
