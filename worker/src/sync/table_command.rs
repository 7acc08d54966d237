//! Commands about one table of a running subtask, and their way to it.
//!
//! A command takes effect in the table's row at the target; it is answered when that is committed. Nothing else remembers it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use dm_model::{DmError, SourceId, TableName, TaskName, codes};
use tokio::sync::{Notify, oneshot};

/// Commands that wait for one subtask.
const WAITING_MAX: usize = 16;

/// What is to be done with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableOp {
    /// Copy and follow a table that the task has not got.
    Add,
    /// Copy it again, from nothing.
    Reload,
    /// Stop it where it is.
    Pause,
    /// Let a stopped one go on.
    Resume,
}

impl TableOp {
    const NAMES: [(&'static str, Self); 4] = [
        ("add", Self::Add),
        ("reload", Self::Reload),
        ("pause", Self::Pause),
        ("resume", Self::Resume),
    ];

    /// By the word that dmctl uses.
    pub fn parse(word: &str) -> Option<Self> {
        let mut names = Self::NAMES.iter();
        names.find(|(name, _)| *name == word).map(|(_, op)| *op)
    }
}

/// A command on its way to a subtask.
#[derive(Debug)]
pub struct TableCommand {
    /// What to do.
    pub op: TableOp,
    /// The source table.
    pub table: TableName,
    /// Gets what was done, for people.
    pub reply: oneshot::Sender<Result<String, DmError>>,
}

/// The commands that wait for one subtask.
#[derive(Debug, Default)]
pub(crate) struct TableQueue {
    waiting: Mutex<VecDeque<TableCommand>>,
    changed: Notify,
}

impl TableQueue {
    /// The next command, when there is one. Cancel-safe.
    pub(crate) async fn next(&self) -> TableCommand {
        loop {
            if let Some(command) = self.lock().pop_front() {
                return command;
            }
            self.changed.notified().await;
        }
    }

    fn push(&self, command: TableCommand) -> Result<(), DmError> {
        let mut waiting = self.lock();
        if waiting.len() >= WAITING_MAX {
            return Err(DmError::new(
                &codes::REQUEST_CONFLICT,
                format!("{WAITING_MAX} commands wait for this subtask already"),
            ));
        }
        waiting.push_back(command);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<TableCommand>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Queues = BTreeMap<(TaskName, SourceId), Weak<TableQueue>>;

/// The running subtasks of this worker that take commands. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct TableCommands {
    queues: Arc<Mutex<Queues>>,
}

impl TableCommands {
    /// A subtask that starts: its queue lives as long as the subtask does.
    pub(crate) fn open(&self, task: &TaskName, source: &SourceId) -> Arc<TableQueue> {
        let queue = Arc::new(TableQueue::default());
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, queue| queue.strong_count() > 0);
        queues.insert((task.clone(), source.clone()), Arc::downgrade(&queue));
        queue
    }

    /// Gives a command to a subtask and waits for what it says.
    pub async fn send(
        &self,
        task: &TaskName,
        source: &SourceId,
        op: TableOp,
        table: TableName,
    ) -> Result<String, DmError> {
        let stopped = || {
            DmError::new(
                &codes::REQUEST_CONFLICT,
                format!("task {task} does not run on source {source} now"),
            )
            .with_workaround("look at `query-status`; resume the task first")
        };
        let queue = {
            let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            queues
                .get(&(task.clone(), source.clone()))
                .and_then(Weak::upgrade)
        };
        let (reply, answer) = oneshot::channel();
        let command = TableCommand { op, table, reply };
        queue.ok_or_else(stopped)?.push(command)?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}
