//! From the texts that the leader sent to what a subtask is started with.

use std::sync::Arc;

use dm_model::{DmError, codes};
use tokio::sync::watch;

use crate::{
    relay::Relay,
    secrets,
    sync::{FenceToken, Operators, SubtaskSpec},
};

/// Configurations as the log has them.
pub(crate) struct Texts<'a> {
    /// The cluster's key for passwords; empty without one.
    pub(crate) secret_key: &'a [u8],
    /// source.yaml.
    pub(crate) source: &'a str,
    /// task.yaml.
    pub(crate) task: &'a str,
}

/// Decrypts and resolves the texts for the subtask of `token`.
pub(crate) fn spec(
    token: FenceToken,
    texts: &Texts<'_>,
    start_time: Option<String>,
    operators: watch::Receiver<Arc<Operators>>,
    relay: Option<Arc<Relay>>,
) -> Result<SubtaskSpec, DmError> {
    let key = secrets::key(texts.secret_key)?;
    let source = secrets::source(texts.source, key.as_ref())?.value;
    let whole = secrets::task(texts.task, key.as_ref())?.value;
    if whole.name != *token.task() {
        let message = format!(
            "the leader sent the configuration of task {} for {}",
            whole.name,
            token.task()
        );
        return Err(DmError::new(&codes::WORKER_SUB_TASK_NOT_FOUND, message));
    }
    let config = whole.subtask(token.source())?;
    Ok(SubtaskSpec {
        token,
        source: Arc::new(source),
        task: Arc::new(whole),
        config,
        relay,
        start_time,
        operators,
    })
}
