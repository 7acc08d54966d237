//! Requests of several steps, and what a request was checked against (R28).

use dm_proto::{request_id, v1};

use super::{Event, Refusal, State, dedupe::base_id, level::LEVEL_CHECKED, level_of};

impl State {
    /// What must hold before a command is looked at.
    pub(super) fn check_admissible(&self, command: &v1::Command) -> Result<(), Refusal> {
        let needed = command.kind.as_ref().map_or(0, level_of);
        if needed > self.level.0 {
            return Err(Refusal::LevelTooLow {
                needed,
                level: self.level.0,
            });
        }
        if !self.has_level(LEVEL_CHECKED) {
            return Ok(());
        }
        if let Some(stamp) = request_id::stamp(base_id(&command.request_id))
            && self.answers.may_have_forgotten(stamp)
        {
            return Err(Refusal::RequestForgotten);
        }
        command
            .expected
            .iter()
            .try_for_each(|expected| self.check_expected(expected))
    }

    /// Revision that a source's or a task's configuration has now; 0 when there is none.
    pub fn revision_of(&self, expectation: &v1::Expectation) -> u64 {
        if expectation.task.is_empty() {
            self.sources
                .get(&expectation.source_id)
                .map_or(0, |source| source.revision)
        } else {
            self.tasks.get(&expectation.task).map_or(0, |task| {
                task.configs
                    .last_key_value()
                    .map_or(0, |(revision, _)| *revision)
            })
        }
    }

    fn check_expected(&self, expected: &v1::Expectation) -> Result<(), Refusal> {
        if self.revision_of(expected) == expected.revision {
            return Ok(());
        }
        Err(Refusal::Changed {
            what: if expected.task.is_empty() {
                format!("source {}", expected.source_id)
            } else {
                format!("task {}", expected.task)
            },
        })
    }

    /// All steps or none: a refused one takes back those before it.
    pub(super) fn apply_steps(
        &mut self,
        index: u64,
        steps: &[v1::Command],
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        let answers = std::mem::take(&mut self.answers);
        let before = self.clone();
        let mut touched = Vec::new();
        let mut outcome = Ok(());
        let noted = events.len();
        for step in steps {
            let nested = matches!(step.kind, Some(v1::command::Kind::Steps(_)));
            let applied = if nested {
                Err(Refusal::Invalid("steps within steps".to_owned()))
            } else {
                self.check_admissible(step)
                    .and_then(|()| self.dispatch(index, step, events))
            };
            match applied {
                Ok(sources) => touched.extend(sources),
                Err(refusal) => {
                    outcome = Err(refusal);
                    break;
                }
            }
        }
        if outcome.is_err() {
            *self = before;
            events.truncate(noted);
        }
        self.answers = answers;
        touched.sort();
        touched.dedup();
        outcome.map(|()| touched)
    }
}
