//! The key tables as documentation.

use std::fmt::Write as _;

use super::{Key, SOURCE, TASK, Treatment, Ty};
use crate::config::expected;

/// The whole of `docs/configuration.md`.
pub fn render_markdown() -> String {
    let mut page = String::from(
        "# Configuration of sources and tasks\n\n\
         Generated from `proto/model/src/keys/` by `DM_BLESS=1 cargo test -p dm-model`; edit there.\n\n\
         Every key of DM's `source.yaml` and `task.yaml` is read. What happens to it:\n\n\
         - **honoured**: it does what it does in DM (keys marked *Ours* are new).\n\
         - **mapped**: it becomes something of ours, and a notice says what.\n\
         - **notice**: it is accepted without effect, and a notice says so.\n\
         - **refused**: it is an error, because ignoring it would change what the task does.\n\n\
         Values in *without* give neither notice nor refusal. Any other key is an error that names \
         line and column. `[]` is an entry of a list, `*` a name that you choose.\n",
    );
    section(&mut page, "source.yaml", SOURCE);
    section(&mut page, "task.yaml", TASK);
    page
}

fn section(page: &mut String, title: &str, keys: &[Key]) {
    let _ = write!(
        page,
        "\n## {title}\n\n| Key | Value | Default | Treatment | What it is for |\n|---|---|---|---|---|\n"
    );
    rows(page, "", keys);
}

fn rows(page: &mut String, prefix: &str, keys: &[Key]) {
    for key in keys {
        let path = format!("{prefix}{}", key.name);
        let _ = writeln!(
            page,
            "| `{path}` | {} | {} | {} | {} |",
            cell(&expected(key.ty)),
            default(key),
            cell(&treatment(key)),
            cell(key.doc),
        );
        match key.ty {
            Ty::Block(inner) => rows(page, &format!("{path}."), inner),
            Ty::BlockList(inner) => rows(page, &format!("{path}[]."), inner),
            Ty::NamedBlocks(inner) => rows(page, &format!("{path}.*."), inner),
            _ => {}
        }
    }
}

fn default(key: &Key) -> String {
    match key.default {
        "" => String::new(),
        text => format!("`{}`", cell(text)),
    }
}

fn treatment(key: &Key) -> String {
    let (word, text) = match key.treatment {
        Treatment::Honoured => return "honoured".to_owned(),
        Treatment::Mapped(text) => ("mapped", text),
        Treatment::Notice(text) => ("notice", text),
        Treatment::Refused(text) => ("refused", text),
    };
    let harmless: Vec<&str> = key
        .harmless
        .iter()
        .copied()
        .filter(|v| !v.is_empty())
        .collect();
    if harmless.is_empty() {
        format!("**{word}**: {text}")
    } else {
        format!("**{word}**: {text} (without: {})", harmless.join(", "))
    }
}

/// A bar ends a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the page lives in the repository.
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");

    #[test]
    fn the_page_is_fresh() {
        let fresh = render_markdown();
        if std::env::var_os("DM_BLESS").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).unwrap();
            std::fs::write(PAGE, &fresh).unwrap();
        }
        let stored = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(
            stored == fresh,
            "docs/configuration.md is stale: run DM_BLESS=1 cargo test -p dm-model"
        );
    }
}
