//! Taking a subtask over: raise, read, and set up what is new.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use dm_model::{
    BinlogPosition, DmError, GtidSet, OnlineDdl, Position, TableName, TableRole, codes,
    config::TaskMode,
};
use mysql_async::{Conn, prelude::Queryable};
use tracing::info;
use xxhash_rust::xxh3::xxh3_128;

use super::run::standing;
use crate::{
    database::ServerIdentity,
    sync::{
        apply::{Applier, Target},
        control::Control,
        errors,
        load::{DumpArgs, LoadContext},
        meta::{Lane, MetaTables, Progress, TableRow, TableState, raise},
        status::TableStatus,
        stop::Stop,
        subtask::SubtaskSpec,
        track::{TableCursors, Tracker},
        transform::Transformer,
        upstream::{Found, Upstream, current_position, list_databases, list_tables, show_create},
    },
};

/// Offset of the first event of a binlog file.
const FIRST_EVENT: u64 = 4;

/// A subtask that is ours and whose durable state is read.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) upstream: Upstream,
    pub(super) target: Target,
    pub(super) tables: MetaTables,
    pub(super) applier: Applier,
    pub(super) tracker: Tracker,
    pub(super) transformer: Transformer,
    /// The source folds the case of names.
    pub(super) fold_names: bool,
    /// The source's estimates, for progress and for sharing out lanes.
    pub(super) estimates: Arc<BTreeMap<TableName, (u64, u64)>>,
}

/// Raises the epoch, reads what is durable, and sets up a subtask that is new.
///
/// `first`: this start was ordered (granted, resumed, restarted), it is not a new try after a passing error.
pub(super) async fn take_over(
    spec: &SubtaskSpec,
    control: &Control,
    first: bool,
) -> Result<Ready, Stop> {
    let target = Target::new(spec.config.target.clone());
    let tables = MetaTables::new(&spec.config.meta_schema, &spec.token);
    let digest = digest(spec);
    let (mut conn, identity) = target.connect(control).await?;
    tables.create(&mut conn).await?;
    let raised = raise(&mut conn, &tables, &spec.token, &digest, &identity).await?;
    let mut lane = Lane::open(&target, &tables, control, 0).await?;
    if raised.older_generation {
        forget_older_generation(&mut lane, &tables, spec, &digest).await?;
    } else if raised.digest != digest {
        let message = format!(
            "routes, block-allow-list or case-sensitive of task {} changed since it began",
            spec.config.task
        );
        return Err(Stop::Definite(DmError::new(&codes::RULES_CHANGED, message)));
    }
    // Everything is read after the raise, in a new transaction (R11).
    let rows = TableRow::read_all(&mut conn, &tables).await?;
    let _closed = conn.disconnect().await;

    let upstream = Upstream::new(spec.source.clone());
    let (mut source, server) = upstream.connect().await?;
    let filter = spec.config.filter(spec.source.case_sensitive)?;
    // Before the list: a table that is made after this is created by the stream, whether the list has it or not.
    let begin = current_position(&mut source, &server, upstream.uses_gtid()).await?;
    let online = OnlineDdl::new(&spec.task.shadow_table_rules, &spec.task.trash_table_rules)?;
    let mut found = list_tables(&mut source, &filter).await?;
    if spec.config.online_ddl {
        leave_out_shadows(&mut found, &online);
    }
    let mut applier = Applier::new(
        lane,
        tables.clone(),
        control.clone(),
        rows,
        (spec.config.on_error, spec.config.on_row_mismatch),
    );
    let new = applier.at().is_none();
    let transformer = transformer(spec)?;
    if new {
        refuse_merge(&found, &transformer)?;
        set_up(spec, &mut applier, begin, &mut source, &server, &found).await?;
    }
    let fold: u8 = source
        .query_first("SELECT @@GLOBAL.lower_case_table_names")
        .await
        .map_err(errors::upstream)?
        .unwrap_or(0);
    let progress = applier.lane().progress().clone();
    let mut tracker = Tracker::new(
        fold != 0,
        filter,
        TableCursors::new(progress.at.clone()),
        server.flavor(),
        server.number,
    );
    if spec.config.online_ddl {
        tracker.online = online;
    }
    tracker.subtask = format!("{} -s {}", spec.config.task, spec.config.source_id);
    for (name, charset, collation) in list_databases(&mut source).await? {
        tracker.learn_database(&name, &charset, &collation);
    }
    if first {
        release_stopped(&mut applier).await?;
    }
    for row in applier.rows().values() {
        tracker.cursors.set(row.name.clone(), standing(row));
        if let Some(structure) = &row.structure {
            tracker.learn(&row.name, structure.clone());
        }
    }
    let estimates = found
        .into_iter()
        .map(|found| (found.name, (found.rows, found.bytes)))
        .collect();
    let estimates = Arc::new(estimates);
    let ready = Ready {
        upstream,
        target,
        tables,
        applier,
        tracker,
        transformer,
        fold_names: fold != 0,
        estimates,
    };
    publish_tables(control, &ready);
    Ok(ready)
}

/// The routes of a subtask.
pub(super) fn transformer(spec: &SubtaskSpec) -> Result<Transformer, Stop> {
    Ok(Transformer::new(
        spec.config.router(spec.source.case_sensitive)?,
    ))
}

/// What decides which rows go where: it may not change under a running migration (R27).
fn digest(spec: &SubtaskSpec) -> String {
    let rules = serde_json::json!({
        "routes": spec.config.routes,
        "block-allow-list": spec.config.block_allow_list,
        "case-sensitive": spec.config.case_sensitive || spec.source.case_sensitive,
    });
    format!("{:032x}", xxh3_128(rules.to_string().as_bytes()))
}

async fn forget_older_generation(
    lane: &mut Lane,
    tables: &MetaTables,
    spec: &SubtaskSpec,
    digest: &str,
) -> Result<(), Stop> {
    let key = tables.key();
    let statements = [
        format!("DELETE FROM {} WHERE {key}", tables.table()),
        format!("DELETE FROM {} WHERE {key} AND lane <> 0", tables.lane()),
        format!(
            "UPDATE {} SET generation = {}, digest = '{digest}' WHERE {key} AND epoch = {}",
            tables.head(),
            spec.token.generation().0,
            spec.token.epoch().0
        ),
    ];
    info!("removing the meta rows of an older generation of this task");
    lane.commit(&statements, &Progress::default())
        .await
        .map(drop)
        .map_err(|refused| refused.into_stop("removing an older generation"))
}

/// Records where the subtask begins, with every table that it begins with, in one commit.
async fn set_up(
    spec: &SubtaskSpec,
    applier: &mut Applier,
    begin: Position,
    source: &mut Conn,
    server: &ServerIdentity,
    found: &[Found],
) -> Result<(), Stop> {
    if spec.start_time.is_some() {
        return Err(Stop::Definite(
            DmError::new(
                &codes::NOT_YET_SUPPORTED,
                "--start-time comes with a later version",
            )
            .with_workaround("give `meta` with a binlog position or GTID set"),
        ));
    }
    let at = match (spec.config.mode, &spec.config.meta) {
        (TaskMode::Incremental, Some(meta)) => {
            let gtid = (!meta.binlog_gtid.is_empty())
                .then(|| GtidSet::parse_for(server.flavor(), &meta.binlog_gtid))
                .transpose()?;
            if spec.source.enable_gtid && gtid.is_none() {
                let message = format!(
                    "source {} is read by GTID (enable-gtid), `meta` gives no binlog-gtid",
                    spec.config.source_id
                );
                return Err(Stop::Definite(DmError::new(
                    &codes::LINEAGE_MISMATCH,
                    message,
                )));
            }
            let binlog =
                BinlogPosition::new(meta.binlog_name.clone(), meta.binlog_pos.max(FIRST_EVENT));
            Position {
                gtid: gtid.filter(|_| spec.source.enable_gtid),
                binlog,
                server: server.uuid.clone(),
            }
        }
        _ => begin,
    };
    let mut rows = Vec::with_capacity(found.len());
    for table in found {
        let mut row = TableRow::new(table.name.clone(), TableState::Waiting);
        if spec.config.mode == TaskMode::Incremental {
            row.state = TableState::Joined;
            row.structure = show_create(source, &table.name, server)
                .await?
                .map(|(_, structure)| structure);
        }
        rows.push(row);
    }
    applier
        .record(
            rows,
            &Progress {
                at: Some(at),
                ..Progress::default()
            },
        )
        .await
}

/// Shadow and trash tables of gh-ost and pt-osc are not copied where their real table is there.
fn leave_out_shadows(found: &mut Vec<Found>, online: &OnlineDdl) {
    let names: BTreeSet<TableName> = found.iter().map(|table| table.name.clone()).collect();
    found.retain(|table| match online.role(&table.name.table) {
        TableRole::Real => true,
        TableRole::Shadow(real) | TableRole::Trash(real) => {
            let is_real = !names.contains(&TableName::new(table.name.schema.clone(), real));
            if !is_real {
                info!(table = %table.name, "left out: by its name a table of an online schema change");
            }
            is_real
        }
    });
}

/// Several source tables in one target table need the shard-merge machinery; without it rows of one could be taken for the other's.
fn refuse_merge(found: &[Found], transformer: &Transformer) -> Result<(), Stop> {
    let mut targets: BTreeMap<String, TableName> = BTreeMap::new();
    for table in found {
        let target = transformer.route(&table.name)?;
        // Some targets fold the case of names (R39).
        if let Some(other) = targets.insert(target.to_string().to_lowercase(), table.name.clone()) {
            let message = format!("{other} and {} are both routed to {target}", table.name);
            return Err(Stop::Definite(DmError::new(
                &codes::MERGE_NOT_YET_SUPPORTED,
                message,
            )));
        }
    }
    Ok(())
}

/// Every ordered start lets stopped tables try again: a second reader takes them up from their cursors, or they are copied again.
async fn release_stopped(applier: &mut Applier) -> Result<(), Stop> {
    let rows: Vec<TableRow> = applier
        .rows()
        .values()
        .filter(|row| row.state == TableState::Stopped || !row.error.is_empty())
        .map(|row| {
            let mut released = TableRow {
                error: String::new(),
                ..row.clone()
            };
            if row.state == TableState::Stopped {
                (released.state, released.catch_up_lane) = (TableState::CatchingUp, 0);
            }
            released
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    info!(tables = rows.len(), "stopped tables go on");
    let progress = applier.lane().progress().clone();
    applier.record(rows, &progress).await
}

/// What copiers need.
pub(super) fn load_context(
    spec: &SubtaskSpec,
    control: &Control,
    ready: &Ready,
) -> Result<LoadContext, Stop> {
    Ok(LoadContext {
        upstream: ready.upstream.clone(),
        target: ready.target.clone(),
        tables: ready.tables.clone(),
        control: control.clone(),
        transformer: Arc::new(Mutex::new(transformer(spec)?)),
        on_error: spec.config.on_error,
        on_duplicate: spec.config.loader.on_duplicate_logical,
        args: DumpArgs::parse(&spec.config.mydumper)?,
        rate: Arc::default(),
        estimates: ready.estimates.clone(),
    })
}

/// Puts the tables into the status.
pub(super) fn publish_tables(control: &Control, ready: &Ready) {
    let mut errors = Vec::new();
    let tables: Vec<TableStatus> = ready
        .applier
        .rows()
        .values()
        .filter(|row| {
            // Tables of an online schema change are only remembered.
            row.structure
                .as_ref()
                .is_none_or(|structure| structure.shadow.is_none())
        })
        .map(|row| {
            let (rows_estimated, _) = ready.estimates.get(&row.name).copied().unwrap_or_default();
            let error = Some(row.error.clone()).filter(|error| !error.is_empty());
            errors.extend(error.as_deref().and_then(DmError::parse));
            TableStatus {
                source: row.name.to_string(),
                target: ready
                    .transformer
                    .route(&row.name)
                    .map_or_else(|_| String::new(), |target| target.to_string()),
                state: row.state.text(),
                rows: row.rows,
                rows_estimated: rows_estimated.max(row.rows),
                bytes: row.bytes,
                error,
            }
        })
        .collect();
    let total = ready.estimates.values().map(|(_, bytes)| bytes).sum();
    control.update(|status| {
        // Of a table that is being copied only its copier knows how far it is.
        let mut tables = tables;
        let mut shown = status.tables.iter();
        for table in tables.iter_mut().filter(|table| table.error.is_none()) {
            if ![TableState::Waiting, TableState::Loading]
                .map(TableState::text)
                .contains(&table.state)
            {
                continue;
            }
            if let Some(shown) = shown.find(|shown| shown.source == table.source) {
                (table.state, table.rows, table.bytes) = (shown.state, shown.rows, shown.bytes);
                table.rows_estimated = table.rows_estimated.max(table.rows);
            }
        }
        status.load_bytes_done = tables.iter().map(|table| table.bytes).sum();
        status.load_bytes_total = total;
        status.tables = tables;
        status.errors = errors;
    });
}
