//! A statement: text, names in it, meaning.

use super::edit::{Edit, apply_edits, push_quoted};
use super::{Kind, NameRole, NameUse, Span};
use crate::context::Server;

/// One statement of a text.
#[derive(Debug, Clone)]
pub struct Statement {
    pub(crate) text: String,
    pub(crate) kind: Kind,
    pub(crate) server: Server,
    pub(crate) names: Vec<NameUse>,
    /// What [`Statement::resolved`] takes out: markers of active executable comments, inactive ones whole.
    pub(crate) cuts: Vec<Span>,
    /// The START TRANSACTION that ends a CREATE … SELECT.
    pub(crate) suffix: Option<Span>,
}

impl Statement {
    /// The text as the user wrote it, without the terminating semicolon.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The meaning.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The server that wrote it.
    pub fn server(&self) -> Server {
        self.server
    }

    /// Every table and database name in the text, in its order.
    pub fn names(&self) -> &[NameUse] {
        &self.names
    }

    /// The tables that the statement changes or copies, resolved, in the order of the text. Parents of
    /// foreign keys aren't among them.
    pub fn tables(&self) -> Vec<(String, String)> {
        self.table_names(|role| role != NameRole::Reference)
    }

    /// The parents of the foreign keys that the statement declares.
    pub fn references(&self) -> Vec<(String, String)> {
        self.table_names(|role| role == NameRole::Reference)
    }

    fn table_names(&self, wanted: impl Fn(NameRole) -> bool) -> Vec<(String, String)> {
        let named = self.names.iter().filter(|name| wanted(name.role));
        named
            .filter_map(|name| Some((name.schema.clone(), name.table.clone()?)))
            .collect()
    }

    /// The text with its table and database names replaced; everything else stays byte for byte. Tables
    /// come out qualified, as `map` says; a database that `map` returns empty is left away.
    pub fn rewrite(
        &self,
        map: &mut dyn FnMut(&str, &str) -> (String, String),
        map_schema: &mut dyn FnMut(&str) -> String,
    ) -> String {
        apply_edits(&self.text, self.name_edits(map, map_schema))
    }

    /// The text with executable comments as the source's server saw them (active ones unwrapped, others
    /// gone), and without the START TRANSACTION of a CREATE … SELECT. Sent as it is, the target would
    /// judge the comments by its own version.
    pub fn resolved(&self) -> String {
        apply_edits(&self.text, self.cut_edits())
    }

    /// [`Statement::resolved`] and [`Statement::rewrite`] in one: what goes to the target.
    pub fn rewrite_resolved(
        &self,
        map: &mut dyn FnMut(&str, &str) -> (String, String),
        map_schema: &mut dyn FnMut(&str) -> String,
    ) -> String {
        let mut edits = self.name_edits(map, map_schema);
        edits.extend(self.cut_edits());
        apply_edits(&self.text, edits)
    }

    fn name_edits(
        &self,
        map: &mut dyn FnMut(&str, &str) -> (String, String),
        map_schema: &mut dyn FnMut(&str) -> String,
    ) -> Vec<Edit> {
        let mut edits = Vec::with_capacity(self.names.len());
        for name in &self.names {
            let inserted = name.span.start == name.span.end;
            let mut with = String::from(if inserted { " " } else { "" });
            match &name.table {
                Some(table) => {
                    let (schema, table) = map(&name.schema, table);
                    if !schema.is_empty() {
                        push_quoted(&mut with, &schema);
                        with.push('.');
                    }
                    push_quoted(&mut with, &table);
                }
                None => push_quoted(&mut with, &map_schema(&name.schema)),
            }
            if inserted {
                with.push(' ');
            }
            edits.push(Edit {
                span: name.span,
                with,
            });
        }
        edits
    }

    fn cut_edits(&self) -> Vec<Edit> {
        let mut cuts: Vec<Span> = self.cuts.clone();
        if let Some(suffix) = self.suffix {
            cuts.retain(|cut| cut.end <= suffix.start || cut.start >= suffix.end);
            cuts.push(suffix);
        }
        cuts.into_iter()
            .map(|span| Edit {
                span,
                with: String::from(" "),
            })
            .collect()
    }
}
