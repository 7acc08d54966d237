//! `table add|reload|pause|resume`: one table of a running task, while all others go on. Not a command of DM's.

use clap::ValueEnum;
use dm_proto::{
    json,
    pb::{OperateTableRequest, OperateTableResponse},
};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, worker_answers},
};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Op {
    /// Copies and follows a table that the task's lists allow and that it does not have.
    Add,
    /// Copies a table again, from nothing: its rows at the target are deleted first.
    Reload,
    /// Stops a table where it is.
    Pause,
    /// Lets a stopped table go on from where it is.
    Resume,
}

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What is to be done.
    pub op: Op,
    /// The task.
    #[arg(long, short = 't')]
    pub task: String,
    /// The table at the source: schema.table, or `schema`.`table` with dots or quotes in a name.
    #[arg(long)]
    pub table: String,
}

/// Asks the master.
pub async fn call(args: &Args, ctx: &Context) -> Result<OperateTableResponse, CtlError> {
    let (schema, table) = split(&args.table).ok_or_else(|| {
        CtlError::message(format!(
            "--table {:?} is not schema.table; names with a dot are written `like.this`.`and.this`",
            args.table
        ))
    })?;
    let op = args.op.to_possible_value();
    let message = OperateTableRequest {
        task: args.task.clone(),
        sources: ctx.sources.clone(),
        op: op
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default(),
        schema,
        table,
    };
    ctx.client
        .operate(message, async |mut master, request| {
            master.operate_table(request).await
        })
        .await
}

/// Renders the answer.
pub fn print(response: &OperateTableResponse, format: Format) -> String {
    match format {
        Format::Json => json::render(response),
        Format::Table => worker_answers(response.result, &response.msg, &response.sources),
    }
}

/// The two names of `schema.table`, either of them quoted or not.
fn split(text: &str) -> Option<(String, String)> {
    let (schema, rest) = name(text)?;
    let (table, rest) = name(rest.strip_prefix('.')?)?;
    (rest.is_empty() && !schema.is_empty() && !table.is_empty()).then_some((schema, table))
}

fn name(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('`') else {
        let end = text.find('.').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return Some((name.to_owned(), rest));
    };
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('`')?;
        name.push_str(part);
        match after.strip_prefix('`') {
            Some(after) => {
                name.push('`');
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_quoted() {
        let pair = |schema: &str, table: &str| Some((schema.to_owned(), table.to_owned()));
        assert_eq!(split("shop.item"), pair("shop", "item"));
        assert_eq!(split("`a.b`.`c``d`"), pair("a.b", "c`d"));
        assert_eq!(split("shop.`it.em`"), pair("shop", "it.em"));
        for wrong in ["shop", "shop.", ".item", "a.b.c", "`a.b", "`a`b.c", ""] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }
}
