//! Names of the tables that gh-ost and pt-online-schema-change work with.

use regex::Regex;

use crate::error::{DmError, codes};

/// What users get who say nothing.
const SHADOW_DEFAULT: &str = "^_(.+)_(?:new|gho)$";
const TRASH_DEFAULT: &str = "^_(.+)_(?:ghc|del|old)$";

/// What a table's name says that it is; with the name of the real table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableRole {
    /// Any other table.
    Real,
    /// The changed copy that will take the real table's place.
    Shadow(String),
    /// Left over: a change log, or the real table's former self.
    Trash(String),
}

/// The patterns of a task. Each has one group: the real table's name.
#[derive(Debug, Clone, Default)]
pub struct OnlineDdl {
    shadow: Vec<Regex>,
    trash: Vec<Regex>,
}

impl OnlineDdl {
    /// Custom lists replace the defaults; anchors are added where they are missing.
    pub fn new(shadow: &[String], trash: &[String]) -> Result<Self, DmError> {
        Ok(Self {
            shadow: compiled("shadow-table-rules", shadow, SHADOW_DEFAULT)?,
            trash: compiled("trash-table-rules", trash, TRASH_DEFAULT)?,
        })
    }

    /// By the name alone. Without patterns every table is real.
    pub fn role(&self, table: &str) -> TableRole {
        let real = |patterns: &[Regex]| {
            patterns
                .iter()
                .find_map(|pattern| Some(pattern.captures(table)?.get(1)?.as_str().to_owned()))
        };
        match (real(&self.shadow), real(&self.trash)) {
            (Some(name), _) => TableRole::Shadow(name),
            (None, Some(name)) => TableRole::Trash(name),
            (None, None) => TableRole::Real,
        }
    }
}

fn compiled(key: &str, rules: &[String], default: &str) -> Result<Vec<Regex>, DmError> {
    let default = [default.to_owned()];
    let rules = if rules.is_empty() { &default } else { rules };
    rules
        .iter()
        .map(|rule| {
            let start = if rule.starts_with('^') { "" } else { "^" };
            let end = if rule.ends_with('$') { "" } else { "$" };
            Regex::new(&format!("{start}{rule}{end}")).map_err(|error| {
                DmError::new(
                    &codes::CONFIG_ONLINE_DDL_INVALID_REGEX,
                    format!("{key}: {rule:?} is not a regular expression"),
                )
                .with_cause(error)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_tools() {
        let rules = OnlineDdl::new(&[], &[]).unwrap();
        let shadow = |name: &str| TableRole::Shadow(name.to_owned());
        let trash = |name: &str| TableRole::Trash(name.to_owned());
        assert_eq!(rules.role("_t_gho"), shadow("t"));
        assert_eq!(rules.role("_t_new"), shadow("t"));
        assert_eq!(rules.role("__t_new"), shadow("_t"));
        assert_eq!(rules.role("_t_ghc"), trash("t"));
        assert_eq!(rules.role("_t_del"), trash("t"));
        assert_eq!(rules.role("_t_old"), trash("t"));
        for real in ["t", "t_new", "_t_newer", "_new", "__new"] {
            assert_eq!(rules.role(real), TableRole::Real, "{real}");
        }
        assert_eq!(OnlineDdl::default().role("_t_gho"), TableRole::Real);
    }

    #[test]
    fn own_patterns_replace_the_defaults_and_are_anchored() {
        let own = |text: &str| vec![text.to_owned()];
        let rules = OnlineDdl::new(&own("sh_(.+)"), &own("^tr_(.+)$")).unwrap();
        assert_eq!(rules.role("sh_t"), TableRole::Shadow("t".to_owned()));
        assert_eq!(rules.role("tr_t"), TableRole::Trash("t".to_owned()));
        assert_eq!(rules.role("a_sh_t"), TableRole::Real);
        assert_eq!(rules.role("_t_new"), TableRole::Real);
    }
}
