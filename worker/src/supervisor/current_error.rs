//! Which statements a subtask stands at, for `binlog skip` and its like.

use super::view::SourceView;
use crate::sync::{BlockedAt, SubtaskStatus};
use dm_model::DmError;
use dm_proto::{pb, v1};

/// Answers the leader's question for one subtask.
pub fn current_error(views: &[SourceView], asked: &v1::CurrentErrorCall) -> v1::CurrentErrorReply {
    let view = views
        .iter()
        .filter(|view| view.source.as_str() == asked.source_id)
        .flat_map(|view| &view.subtasks)
        .find(|subtask| subtask.task.as_str() == asked.task);
    let Some(view) = view else {
        return v1::CurrentErrorReply::default();
    };
    let mut reply = v1::CurrentErrorReply {
        syncing: view.status.unit == pb::UnitType::Sync,
        ..v1::CurrentErrorReply::default()
    };
    for error in view.errors() {
        match BlockedAt::read(error) {
            Some(at) => add(&mut reply.blocked, &at, tables_of(&view.status, error)),
            None => reply.other_error = error.to_string(),
        }
    }
    reply
}

/// One statement may stop several tables.
fn add(blocked: &mut Vec<v1::BlockedStatement>, at: &BlockedAt, tables: Vec<String>) {
    let known = blocked
        .iter_mut()
        .find(|known| known.hash == at.hash && known.position == at.position);
    match known {
        Some(known) => {
            known.tables.extend(tables);
            known.tables.sort();
            known.tables.dedup();
        }
        None => blocked.push(v1::BlockedStatement {
            position: at.position.clone(),
            gtid: at.gtid.clone(),
            hash: at.hash.clone(),
            text: at.text.clone(),
            tables,
        }),
    }
}

fn tables_of(status: &SubtaskStatus, error: &DmError) -> Vec<String> {
    let text = error.to_string();
    status
        .tables
        .iter()
        .filter(|table| table.error.as_deref() == Some(text.as_str()))
        .map(|table| table.source.clone())
        .collect()
}
