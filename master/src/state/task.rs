//! Tasks and their subtasks (one per source).

use std::collections::BTreeMap;

use dm_model::{Epoch, Generation};
use dm_proto::v1;
use serde::{Deserialize, Serialize};

use super::{Event, Refusal, State};

/// What the user wants of a subtask. Stopped is absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// Move data.
    Running,
    /// Stand still, keep the place.
    Paused,
}

/// A task: one or more sources into one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Meta rows of older generations are deleted by the owner (R27).
    pub generation: Generation,
    /// Texts of task.yaml by the log index that brought them; a subtask names the one that it runs by.
    pub configs: BTreeMap<u64, String>,
    /// Subtasks by source.
    pub subtasks: BTreeMap<String, Subtask>,
}

/// The part of a task that handles one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subtask {
    /// What the user wants.
    pub wanted: Wanted,
    /// Key of its text in [`Task::configs`].
    pub config: u64,
    /// Index of the entry that last authorised a start: creation or resume.
    pub authorised: Epoch,
    /// Index of the entry that last changed the wanted stage.
    pub changed: u64,
    /// `--start-time` of the start-task that created it.
    pub start_time: String,
    /// W3C trace of the request that changed it last.
    pub traceparent: String,
    /// Last recorded progress; the truth is in the target.
    pub progress: Option<Progress>,
}

/// Progress, for display only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Epoch that it was reached under.
    pub epoch: Epoch,
    /// The subtask has nothing left to do.
    pub finished: bool,
    /// As shown to users.
    pub position: String,
}

impl Task {
    /// The task.yaml that a subtask runs by.
    pub fn yaml_of(&self, source_id: &str) -> Option<&str> {
        let subtask = self.subtasks.get(source_id)?;
        self.configs.get(&subtask.config).map(String::as_str)
    }

    /// The newest task.yaml.
    pub fn yaml(&self) -> &str {
        self.configs
            .last_key_value()
            .map_or("", |(_, yaml)| yaml.as_str())
    }

    fn config_key(&mut self, index: u64, yaml: &str) -> u64 {
        if let Some((key, _)) = self.configs.iter().find(|(_, text)| text.as_str() == yaml) {
            return *key;
        }
        self.configs.insert(index, yaml.to_owned());
        index
    }

    fn forget_unused_configs(&mut self) {
        let subtasks = &self.subtasks;
        self.configs
            .retain(|key, _| subtasks.values().any(|subtask| subtask.config == *key));
    }
}

impl State {
    /// Epoch that a subtask runs under: the newest of grant, creation and resume (R30). None without owner.
    pub fn subtask_epoch(&self, task: &str, source_id: &str) -> Option<Epoch> {
        let lease = self.lease(source_id)?;
        let subtask = self.tasks.get(task)?.subtasks.get(source_id)?;
        Some(lease.epoch.max(subtask.authorised))
    }

    pub(super) fn apply_put_task(
        &mut self,
        index: u64,
        traceparent: &str,
        command: &v1::PutTask,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        self.check_put_task(command)?;
        let generation = match self.generations.get(&command.task) {
            Some(known) if !command.remove_meta => *known,
            _ => Generation(index),
        };
        self.generations.insert(command.task.clone(), generation);
        let task = self.tasks.entry(command.task.clone()).or_default();
        task.generation = generation;
        let config = task.config_key(index, &command.yaml);
        let mut created = Vec::new();
        for source_id in &command.sources {
            if task.subtasks.contains_key(source_id) {
                continue;
            }
            let subtask = Subtask {
                wanted: Wanted::Running,
                config,
                authorised: Epoch(index),
                changed: index,
                start_time: command.start_time.clone(),
                traceparent: traceparent.to_owned(),
                progress: None,
            };
            task.subtasks.insert(source_id.clone(), subtask);
            created.push(source_id.clone());
        }
        events.push(Event::TaskChanged(command.task.clone()));
        Ok(created)
    }

    fn check_put_task(&self, command: &v1::PutTask) -> Result<(), Refusal> {
        if command.task.is_empty() || command.yaml.is_empty() || command.sources.is_empty() {
            return Err(Refusal::Invalid(
                "a task needs a name, a configuration and at least one source".to_owned(),
            ));
        }
        if let Some(unknown) = command
            .sources
            .iter()
            .find(|id| !self.sources.contains_key(*id))
        {
            return Err(Refusal::SourceUnknown(unknown.clone()));
        }
        let Some(task) = self.tasks.get(&command.task) else {
            return Ok(());
        };
        let taken: Vec<&str> = task.subtasks.keys().map(String::as_str).collect();
        let nothing_new = command
            .sources
            .iter()
            .all(|id| task.subtasks.contains_key(id));
        if (command.remove_meta && !taken.is_empty()) || nothing_new {
            return Err(Refusal::SubtasksExist {
                task: command.task.clone(),
                sources: taken.join(","),
            });
        }
        Ok(())
    }

    pub(super) fn apply_set_stage(
        &mut self,
        index: u64,
        traceparent: &str,
        command: &v1::SetStage,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        let wanted = match v1::WantedStage::try_from(command.stage) {
            Ok(v1::WantedStage::WantedRunning) => Wanted::Running,
            Ok(v1::WantedStage::WantedPaused) => Wanted::Paused,
            _ => {
                return Err(Refusal::Invalid(format!(
                    "stage {} can't be wanted",
                    command.stage
                )));
            }
        };
        let sources = self.selected(&command.task, &command.sources)?;
        let task = self
            .tasks
            .get_mut(&command.task)
            .ok_or_else(|| Refusal::TaskUnknown(command.task.clone()))?;
        for source_id in &sources {
            let Some(subtask) = task.subtasks.get_mut(source_id) else {
                continue;
            };
            subtask.wanted = wanted;
            subtask.changed = index;
            subtask.traceparent = traceparent.to_owned();
            if wanted == Wanted::Running {
                // Also when it runs already: a resume restarts what an error paused, and every start has its own epoch.
                subtask.authorised = Epoch(index);
            }
        }
        events.push(Event::TaskChanged(command.task.clone()));
        Ok(sources)
    }

    pub(super) fn apply_remove_subtasks(
        &mut self,
        command: &v1::RemoveSubtasks,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        let sources = self.selected(&command.task, &command.sources)?;
        if let Some(task) = self.tasks.get_mut(&command.task) {
            for source_id in &sources {
                task.subtasks.remove(source_id);
            }
            task.forget_unused_configs();
            // The generation stays in `generations`: the same task started again goes on where it stopped.
            if task.subtasks.is_empty() {
                self.tasks.remove(&command.task);
            }
        }
        events.push(Event::TaskChanged(command.task.clone()));
        Ok(sources)
    }

    pub(super) fn apply_record_progress(
        &mut self,
        command: &v1::RecordProgress,
    ) -> Result<Vec<String>, Refusal> {
        let current = self.subtask_epoch(&command.task, &command.source_id);
        let subtask = self
            .tasks
            .get_mut(&command.task)
            .and_then(|task| task.subtasks.get_mut(&command.source_id));
        let unknown = || Refusal::SubtaskUnknown {
            task: command.task.clone(),
            sources: command.source_id.clone(),
        };
        let subtask = subtask.ok_or_else(unknown)?;
        let found = current.map_or(0, |epoch| epoch.0);
        if found != command.epoch {
            return Err(Refusal::EpochChanged {
                source_id: command.source_id.clone(),
                expected: command.epoch,
                found,
            });
        }
        subtask.progress = Some(Progress {
            epoch: Epoch(command.epoch),
            finished: command.finished,
            position: command.position.clone(),
        });
        Ok(vec![command.source_id.clone()])
    }

    /// The sources named, or all of the task when none is.
    fn selected(&self, name: &str, sources: &[String]) -> Result<Vec<String>, Refusal> {
        let task = self
            .tasks
            .get(name)
            .ok_or_else(|| Refusal::TaskUnknown(name.to_owned()))?;
        if sources.is_empty() {
            return Ok(task.subtasks.keys().cloned().collect());
        }
        let unknown: Vec<&str> = sources
            .iter()
            .filter(|id| !task.subtasks.contains_key(*id))
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            return Err(Refusal::SubtaskUnknown {
                task: name.to_owned(),
                sources: unknown.join(","),
            });
        }
        Ok(sources.to_vec())
    }
}
