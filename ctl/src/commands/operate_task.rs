//! What `stop-task`, `pause-task` and `resume-task` have in common: by task, or all tasks of one source.

use dm_proto::{
    json,
    pb::{
        CommonWorkerResponse, OperateTaskRequest, OperateTaskResponse, QueryStatusListRequest,
        QueryStatusListResponse, TaskOp,
    },
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Map, Value, json};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, outcome, plain, table, worker_answers},
    task_file,
};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The task, or its file; without it, all tasks of the one source given with -s.
    #[arg(value_name = "task-name | task-file")]
    pub task: Option<String>,
    /// Tasks of a source that are operated at the same time.
    #[arg(long, default_value_t = 5, value_name = "count")]
    pub batch_size: i64,
}

/// An answer to either form.
#[derive(Debug)]
pub enum Answer {
    /// One task was named.
    Task(OperateTaskResponse),
    /// All tasks of a source.
    Source(BatchAnswer),
}

/// The answers for all tasks of a source.
#[derive(Debug)]
pub struct BatchAnswer {
    /// False when the tasks could not be listed.
    pub result: bool,
    /// Why.
    pub msg: String,
    /// By task name.
    pub tasks: Vec<(String, OperateTaskResponse)>,
}

/// Asks the master.
pub async fn call(op: TaskOp, args: &Args, ctx: &Context) -> Result<Answer, CtlError> {
    match &args.task {
        Some(argument) => {
            let task = task_file::task_name(argument);
            Ok(Answer::Task(
                operate(op, task, ctx.sources.clone(), ctx).await?,
            ))
        }
        None => Ok(Answer::Source(
            operate_source(op, args.batch_size, ctx).await?,
        )),
    }
}

async fn operate(
    op: TaskOp,
    name: String,
    sources: Vec<String>,
    ctx: &Context,
) -> Result<OperateTaskResponse, CtlError> {
    let message = OperateTaskRequest {
        op: op.into(),
        name,
        sources,
    };
    ctx.client
        .operate(message, async |mut master, request| {
            master.operate_task(request).await
        })
        .await
}

async fn operate_source(
    op: TaskOp,
    batch_size: i64,
    ctx: &Context,
) -> Result<BatchAnswer, CtlError> {
    let source = ctx.single_source()?;
    let at_once = usize::try_from(batch_size).ok().filter(|size| *size > 0);
    let at_once = at_once.ok_or_else(|| CtlError::message("--batch-size must be at least 1"))?;
    let message = QueryStatusListRequest {
        name: String::new(),
        sources: vec![source.clone()],
    };
    let status = ctx
        .client
        .query(message, async |mut master, request| {
            master.query_status(request).await
        })
        .await?;
    if !status.result || status.sources.is_empty() {
        return Ok(BatchAnswer {
            result: false,
            msg: status.msg,
            tasks: Vec::new(),
        });
    }
    let one = |task: String| {
        let sources = vec![source.clone()];
        async move {
            let answer = operate(op, task.clone(), sources, ctx).await?;
            Ok::<_, CtlError>((task, answer))
        }
    };
    let calls: Vec<_> = task_names(&status).into_iter().map(one).collect();
    let mut tasks: Vec<_> = stream::iter(calls)
        .buffer_unordered(at_once)
        .try_collect()
        .await?;
    tasks.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(BatchAnswer {
        result: true,
        msg: String::new(),
        tasks,
    })
}

fn task_names(status: &QueryStatusListResponse) -> Vec<String> {
    let subtasks = status
        .sources
        .iter()
        .flat_map(|source| &source.sub_task_status);
    let mut names: Vec<String> = subtasks
        .map(|subtask| subtask.name.clone())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Renders the answer.
pub fn print(answer: &Answer, format: Format) -> String {
    match (answer, format) {
        (Answer::Task(response), Format::Json) => json::render(response),
        (Answer::Task(response), Format::Table) => {
            worker_answers(response.result, &response.msg, &response.sources)
        }
        (Answer::Source(batch), Format::Json) => plain(&batch.to_json()),
        (Answer::Source(batch), Format::Table) => batch.to_table(),
    }
}

impl BatchAnswer {
    fn to_json(&self) -> Value {
        let tasks: Vec<Value> = self
            .tasks
            .iter()
            .map(|(task, answer)| {
                let sources: Vec<Value> = answer.sources.iter().map(source_json).collect();
                json!({
                    "task": task,
                    "op": answer.op().as_str_name(),
                    "result": answer.result,
                    "msg": answer.msg,
                    "sources": sources,
                })
            })
            .collect();
        json!({"result": self.result, "msg": self.msg, "tasks": tasks})
    }

    fn to_table(&self) -> String {
        let head = outcome(self.result, &self.msg);
        let rows = self.tasks.iter().map(|(task, answer)| {
            let failed = answer.sources.iter().filter(|source| !source.result);
            let why: Vec<&str> = failed
                .map(|source| source.msg.as_str())
                .chain([answer.msg.as_str()])
                .collect();
            [
                task.clone(),
                outcome(answer.result, why.join("; ").trim_matches([';', ' '])),
            ]
        });
        format!("{head}\n{}", table(["Task", "Result"], rows))
    }
}

/// The plain encoder leaves out what is empty or false.
fn source_json(answer: &CommonWorkerResponse) -> Value {
    let mut members = Map::new();
    if answer.result {
        members.insert("result".into(), true.into());
    }
    for (key, text) in [
        ("msg", &answer.msg),
        ("source", &answer.source),
        ("worker", &answer.worker),
    ] {
        if !text.is_empty() {
            members.insert(key.into(), text.clone().into());
        }
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_prints_as_the_original() {
        let answer = OperateTaskResponse {
            op: TaskOp::Pause.into(),
            result: true,
            msg: String::new(),
            sources: vec![CommonWorkerResponse {
                result: true,
                msg: String::new(),
                source: "mysql-01".into(),
                worker: "worker1".into(),
            }],
        };
        let batch = BatchAnswer {
            result: true,
            msg: String::new(),
            tasks: vec![("task1".into(), answer)],
        };
        let expected = r#"{
    "result": true,
    "msg": "",
    "tasks": [
        {
            "task": "task1",
            "op": "Pause",
            "result": true,
            "msg": "",
            "sources": [
                {
                    "result": true,
                    "source": "mysql-01",
                    "worker": "worker1"
                }
            ]
        }
    ]
}"#;
        assert_eq!(print(&Answer::Source(batch), Format::Json), expected);
    }

    #[test]
    fn nothing_listed() {
        let batch = BatchAnswer {
            result: false,
            msg: "no".into(),
            tasks: Vec::new(),
        };
        let expected = "{\n    \"result\": false,\n    \"msg\": \"no\",\n    \"tasks\": []\n}";
        assert_eq!(print(&Answer::Source(batch), Format::Json), expected);
    }
}
