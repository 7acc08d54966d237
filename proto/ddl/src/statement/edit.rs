//! Edits of a text by byte span.

use super::Span;

/// Replaces a span by a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) span: Span,
    pub(crate) with: String,
}

/// Applies edits to a text. An edit that overlaps an earlier one, or isn't on character bounds, is left out.
pub(crate) fn apply_edits(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.span);
    let mut out = String::with_capacity(text.len().saturating_add(edits.len().saturating_mul(16)));
    let mut done = 0;
    for edit in &edits {
        let (Some(kept), Some(_)) = (
            text.get(done..edit.span.start),
            text.get(edit.span.start..edit.span.end),
        ) else {
            continue;
        };
        out.push_str(kept);
        out.push_str(&edit.with);
        done = edit.span.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// Appends a name in backticks, with backticks in it doubled.
pub(crate) fn push_quoted(out: &mut String, name: &str) {
    out.push('`');
    for c in name.chars() {
        if c == '`' {
            out.push('`');
        }
        out.push(c);
    }
    out.push('`');
}
