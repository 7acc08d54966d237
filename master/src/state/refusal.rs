//! Why a command is refused. The number is DM's where DM has one (`interfaces.md` 7.3).

use thiserror::Error;

/// A reason for which `apply` leaves the state as it was. Part of the replicated answer, so its text
/// changes only together with the state level.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// An empty name, an empty configuration, a number out of bounds.
    #[error("the command is not valid: {0}")]
    Invalid(String),
    /// A kind of command that this version does not know.
    #[error("the command is of a kind that this version does not know")]
    UnknownKind,
    /// Some master runs an older version.
    #[error(
        "the command needs state level {needed}, and the cluster is at {level}: upgrade all masters first"
    )]
    LevelTooLow {
        /// Level that brought the command.
        needed: u32,
        /// Level in force.
        level: u32,
    },
    /// The request is so old that its first answer, if there was one, is forgotten (R28).
    #[error(
        "the request is too old: whether it was carried out before is not known any more; nothing was changed now"
    )]
    RequestForgotten,
    /// What the request was checked against has changed (R28).
    #[error("{what} was changed while the request was being checked; nothing was changed")]
    Changed {
        /// The source or task.
        what: String,
    },
    /// `create` of a source that is there.
    #[error("source config with ID {0} already exists")]
    SourceExists(String),
    /// The source is not there.
    #[error("source config with ID {0} not exists")]
    SourceUnknown(String),
    /// The source still has subtasks.
    #[error("source with name {source_id} need to operate has existing tasks {tasks}")]
    SourceHasTasks {
        /// The source.
        source_id: String,
        /// Its tasks, joined by commas.
        tasks: String,
    },
    /// A source's configuration changes only while none of its tasks runs.
    #[error("source {source_id} can only be updated when no task of it runs; running: {tasks}")]
    SourceBusy {
        /// The source.
        source_id: String,
        /// Its running tasks, joined by commas.
        tasks: String,
    },
    /// The task already has a subtask for every source named.
    #[error("subtasks with name {task} for sources {sources} already exist")]
    SubtasksExist {
        /// The task.
        task: String,
        /// Sources, joined by commas.
        sources: String,
    },
    /// No subtask of the task is there.
    #[error("task with name {0} not exist")]
    TaskUnknown(String),
    /// The task has no subtask for the source.
    #[error("sources {sources} need to be operated do not exist in task {task}")]
    SubtaskUnknown {
        /// The task.
        task: String,
        /// Sources, joined by commas.
        sources: String,
    },
    /// The task was removed with its meta and started again since the command was bound.
    #[error("task {0} was started anew since; look at query-status and repeat the command")]
    GenerationChanged(String),
    /// `binlog revert` of what is not there.
    #[error("source {source_id} has no operator at {place}")]
    OperatorUnknown {
        /// The source.
        source_id: String,
        /// Where it was looked for.
        place: String,
    },
    /// The worker's name is in use at another address, and that worker still owns sources.
    #[error("dm-worker with name {name} already exists at {addr} and owns {sources}")]
    WorkerExists {
        /// The worker.
        name: String,
        /// Where the registered one lives.
        addr: String,
        /// What it owns, joined by commas.
        sources: String,
    },
    /// The worker is not there.
    #[error("dm-worker with name {0} not exists")]
    WorkerUnknown(String),
    /// The worker still owns sources.
    #[error("dm-worker with name {name} is still online: it owns {sources}")]
    WorkerOwns {
        /// The worker.
        name: String,
        /// What it owns, joined by commas.
        sources: String,
    },
    /// The worker was restarted since the grant was planned.
    #[error("dm-worker {name} runs as another process now")]
    IncarnationChanged {
        /// The worker.
        name: String,
    },
    /// The lease was changed since the command was planned.
    #[error("the owner of source {source_id} changed: epoch {found}, expected {expected}")]
    EpochChanged {
        /// The source.
        source_id: String,
        /// Epoch in the command.
        expected: u64,
        /// Epoch in the state; 0 when nobody owns the source.
        found: u64,
    },
}

impl Refusal {
    /// DM's number for this reason.
    pub fn code(&self) -> i32 {
        match self {
            Refusal::Invalid(_) | Refusal::UnknownKind => 38007,
            Refusal::LevelTooLow { .. } => 60003,
            Refusal::RequestForgotten => 60007,
            Refusal::Changed { .. } => 60017,
            Refusal::SourceExists(_) => 46007,
            Refusal::SourceUnknown(_) => 46008,
            Refusal::SourceHasTasks { .. } => 46010,
            Refusal::SourceBusy { .. } => 46025,
            Refusal::SubtasksExist { .. } => 46014,
            Refusal::TaskUnknown(_) => 46018,
            Refusal::SubtaskUnknown { .. } => 46017,
            Refusal::GenerationChanged(_) => 60080,
            Refusal::OperatorUnknown { .. } => 36065,
            Refusal::WorkerExists { .. } => 46003,
            Refusal::WorkerUnknown(_) => 46004,
            Refusal::WorkerOwns { .. } => 46005,
            Refusal::IncarnationChanged { .. } => 46006,
            Refusal::EpochChanged { .. } => 38052,
        }
    }
}
