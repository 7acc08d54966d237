//! Is the source's binlog what we need?

use super::finding::Finding;
use super::item::{Item, Wanted};
use super::probe::{Probe, text_of};
use crate::database::ServerKind;
use dm_model::DmError;
use mysql_async::Row;
use std::collections::BTreeSet;

/// Oldest versions that this reads from.
const MYSQL_OLDEST: u32 = 50_600;
const MARIADB_OLDEST: u32 = 100_200;

/// Looks at one source's server; `schemas` are those that the task wants from it.
pub(super) async fn check(
    probe: &mut Probe,
    wanted: &Wanted,
    schemas: &BTreeSet<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if wanted.wants(Item::Version) {
        findings.push(version(probe));
    }
    if wanted.wants(Item::ServerId) {
        findings.push(server_id(probe));
    }
    if wanted.wants(Item::BinlogEnable) {
        let mut finding = Finding::new(
            "mysql_binlog_enable",
            "check whether mysql binlog is enabled",
            &probe.address,
        );
        expect(
            probe,
            &mut finding,
            "log_bin",
            "ON",
            "Set log_bin in the server's configuration and restart it.",
        )
        .await;
        findings.push(finding);
        findings.push(log_replica_updates(probe).await);
    }
    if wanted.wants(Item::BinlogFormat) {
        let mut finding = Finding::new(
            "mysql_binlog_format",
            "check whether mysql binlog_format is ROW",
            &probe.address,
        );
        expect(
            probe,
            &mut finding,
            "binlog_format",
            "ROW",
            "Run SET GLOBAL binlog_format = 'ROW'; sessions that are open keep their old format.",
        )
        .await;
        findings.push(finding);
    }
    if wanted.wants(Item::BinlogRowImage) {
        findings.push(row_image(probe).await);
    }
    if wanted.wants(Item::BinlogDb) {
        findings.push(binlog_db(probe, schemas).await);
    }
    findings
}

fn version(probe: &Probe) -> Finding {
    let mut finding = Finding::new(
        "mysql_version",
        "check whether the version of the database is supported",
        &probe.address,
    );
    let identity = &probe.identity;
    let oldest = match identity.kind {
        ServerKind::Tidb => {
            finding.fail(
                format!("{} is a TiDB: it writes no MySQL binlog", identity.version),
                "Use TiCDC to replicate from TiDB.",
            );
            return finding;
        }
        ServerKind::Mysql => MYSQL_OLDEST,
        ServerKind::Mariadb => MARIADB_OLDEST,
    };
    if identity.number < oldest {
        let text = format!(
            "version {} is older than {}.{}",
            identity.version,
            oldest / 10_000,
            oldest / 100 % 100
        );
        finding.warn(text, "It may work; such versions are not tested.");
    }
    finding
}

fn server_id(probe: &Probe) -> Finding {
    let mut finding = Finding::new(
        "mysql_server_id",
        "check whether mysql server_id has been greater than 0",
        &probe.address,
    );
    if probe.identity.server_id == 0 {
        finding.warn(
            "server_id is 0: the server refuses replicas",
            "Set server_id in the server's configuration.",
        );
    }
    finding
}

async fn expect(
    probe: &mut Probe,
    finding: &mut Finding,
    variable: &str,
    value: &str,
    instruction: &str,
) {
    match probe.variable(variable).await {
        Ok(Some(found)) if found.eq_ignore_ascii_case(value) => {}
        Ok(found) => {
            let found = found.unwrap_or_else(|| "unknown to the server".to_owned());
            finding.fail(
                format!("{variable} is {found}, and should be {value}"),
                instruction,
            );
        }
        Err(error) => finding.not_evaluated(&error),
    }
}

/// A replica that doesn't log what it gets from its primary has a binlog without those changes.
async fn log_replica_updates(probe: &mut Probe) -> Finding {
    let mut finding = Finding::new(
        "mysql_log_replica_updates",
        "check whether a replica logs the changes of its primary",
        &probe.address,
    );
    let on = match first_variable(probe, &["log_replica_updates", "log_slave_updates"]).await {
        Ok(value) => value.is_none_or(|value| value.eq_ignore_ascii_case("ON") || value == "1"),
        Err(error) => {
            finding.not_evaluated(&error);
            return finding;
        }
    };
    if on {
        return finding;
    }
    let instruction = "Set log_replica_updates=ON (log_slave_updates on older servers) and restart it, or use its primary as the source.";
    match is_replica(probe).await {
        Ok(false) => {}
        Ok(true) => finding.fail("the server is a replica, and log_replica_updates is OFF: changes of its primary are not in its binlog", instruction),
        Err(_) => finding.warn("log_replica_updates is OFF, and whether the server is a replica can't be seen", instruction),
    }
    finding
}

async fn first_variable(probe: &mut Probe, names: &[&str]) -> Result<Option<String>, DmError> {
    for name in names {
        if let Some(value) = probe.variable(name).await? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

async fn is_replica(probe: &mut Probe) -> Result<bool, DmError> {
    let queries: &[&str] = match probe.identity.kind {
        ServerKind::Mariadb => &["SHOW ALL SLAVES STATUS"],
        _ => &["SHOW REPLICA STATUS", "SHOW SLAVE STATUS"],
    };
    let rows: Vec<Row> = first_that_works(probe, queries).await?;
    Ok(!rows.is_empty())
}

/// Servers renamed their statements; the old name is tried when the new one isn't understood.
async fn first_that_works(probe: &mut Probe, queries: &[&str]) -> Result<Vec<Row>, DmError> {
    let mut outcome = Ok(Vec::new());
    for query in queries {
        outcome = probe.rows(query).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

async fn row_image(probe: &mut Probe) -> Finding {
    let mut finding = Finding::new(
        "mysql_binlog_row_image",
        "check whether mysql binlog_row_image is FULL",
        &probe.address,
    );
    match probe.variable("binlog_row_image").await {
        // Servers before that variable always write full images.
        Ok(None) => {}
        Ok(Some(found)) if found.eq_ignore_ascii_case("FULL") => {}
        Ok(Some(found)) => finding.warn(
            format!("binlog_row_image is {found}: a table stops at the first row of which columns are missing"),
            "Run SET GLOBAL binlog_row_image = 'FULL'; sessions that are open keep their old setting.",
        ),
        Err(error) => finding.not_evaluated(&error),
    }
    match probe.variable("binlog_row_value_options").await {
        Ok(Some(found)) if !found.is_empty() => finding.warn(
            format!(
                "binlog_row_value_options is {found}: updates of JSON columns are logged in part"
            ),
            "Run SET GLOBAL binlog_row_value_options = ''.",
        ),
        Ok(_) => {}
        Err(error) => finding.not_evaluated(&error),
    }
    finding
}

async fn binlog_db(probe: &mut Probe, schemas: &BTreeSet<String>) -> Finding {
    let mut finding = Finding::new(
        "binlog_do_db/binlog_ignore_db check",
        "check whether the wanted schemas are in the binlog",
        &probe.address,
    );
    match first_that_works(probe, &["SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"]).await {
        Ok(rows) => {
            let list = |index| {
                let text = rows
                    .first()
                    .and_then(|row| text_of(row, index))
                    .unwrap_or_default();
                text.split(',')
                    .map(|s| s.trim().to_lowercase())
                    .filter(|s| !s.is_empty())
                    .collect::<BTreeSet<_>>()
            };
            let (logged, ignored) = (list(2), list(3));
            let missing = |schema: &&String| {
                let schema = schema.to_lowercase();
                if logged.is_empty() {
                    ignored.contains(&schema)
                } else {
                    !logged.contains(&schema)
                }
            };
            let missing: Vec<&str> = schemas.iter().filter(missing).map(String::as_str).collect();
            if !missing.is_empty() {
                let text = format!(
                    "binlog_do_db or binlog_ignore_db keep these schemas out of the binlog: {}",
                    missing.join(", ")
                );
                finding.fail(text, "Change binlog_do_db and binlog_ignore_db in the server's configuration and restart it.");
            }
        }
        Err(error) => finding.not_evaluated(&error),
    }
    finding
}
