//! What an account may do, read from SHOW GRANTS.

use super::probe::{Probe, text_of};
use crate::database::ServerKind;
use dm_model::DmError;
use mysql_async::Row;

/// The privileges of the connected account.
#[derive(Clone, Debug, Default)]
pub(super) struct Grants {
    lines: Vec<Line>,
    /// As GRANT takes it: `'user'@'host'`.
    pub(super) account: String,
}

#[derive(Clone, Debug)]
struct Line {
    /// False: a partial revoke.
    granted: bool,
    privileges: Vec<String>,
    /// `None`: all schemas.
    schema: Option<String>,
    /// `None`: all tables.
    table: Option<String>,
}

impl Grants {
    /// Reads the grants of the connection's account, those of its active roles included.
    pub(super) async fn read(probe: &mut Probe) -> Result<Self, DmError> {
        let current = probe.text("SELECT CURRENT_USER()").await?;
        let role = match probe.identity.kind {
            // MariaDB lists the grants of roles by itself.
            ServerKind::Mariadb => String::new(),
            _ if probe.identity.number < 80_000 => String::new(),
            _ => probe
                .text("SELECT CURRENT_ROLE()")
                .await
                .unwrap_or_default(),
        };
        let query = if role.is_empty() || role.eq_ignore_ascii_case("NONE") {
            "SHOW GRANTS".to_owned()
        } else {
            format!("SHOW GRANTS FOR CURRENT_USER() USING {role}")
        };
        let rows: Vec<Row> = probe.rows(&query).await?;
        let texts: Vec<String> = rows.iter().filter_map(|row| text_of(row, 0)).collect();
        Ok(Self::parse(&texts, &current))
    }

    fn parse(texts: &[String], current: &str) -> Self {
        let account = match current.rsplit_once('@') {
            Some((user, host)) => format!("'{user}'@'{host}'"),
            None => format!("'{current}'"),
        };
        Self {
            lines: texts.iter().filter_map(|text| Line::parse(text)).collect(),
            account,
        }
    }

    /// Whether a privilege holds everywhere.
    pub(super) fn global(&self, privilege: &str) -> bool {
        self.lines
            .iter()
            .any(|line| line.granted && line.schema.is_none() && line.names(privilege))
    }

    /// Whether a privilege holds on a whole schema.
    pub(super) fn on_schema(&self, privilege: &str, schema: &str) -> bool {
        let revoked = self.lines.iter().any(|line| {
            !line.granted
                && line.names(privilege)
                && line
                    .schema
                    .as_deref()
                    .is_some_and(|pattern| like(pattern, schema))
        });
        let granted = |line: &&Line| {
            line.granted
                && line.names(privilege)
                && line.table.is_none()
                && line
                    .schema
                    .as_deref()
                    .is_some_and(|pattern| like(pattern, schema))
        };
        self.lines.iter().any(|line| granted(&line)) || (!revoked && self.global(privilege))
    }

    /// Whether a privilege holds on a table.
    pub(super) fn on_table(&self, privilege: &str, schema: &str, table: &str) -> bool {
        self.on_schema(privilege, schema)
            || self.lines.iter().any(|line| {
                line.granted
                    && line.names(privilege)
                    && line
                        .schema
                        .as_deref()
                        .is_some_and(|s| s.eq_ignore_ascii_case(schema))
                    && line
                        .table
                        .as_deref()
                        .is_some_and(|t| t.eq_ignore_ascii_case(table))
            })
    }

    /// The statement that gives what is missing.
    pub(super) fn statement(&self, privileges: &[&str], on: &str) -> String {
        format!(
            "GRANT {} ON {on} TO {};",
            privileges.join(", "),
            self.account
        )
    }
}

impl Line {
    /// `GRANT a, b (col) ON x.y TO …`; lines that grant roles or proxies have nothing for us.
    fn parse(text: &str) -> Option<Self> {
        let (granted, rest) = match (text.strip_prefix("GRANT "), text.strip_prefix("REVOKE ")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return None,
        };
        let (privileges, rest) = rest.split_once(" ON ")?;
        let (object, _) = rest.split_once(if granted { " TO " } else { " FROM " })?;
        let (schema, rest) = name(object.trim())?;
        let (table, _) = name(rest.strip_prefix('.')?)?;
        let whole = |name: String| (name != "*").then_some(name);
        Some(Self {
            granted,
            privileges: split(privileges),
            schema: whole(schema),
            table: whole(table),
        })
    }

    fn names(&self, privilege: &str) -> bool {
        self.privileges
            .iter()
            .any(|p| p == privilege || p == "ALL PRIVILEGES" || p == "ALL")
    }
}

/// Privileges that hold on whole tables: those limited to columns are left out.
fn split(privileges: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0_u32;
    let mut current = String::new();
    let mut limited = false;
    for c in privileges.chars().chain([',']) {
        match c {
            '(' => (depth, limited) = (depth.saturating_add(1), true),
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                if !limited {
                    names.push(current.trim().to_ascii_uppercase());
                }
                current.clear();
                limited = false;
            }
            _ => current.push(c),
        }
    }
    names
}

/// A name in backticks (doubled inside) or bare, and what follows it.
fn name(text: &str) -> Option<(String, &str)> {
    let Some(rest) = text.strip_prefix('`') else {
        let end = text.find('.').unwrap_or(text.len());
        return Some((text.get(..end)?.to_owned(), text.get(end..)?));
    };
    let mut name = String::new();
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '`' {
            name.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == '`') {
            chars.next();
            name.push('`');
        } else {
            return Some((name, rest.get(at + 1..)?));
        }
    }
    None
}

/// Schema names in grants are LIKE patterns: `%`, `_`, and backslash before either. Case is ignored,
/// because servers differ in that; a check that is too kind is corrected by the task itself.
fn like(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let name: Vec<char> = name.to_lowercase().chars().collect();
    matches(&pattern, &name)
}

fn matches(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['%', rest @ ..], _) => {
            (0..=name.len()).any(|skip| name.get(skip..).is_some_and(|name| matches(rest, name)))
        }
        (['\\', literal, rest @ ..], [c, name @ ..]) => literal == c && matches(rest, name),
        (['_', rest @ ..], [_, name @ ..]) => matches(rest, name),
        ([p, rest @ ..], [c, name @ ..]) => p == c && matches(rest, name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(texts: &[&str]) -> Grants {
        Grants::parse(
            &texts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "dm@%",
        )
    }

    #[test]
    fn global_schema_and_table_grants() {
        let grants = grants(&[
            "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `dm`@`%`",
            "GRANT SELECT, LOCK TABLES ON `shop\\_1`.* TO `dm`@`%`",
            "GRANT SELECT, UPDATE (`a`, `b`) ON `other`.`it``s` TO `dm`@`%`",
            "GRANT `role`@`%` TO `dm`@`%`",
            "GRANT PROXY ON ''@'' TO 'root'@'localhost' WITH GRANT OPTION",
        ]);
        assert!(grants.global("REPLICATION SLAVE") && !grants.global("SELECT"));
        assert!(grants.on_schema("SELECT", "shop_1") && !grants.on_schema("SELECT", "shopx1"));
        assert!(
            grants.on_table("SELECT", "other", "it`s") && !grants.on_table("SELECT", "other", "t")
        );
        assert!(!grants.on_table("UPDATE", "other", "it`s"));
        assert_eq!(
            grants.statement(&["SELECT"], "`a`.*"),
            "GRANT SELECT ON `a`.* TO 'dm'@'%';"
        );
    }

    #[test]
    fn all_covers_everything_but_partial_revokes() {
        let grants = grants(&[
            "GRANT ALL PRIVILEGES ON *.* TO 'dm'@'%' IDENTIFIED BY PASSWORD '*X'",
            "REVOKE SELECT ON `secret`.* FROM `dm`@`%`",
        ]);
        assert!(grants.on_table("SELECT", "a", "b") && grants.global("LOCK TABLES"));
        assert!(!grants.on_schema("SELECT", "secret"));
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("shop%", "shop_2", true),
            ("%", "x", true),
            ("a_c", "abc", true),
            ("a\\_c", "abc", false),
            ("", "", true),
        ] {
            assert_eq!(like(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn odd_texts_are_passed_over() {
        for text in [
            "",
            "GRANT",
            "GRANT SELECT ON `open TO x",
            "GRANT SELECT ON x TO y",
            "nonsense ON a.b TO c",
        ] {
            assert!(Line::parse(text).is_none(), "{text}");
        }
    }
}
