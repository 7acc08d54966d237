//! `binlog`: what to do with a statement that the target refuses.

use dm_proto::{
    json,
    pb::{ErrorOp, HandleErrorRequest, HandleErrorResponse},
};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, worker_answers},
    task_file,
};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Nothing prints the help.
    #[command(subcommand)]
    pub operation: Option<Operation>,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Operation {
    /// Leaves the statement out at the target; the schema history follows it.
    Skip(At),
    /// Runs other statements in its place.
    Replace(With),
    /// Runs statements before it.
    Inject(With),
    /// Takes such a decision back.
    Revert(At),
    /// Shows the decisions.
    List(At),
}

/// Which statement.
#[derive(Debug, clap::Args)]
pub struct At {
    /// The task, or its file.
    #[arg(value_name = "task-name | task-file")]
    pub task: String,
    /// Start of the statement's event as `mysql-bin.000003:3270`, or the GTID of its transaction; without it, the current error.
    #[arg(short = 'b', long, value_name = "position", default_value = "")]
    pub binlog_pos: String,
}

/// Which statement, and what runs instead of it or before it.
#[derive(Debug, clap::Args)]
pub struct With {
    /// Which statement.
    #[command(flatten)]
    pub at: At,
    /// DDL statements, with the schema in front of each table; separated by semicolons.
    #[arg(value_name = "sql", required = true, num_args = 1.., trailing_var_arg = true)]
    pub sqls: Vec<String>,
}

impl Operation {
    fn parts(&self) -> (ErrorOp, &At, &[String]) {
        match self {
            Self::Skip(at) => (ErrorOp::Skip, at, &[]),
            Self::Replace(with) => (ErrorOp::Replace, &with.at, &with.sqls),
            Self::Inject(with) => (ErrorOp::Inject, &with.at, &with.sqls),
            Self::Revert(at) => (ErrorOp::Revert, at, &[]),
            Self::List(at) => (ErrorOp::List, at, &[]),
        }
    }
}

/// Asks the master.
pub async fn call(operation: &Operation, ctx: &Context) -> Result<HandleErrorResponse, CtlError> {
    let (op, at, sqls) = operation.parts();
    request(
        op,
        task_file::task_name(&at.task),
        &at.binlog_pos,
        sqls,
        ctx,
    )
    .await
}

/// What `handle-error` shares.
pub(super) async fn request(
    op: ErrorOp,
    task: String,
    binlog_pos: &str,
    words: &[String],
    ctx: &Context,
) -> Result<HandleErrorResponse, CtlError> {
    let message = HandleErrorRequest {
        op: op.into(),
        task,
        sources: ctx.sources.clone(),
        binlog_pos: binlog_pos.to_owned(),
        sqls: statements(words)?,
    };
    ctx.client
        .operate(message, async |mut master, request| {
            master.handle_error(request).await
        })
        .await
}

/// The words joined, one level of quotes taken off, cut into statements.
fn statements(words: &[String]) -> Result<Vec<String>, CtlError> {
    let joined = words.join(" ");
    let text = joined.trim();
    let text = ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let context = dm_ddl::Context {
        default_schema: None,
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: dm_ddl::Flavor::Mysql,
        version: 90_700,
    };
    let parsed = dm_ddl::parse(text, &context)
        .map_err(|error| CtlError::message(format!("invalid sql '{text}': {error}")))?;
    Ok(parsed
        .iter()
        .map(|statement| statement.text().to_owned())
        .collect())
}

/// Renders the answer.
pub fn print(response: &HandleErrorResponse, format: Format) -> String {
    match format {
        Format::Json => json::render(response),
        Format::Table => worker_answers(response.result, &response.msg, &response.sources),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_statements() {
        let split = |words: &[&str]| {
            statements(
                &words
                    .iter()
                    .map(|word| (*word).to_owned())
                    .collect::<Vec<_>>(),
            )
            .map_err(|error| error.to_string())
        };
        let two = [
            "ALTER TABLE a.b ADD c INT",
            "ALTER TABLE a.b ADD d VARCHAR(3) DEFAULT ';'",
        ];
        assert_eq!(split(&[&two.join("; ")]).unwrap(), two);
        assert_eq!(split(&[&format!("\"{};\"", two.join(";"))]).unwrap(), two);
        assert_eq!(
            split(&["ALTER", "TABLE", "a.b", "ADD c INT"]).unwrap(),
            [two[0]]
        );
        assert!(
            split(&["ALTER TABLE a.b ADD c 'x"])
                .unwrap_err()
                .contains("invalid sql")
        );
        assert_eq!(split(&[]).unwrap(), Vec::<String>::new());
    }
}
