//! Answers of earlier requests: a retry with the same id gets the first answer and changes nothing.

use std::collections::BTreeMap;

use dm_proto::v1;
use serde::{Deserialize, Serialize};

/// Answers kept. With a few hundred bytes each this stays below 4 MiB, and 10,000 requests lie hours back.
pub const ANSWERS_MAX: usize = 10_000;

/// The last [`ANSWERS_MAX`] answers by request id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dedupe {
    answers: BTreeMap<String, Answer>,
    /// Log index to request id: the order in which answers are forgotten.
    order: BTreeMap<u64, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    ok: bool,
    code: i32,
    message: String,
    index: u64,
    sources: Vec<String>,
}

impl Dedupe {
    /// The stored answer of a request, if it is still remembered.
    pub fn get(&self, request_id: &str) -> Option<v1::Outcome> {
        self.answers.get(request_id).map(|answer| v1::Outcome {
            ok: answer.ok,
            code: answer.code,
            message: answer.message.clone(),
            index: answer.index,
            sources: answer.sources.clone(),
        })
    }

    /// Remembers an answer and forgets the oldest beyond the bound.
    pub(super) fn put(&mut self, request_id: &str, outcome: &v1::Outcome) {
        let answer = Answer {
            ok: outcome.ok,
            code: outcome.code,
            message: outcome.message.clone(),
            index: outcome.index,
            sources: outcome.sources.clone(),
        };
        self.answers.insert(request_id.to_owned(), answer);
        self.order.insert(outcome.index, request_id.to_owned());
        while self.order.len() > ANSWERS_MAX {
            if let Some((_, forgotten)) = self.order.pop_first() {
                self.answers.remove(&forgotten);
            }
        }
    }

    /// How many answers are remembered.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// True when no answer is remembered.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}
