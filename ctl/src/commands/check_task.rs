//! `check-task`: would this task start?

use dm_proto::{
    json,
    pb::{CheckTaskRequest, CheckTaskResponse},
};

use serde_json::Value;

use crate::{
    CtlError,
    commands::Context,
    output::{Format, human_bytes, outcome, table, with_raw_check},
    task_file,
};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The task file.
    #[arg(value_name = "config-file")]
    pub file: String,
    /// Most errors shown.
    #[arg(
        short = 'e',
        long = "error",
        default_value_t = 10,
        value_name = "count"
    )]
    pub errors_max: i64,
    /// Most warnings shown.
    #[arg(short = 'w', long = "warn", default_value_t = 10, value_name = "count")]
    pub warnings_max: i64,
    /// Where the binlog would be read from: 2006-01-02T15:04:05.
    #[arg(long, default_value = "", value_name = "time")]
    pub start_time: String,
    /// Show what will happen to each table instead of checking.
    #[arg(long)]
    pub plan: bool,
}

/// Asks the master.
pub async fn call(args: &Args, ctx: &Context) -> Result<CheckTaskResponse, CtlError> {
    let message = CheckTaskRequest {
        task: task_file::read_task(&args.file)?,
        err_cnt: args.errors_max,
        warn_cnt: args.warnings_max,
        start_time: args.start_time.clone(),
        plan: args.plan,
    };
    ctx.client
        .query(message, async |mut master, request| {
            master.check_task(request).await
        })
        .await
}

/// Renders the answer.
pub fn print(plan: bool, response: &CheckTaskResponse, format: Format) -> String {
    match format {
        // The plan is JSON already; a refusal is not.
        _ if plan && response.result => match (format, serde_json::from_str(&response.msg)) {
            (Format::Table, Ok(parsed)) => plan_tables(&parsed),
            (_, Ok(parsed)) => pretty(&parsed),
            (_, Err(_)) => outcome(response.result, &response.msg),
        },
        Format::Json => with_raw_check(&response.msg, |msg| {
            json::render(&CheckTaskResponse {
                msg: msg.to_owned(),
                ..response.clone()
            })
        }),
        Format::Table => outcome(response.result, &response.msg),
    }
}

fn pretty(plan: &Value) -> String {
    serde_json::to_string_pretty(plan).unwrap_or_default()
}

fn plan_tables(plan: &Value) -> String {
    let list = |key: &str| plan[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let lines = |value: &Value, key: &str| {
        let items = value[key].as_array().cloned().unwrap_or_default();
        let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
        items.join("\n")
    };
    let bytes = |value: &Value| human_bytes(value["bytes"].as_u64().unwrap_or_default());
    let rows = list("tables").into_iter().map(|one| {
        [
            text(&one, "source"),
            text(&one, "table"),
            text(&one, "target"),
            lines(&one, "rules"),
            lines(&one, "columns"),
            format!("~{}", one["rows"].as_u64().unwrap_or_default()),
            bytes(&one),
            lines(&one, "notes"),
        ]
    });
    let mut shown = table(
        [
            "Source",
            "Table",
            "Target",
            "Decided by",
            "Columns",
            "Rows",
            "Size",
            "Notes",
        ],
        rows,
    );
    let left_out = list("left-out");
    if !left_out.is_empty() {
        let rows = left_out
            .iter()
            .map(|one| [text(one, "source"), text(one, "table"), text(one, "reason")]);
        shown.push_str("\n\n");
        shown.push_str(&table(["Source", "Left out", "Because of"], rows));
    }
    for (key, word) in [("conflicts", "CONFLICT"), ("notes", "note")] {
        for one in list(key) {
            shown.push_str(&format!("\n{word}: {}", one.as_str().unwrap_or_default()));
        }
    }
    shown.push_str(&format!(
        "\n{} tables, about {} rows, {}; {} left out, {} conflicts",
        list("tables").len(),
        plan["rows"].as_u64().unwrap_or_default(),
        bytes(plan),
        list("left-out").len(),
        list("conflicts").len()
    ));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_a_table_or_its_json() {
        let plan = r#"{"tables":[{"source":"s1","table":"`a`.`b`","target":"`x`.`b`","rules":["routes.r"],
            "columns":["id: partition id 5"],"notes":["n"],"rows":3,"bytes":2048}],
            "left-out":[{"source":"s1","table":"`a`.`tmp`","reason":"block-allow-list: ignore-tables"}],
            "conflicts":["two meet"],"notes":[],"rows":3,"bytes":2048}"#;
        let answer = CheckTaskResponse {
            result: true,
            msg: plan.to_owned(),
        };
        let table = print(true, &answer, Format::Table);
        for word in [
            "routes.r",
            "partition id 5",
            "ignore-tables",
            "CONFLICT: two meet",
            "2.0 KiB",
            "1 conflicts",
        ] {
            assert!(table.contains(word), "{word} in {table}");
        }
        let shown: Value = serde_json::from_str(&print(true, &answer, Format::Json)).unwrap();
        assert_eq!(shown["tables"][0]["rows"], 3);
        let refused = CheckTaskResponse {
            result: false,
            msg: "no".to_owned(),
        };
        assert_eq!(print(true, &refused, Format::Table), "FAILED: no");
    }
}
