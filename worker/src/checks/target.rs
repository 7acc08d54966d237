//! Is the target fit to be written to?

use super::finding::Finding;
use super::grants::Grants;
use super::item::{Item, Wanted};
use super::privileges::{quoted, some_of};
use super::probe::Probe;
use crate::database::ServerKind;
use dm_model::{DmError, TableName};
use std::collections::{BTreeMap, BTreeSet};

/// Needed from the first row on.
const WRITE: &[&str] = &["CREATE", "SELECT", "INSERT", "UPDATE", "DELETE"];
/// Needed once the source sends DDL.
const CHANGE: &[&str] = &["ALTER", "DROP", "INDEX"];

/// What the other checks need to know of the target.
#[derive(Clone, Debug, Default)]
pub(super) struct TargetFacts {
    pub(super) charsets: BTreeSet<String>,
    pub(super) collations: BTreeSet<String>,
    /// Letter case of table names doesn't tell tables apart.
    pub(super) folds_case: bool,
    /// As the server names itself.
    pub(super) uuid: String,
}

impl TargetFacts {
    /// Asks the target.
    pub(super) async fn read(probe: &mut Probe) -> Result<Self, DmError> {
        let charsets: Vec<(String,)> = probe
            .rows("SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS")
            .await?;
        let mut collations: Vec<(Option<String>,)> = probe
            .rows("SELECT COLLATION_NAME FROM information_schema.COLLATIONS")
            .await?;
        if probe.identity.kind == ServerKind::Mariadb {
            // Newer ones list collations for all character sets under a short name only; older ones lack the column.
            let full = "SELECT FULL_COLLATION_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY";
            collations.extend(
                probe
                    .rows::<(Option<String>,)>(full)
                    .await
                    .unwrap_or_default(),
            );
        }
        let folding = probe
            .variable("lower_case_table_names")
            .await?
            .unwrap_or_default();
        Ok(Self {
            charsets: charsets
                .into_iter()
                .map(|(name,)| name.to_lowercase())
                .collect(),
            collations: collations
                .into_iter()
                .filter_map(|(name,)| Some(name?.to_lowercase()))
                .collect(),
            folds_case: folding != "0",
            uuid: probe.identity.uuid.clone(),
        })
    }

    /// `utf8` and `utf8mb3` are the same under two names.
    pub(super) fn knows_charset(&self, name: &str) -> bool {
        known(&self.charsets, name)
    }

    pub(super) fn knows_collation(&self, name: &str) -> bool {
        known(&self.collations, name)
    }
}

fn known(names: &BTreeSet<String>, name: &str) -> bool {
    let name = name.to_lowercase();
    let twin = match name.strip_prefix("utf8mb3") {
        Some(rest) => format!("utf8{rest}"),
        None if name == "utf8" || name.starts_with("utf8_") => name.replacen("utf8", "utf8mb3", 1),
        None => name.clone(),
    };
    names.contains(&name) || names.contains(&twin)
}

/// Looks at privileges, and at tables that exist already.
pub(super) async fn check(
    probe: &mut Probe,
    wanted: &Wanted,
    tables: &BTreeSet<TableName>,
    meta_schema: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if wanted.wants(Item::TargetPrivilege) {
        let mut finding = Finding::new(
            "target db privilege checker",
            "check privileges of target DB",
            &probe.address,
        );
        match Grants::read(probe).await {
            Ok(grants) => privileges(&grants, tables, meta_schema, &mut finding),
            Err(error) => finding.not_evaluated(&error),
        }
        findings.push(finding);
    }
    let mut finding = Finding::new(
        "target db suitability",
        "check whether the target can be written to transactionally",
        &probe.address,
    );
    if let Err(error) = suitability(probe, tables, &mut finding).await {
        finding.not_evaluated(&error);
    }
    findings.push(finding);
    findings
}

fn privileges(
    grants: &Grants,
    tables: &BTreeSet<TableName>,
    meta_schema: &str,
    finding: &mut Finding,
) {
    let mut schemas: BTreeSet<&str> = tables.iter().map(|table| table.schema.as_str()).collect();
    schemas.insert(meta_schema);
    let mut lacking: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
    for schema in schemas {
        let missing = |needed: &&&str| !grants.on_schema(needed, schema);
        let missing: Vec<&str> = WRITE
            .iter()
            .chain(CHANGE)
            .filter(missing)
            .copied()
            .collect();
        if !missing.is_empty() {
            lacking.entry(missing).or_default().push(schema);
        }
    }
    for (missing, schemas) in lacking {
        let statements: Vec<String> = schemas
            .iter()
            .map(|schema| grants.statement(&missing, &format!("{}.*", quoted(schema))))
            .collect();
        let statements = statements.join(" ");
        let text = format!(
            "lack of {} on {}: run {statements}",
            missing.join(", "),
            some_of(&schemas)
        );
        if missing.iter().any(|privilege| WRITE.contains(privilege)) {
            finding.fail(text, statements);
        } else {
            finding.warn(text, statements);
        }
    }
}

async fn suitability(
    probe: &mut Probe,
    tables: &BTreeSet<TableName>,
    finding: &mut Finding,
) -> Result<(), DmError> {
    if probe.identity.kind == ServerKind::Tidb {
        return Ok(());
    }
    for variable in ["super_read_only", "read_only"] {
        let value = probe.variable(variable).await?.unwrap_or_default();
        if value.eq_ignore_ascii_case("ON") || value == "1" {
            finding.fail(
                format!("{variable} is on"),
                "Use the primary as the target.",
            );
            return Ok(());
        }
    }
    let folds_case = probe
        .variable("lower_case_table_names")
        .await?
        .is_some_and(|value| value != "0");
    let fold = |name: &TableName| {
        if folds_case {
            TableName::new(name.schema.to_lowercase(), name.table.to_lowercase())
        } else {
            name.clone()
        }
    };
    let wanted: BTreeSet<TableName> = tables.iter().map(fold).collect();
    let rows: Vec<(String, String, String)> = probe
        .rows(
            "SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE FROM information_schema.TABLES \
             WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE IS NOT NULL AND ENGINE NOT IN \
             (SELECT ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES')",
        )
        .await?;
    let unfit: Vec<String> = rows
        .into_iter()
        .map(|(schema, table, engine)| (TableName::new(schema, table), engine))
        .filter(|(name, _)| wanted.contains(&fold(name)))
        .map(|(name, engine)| format!("{name} ({engine})"))
        .collect();
    if !unfit.is_empty() {
        let names: Vec<&str> = unfit.iter().map(String::as_str).collect();
        finding.fail(
            format!(
                "tables of the target without transactions: {}",
                some_of(&names)
            ),
            "Run ALTER TABLE … ENGINE=InnoDB for them: progress and rows must commit together.",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_has_two_names() {
        let facts = TargetFacts {
            charsets: ["utf8mb4", "utf8"].map(str::to_owned).into(),
            collations: ["utf8mb3_bin", "utf8mb4_bin"].map(str::to_owned).into(),
            ..TargetFacts::default()
        };
        assert!(
            facts.knows_charset("utf8mb3")
                && facts.knows_charset("UTF8")
                && !facts.knows_charset("big5")
        );
        assert!(facts.knows_collation("utf8_bin") && facts.knows_collation("utf8mb3_bin"));
        assert!(
            facts.knows_collation("utf8mb4_bin") && !facts.knows_collation("utf8mb4_uca1400_ai_ci")
        );
    }
}
