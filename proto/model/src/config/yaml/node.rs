//! One node of a YAML document.

use std::fmt;

/// Line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Place {
    pub(in crate::config) line: usize,
    pub(in crate::config) column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::config) struct Node {
    pub(in crate::config) place: Place,
    pub(in crate::config) body: Body,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::config) enum Body {
    /// A single value; `plain` when it stands without quotes and without a `!!str` tag.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// Keys and values in the order of the text.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::config) struct Entry {
    pub(in crate::config) key: String,
    pub(in crate::config) place: Place,
    pub(in crate::config) value: Node,
}

impl Node {
    /// True for a value left out, `~` and `null`: the key counts as absent.
    pub(in crate::config) fn is_null(&self) -> bool {
        match &self.body {
            Body::Scalar { text, plain: true } => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// What it is, for messages.
    pub(in crate::config) fn describe(&self) -> &'static str {
        match &self.body {
            Body::Scalar { .. } => "a single value",
            Body::List(_) => "a list",
            Body::Map(_) => "a block of keys",
        }
    }

    /// How many nodes it is made of.
    pub(super) fn count(&self) -> usize {
        let children: usize = match &self.body {
            Body::Scalar { .. } => 0,
            Body::List(items) => items.iter().map(Node::count).sum(),
            Body::Map(entries) => entries.iter().map(|e| e.value.count()).sum(),
        };
        children.saturating_add(1)
    }
}
