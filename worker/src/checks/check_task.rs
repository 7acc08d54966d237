//! The pre-check of a task: all sources in parallel, then the target, then everything together.

use super::finding::Finding;
use super::item::{Item, Wanted};
use super::merge::SourceSide;
use super::probe::Probe;
use super::tables::SourceTable;
use super::target::TargetFacts;
use super::{fitness, merge, plan, privileges, readiness, report, tables, target, upstream};
use crate::database::Role;
use crate::secrets;
use dm_model::config::TaskMode;
use dm_model::error::Class;
use dm_model::{
    DmError, RuleSet, SecretKey, SourceConfig, SubtaskConfig, TableName, TaskConfig, codes,
};
use dm_proto::v1::{CheckTaskCall, CheckTaskReply};
use futures::future::{join_all, try_join_all};
use std::collections::BTreeSet;

/// Threads of a load need this many more connections: one for the lock, one for the position.
const EXTRA_CONNECTIONS: u64 = 2;

/// One source of the task, connected.
pub(super) struct Side {
    pub(super) config: SourceConfig,
    pub(super) subtask: SubtaskConfig,
    pub(super) rules: RuleSet,
    pub(super) probe: Probe,
    pub(super) tables: Vec<SourceTable>,
    /// Tables that the lists leave out.
    pub(super) left_out: Vec<TableName>,
}

/// Checks a task. An error means that the checks couldn't start: a configuration that is wrong, a server
/// that can't be reached.
pub async fn check_task(call: &CheckTaskCall, key: &[u8]) -> Result<CheckTaskReply, DmError> {
    let key = secrets::key(key)?;
    let task = secrets::task(&call.yaml, key.as_ref())?.value;
    let wanted = Wanted::new(task.task_mode, &task.ignore_checking_items);
    let configs = configs(call, &task, key.as_ref())?;
    if wanted.nothing() && !call.plan {
        return Ok(CheckTaskReply {
            passed: true,
            message: String::new(),
        });
    }
    let opened = try_join_all(
        configs
            .into_iter()
            .map(|(config, subtask)| open(config, subtask)),
    )
    .await;
    let mut sides = opened.map_err(initialising)?;
    let mut target = open_probe(&task.target_database, Role::Target)
        .await
        .map_err(initialising)?;
    let facts = TargetFacts::read(&mut target).await.map_err(initialising)?;

    if call.plan {
        let plan = plan::render(&mut sides, &facts).await;
        join_all(sides.into_iter().map(|side| side.probe.close())).await;
        target.close().await;
        return Ok(CheckTaskReply {
            passed: true,
            message: plan?,
        });
    }
    let looked = join_all(
        sides
            .iter_mut()
            .map(|side| look(side, &wanted, &facts, &task.shadow_table_rules)),
    )
    .await;
    let mut findings: Vec<Finding> = looked.into_iter().flatten().collect();
    let names: BTreeSet<TableName> = sides
        .iter()
        .flat_map(|s| &s.tables)
        .map(|t| t.target.clone())
        .collect();
    findings.extend(target::check(&mut target, &wanted, &names, &task.meta_schema).await);
    if wanted.wants(Item::ConnNumber) {
        let writers: Vec<u64> = sides
            .iter()
            .map(|side| u64::from(side.subtask.loader.pool_size))
            .collect();
        findings.push(readiness::target_connections(&mut target, &writers).await);
    }
    if wanted.wants(Item::Always) {
        let all: Vec<SourceSide<'_>> = sides.iter().map(Side::for_merge).collect();
        findings.push(merge::check(&all, &facts, &target.address));
    }
    join_all(sides.into_iter().map(|side| side.probe.close())).await;
    target.close().await;
    let (passed, message) = report::render(&findings, call.error_count, call.warning_count);
    Ok(CheckTaskReply {
        passed,
        message: if passed { message } else { refusal(message) },
    })
}

impl Side {
    fn for_merge(&self) -> SourceSide<'_> {
        SourceSide {
            source: &self.config.source_id,
            uuid: &self.probe.identity.uuid,
            tables: &self.tables,
        }
    }
}

fn configs(
    call: &CheckTaskCall,
    task: &TaskConfig,
    key: Option<&SecretKey>,
) -> Result<Vec<(SourceConfig, SubtaskConfig)>, DmError> {
    let one = |source: &dm_model::SourceId| {
        let yaml = call.source_yamls.get(source.as_str()).ok_or_else(|| {
            DmError::new(
                &codes::CONFIG_SOURCE_ID_NOT_FOUND,
                format!("source {source} of task {} doesn't exist", task.name),
            )
        })?;
        Ok((secrets::source(yaml, key)?.value, task.subtask(source)?))
    };
    task.sources().map(one).collect()
}

async fn open(config: SourceConfig, subtask: SubtaskConfig) -> Result<Side, DmError> {
    let rules = subtask.rules(&config)?;
    let mut probe = open_probe(&config.from, Role::Upstream)
        .await
        .map_err(|e| e.annotate(format!("source {}", config.source_id)))?;
    let (tables, left_out) = tables::list(&mut probe, &rules).await?;
    Ok(Side {
        config,
        subtask,
        rules,
        probe,
        tables,
        left_out,
    })
}

/// DM's number for "can't connect during a check", with what the connection said below it.
async fn open_probe(config: &dm_model::DbConfig, role: Role) -> Result<Probe, DmError> {
    Probe::open(config, role).await.map_err(|error| {
        let mut outer = DmError::new(&codes::TASK_CHECK_FAILED_OPEN_DB, error.message.clone())
            .with_scope(role.scope())
            .with_kind(error.kind);
        outer.cause = error.cause;
        outer.workaround = error.workaround.or(outer.workaround);
        outer
    })
}

/// A report that forbids the start, in the text form of DM's error.
fn refusal(message: String) -> String {
    DmError::new(&codes::TASK_CHECK_SYNC_CONFIG_ERROR, message)
        .with_class(Class::DmMaster)
        .to_string()
}

fn initialising(error: DmError) -> DmError {
    error.annotate("fail to initialize checker")
}

async fn look(
    side: &mut Side,
    wanted: &Wanted,
    facts: &TargetFacts,
    shadows: &[String],
) -> Vec<Finding> {
    let schemas: BTreeSet<String> = side
        .tables
        .iter()
        .map(|table| table.name.schema.clone())
        .collect();
    let mut findings = upstream::check(&mut side.probe, wanted, &schemas).await;
    let literal = literal_schemas(&side.subtask);
    findings.extend(privileges::check(&mut side.probe, wanted, &side.tables, &literal).await);
    if wanted.wants(Item::ConnNumber) {
        findings.push(connections(&mut side.probe, u64::from(side.subtask.mydumper.threads)).await);
    }
    if wanted.wants(Item::TableSchema) {
        findings.push(tables::check(&mut side.probe, &side.tables, facts).await);
    }
    if wanted.wants(Item::OnlineDdl) && side.subtask.online_ddl {
        findings.push(readiness::online_ddl(
            &side.probe.address,
            shadows,
            &side.tables,
        ));
    }
    if wanted.wants(Item::MetaPosition) && side.subtask.mode == TaskMode::Incremental {
        findings.push(readiness::meta_position(&mut side.probe, &side.subtask).await);
    }
    if side.subtask.mode == TaskMode::All {
        findings.push(readiness::retention(&mut side.probe, &side.tables).await);
    }
    if wanted.wants(Item::Always) {
        findings.push(fitness::check(&mut side.probe, &side.rules, &side.tables).await);
    }
    findings
}

/// Schemas that the block-allow-list names without a pattern.
fn literal_schemas(subtask: &SubtaskConfig) -> Vec<String> {
    let names = subtask.block_allow_list.do_dbs.iter();
    names
        .filter(|name| !name.starts_with('~') && !name.contains(['*', '?', '[']))
        .cloned()
        .collect()
}

async fn connections(probe: &mut Probe, threads: u64) -> Finding {
    let mut finding = Finding::new(
        "dumper_conn_number_checker",
        "check whether the source allows enough connections",
        &probe.address,
    );
    let needed = threads.saturating_add(EXTRA_CONNECTIONS);
    match probe.variable("max_connections").await {
        Ok(value) => match value.and_then(|value| value.parse::<u64>().ok()) {
            Some(allowed) if needed > allowed => finding.fail(
                format!("max_connections is {allowed}, and {needed} connections are needed"),
                "Raise max_connections on the source, or lower mydumpers.threads.",
            ),
            Some(_) => {}
            None => finding.warn("max_connections can't be read", ""),
        },
        Err(error) => finding.not_evaluated(&error),
    }
    finding
}
