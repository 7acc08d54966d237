//! `query-status`: how tasks are doing; short list, everything, or a live view.

use std::time::Duration;

use dm_proto::{
    json,
    pb::{QueryStatusListRequest, QueryStatusListResponse},
};

use crate::{
    CtlError,
    commands::Context,
    duration,
    output::{Format, outcome, plain, table},
    status::{Progress, Row, TableProgress, TableState, rows, summarize},
    task_file, watch as live,
};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The task, or its file; without it, all tasks.
    #[arg(value_name = "task-name | task-file")]
    pub task: Option<String>,
    /// Shows everything of all tasks.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true",
        action = clap::ArgAction::Set)]
    pub more: bool,
    /// Keeps showing, at this interval.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "1s", value_parser = duration::parse,
        value_name = "interval")]
    pub watch: Option<Duration>,
}

/// An answer, and the form in which it is wanted.
#[derive(Debug)]
pub struct Answer {
    /// What the master said.
    pub response: QueryStatusListResponse,
    /// Only the short list is wanted, if everything is well.
    pub short: bool,
}

/// Asks the master.
pub async fn call(args: &Args, ctx: &Context) -> Result<Answer, CtlError> {
    let short = args.task.is_none() && ctx.sources.is_empty() && !args.more;
    Ok(Answer {
        response: ask(args, ctx).await?,
        short,
    })
}

async fn ask(args: &Args, ctx: &Context) -> Result<QueryStatusListResponse, CtlError> {
    let name = args
        .task
        .as_deref()
        .map(task_file::task_name)
        .unwrap_or_default();
    let message = QueryStatusListRequest {
        name,
        sources: ctx.sources.clone(),
    };
    ctx.client
        .query(message, async |mut master, request| {
            master.query_status(request).await
        })
        .await
}

/// Shows the state again and again, until interrupted. A master that does not answer is shown, too.
pub async fn watch(args: &Args, interval: Duration, ctx: &Context) -> Result<(), CtlError> {
    // Before anything is drawn: a wrong address or flag ends the command as usual.
    let mut answer = ask(args, ctx).await;
    if answer.is_err() {
        return answer.map(drop);
    }
    let mut view = live::View::new(ctx.format);
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        view.show(&answer)?;
        ticks.tick().await;
        answer = ask(args, ctx).await;
    }
}

/// Renders the answer.
pub fn print(answer: &Answer, format: Format) -> String {
    let summary = answer.short.then(|| summarize(&answer.response)).flatten();
    match (format, summary) {
        (Format::Json, Some(summary)) => plain(&summary.to_json()),
        (Format::Json, None) => json::render(&answer.response),
        (Format::Table, Some(summary)) => {
            let rows = summary
                .tasks
                .into_iter()
                .map(|task| [task.name, task.status, task.sources.join(", ")]);
            table(["Task", "Status", "Sources"], rows)
        }
        (Format::Table, None) => full_table(&answer.response),
    }
}

fn full_table(response: &QueryStatusListResponse) -> String {
    let mut parts = Vec::new();
    if !response.result || !response.msg.is_empty() {
        parts.push(outcome(response.result, &response.msg));
    }
    let rows = rows(response);
    let failed = response
        .sources
        .iter()
        .filter(|answer| !answer.result || answer.sub_task_status.is_empty());
    parts.extend(failed.map(|answer| {
        let source = answer
            .source_status
            .as_ref()
            .map(|status| status.source.as_str())
            .unwrap_or_default();
        format!("{source}: {}", outcome(answer.result, &answer.msg))
    }));
    parts.push(subtasks_table(&rows));
    for row in &rows {
        parts.extend(
            row.errors
                .iter()
                .map(|error| format!("{} {}: {error}", row.task, row.source)),
        );
        if row.detail.tables.iter().any(is_on_its_way) {
            parts.push(tables_table(row));
        }
    }
    parts.join("\n")
}

fn subtasks_table(rows: &[Row]) -> String {
    let cells = rows.iter().map(|row| {
        let (progress, position) = match &row.progress {
            Progress::Note(note) => (note.clone(), String::new()),
            Progress::Load {
                percent,
                rows,
                rows_estimated,
                ..
            } => (
                format!("{percent}, {rows}/{rows_estimated} rows"),
                row.detail.position.clone(),
            ),
            Progress::Sync {
                rows_per_s,
                position,
                ..
            } => (format!("{rows_per_s} rows/s"), position.clone()),
            Progress::Nothing => (String::new(), row.detail.position.clone()),
        };
        let names = [row.task.clone(), row.source.clone(), row.worker.clone()];
        let [task, source, worker] = names;
        [
            task,
            source,
            worker,
            row.state(),
            row.unit.to_owned(),
            progress,
            row.lag(),
            position,
        ]
    });
    table(
        [
            "Task", "Source", "Worker", "State", "Unit", "Progress", "Lag", "Position",
        ],
        cells,
    )
}

/// Tables that follow the binlog have nothing of their own to tell.
fn is_on_its_way(progress: &TableProgress) -> bool {
    progress.state != TableState::Joined
}

fn tables_table(row: &Row) -> String {
    let cells = row
        .detail
        .tables
        .iter()
        .filter(|table| is_on_its_way(table))
        .map(|progress| {
            [
                progress.source.clone(),
                progress.target.clone(),
                progress.state.word().to_owned(),
                format!(
                    "{}/{}",
                    progress.rows,
                    progress.rows_estimated.max(progress.rows)
                ),
                progress.error.clone().unwrap_or_default(),
            ]
        });
    table(["Table", "At the target", "State", "Rows", "Error"], cells)
}
