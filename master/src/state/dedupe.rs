//! Answers of earlier requests: a retry with the same id gets the first answer and changes nothing.
//!
//! Bounded by number and by bytes. What was forgotten is remembered as one number, the floor: an id that was stamped below it may
//! have been answered before, so it is refused instead of being carried out twice (R28).

use std::collections::BTreeMap;

use dm_proto::v1;
use serde::{Deserialize, Serialize};

/// Answers kept: 10,000 requests lie hours back.
pub const ANSWERS_MAX: usize = 10_000;
/// Bytes of all answers together. A request that touches 500 sources has an answer of 20 KiB.
pub const ANSWERS_BYTES_MAX: u64 = 4 << 20;
/// What one answer costs beside its texts.
const ANSWER_BYTES: u64 = 64;

/// The newest answers by request id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dedupe {
    answers: BTreeMap<String, Answer>,
    /// Log index to request id: the order in which answers are forgotten.
    order: BTreeMap<u64, String>,
    /// Bytes of `answers`, counted from state level 2 on.
    #[serde(default)]
    bytes: u64,
    /// Index of the newest answer that was forgotten.
    #[serde(default)]
    floor: u64,
    /// The last request that changed something, when it came without an id (R29).
    #[serde(default)]
    last: Option<Anonymous>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    ok: bool,
    code: i32,
    message: String,
    index: u64,
    sources: Vec<String>,
}

/// A request without an id of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anonymous {
    /// Hash of its method and bytes.
    pub content_hash: u64,
    /// The id that its leader gave it.
    pub request_id: String,
    /// When that leader took it, milliseconds since 1970.
    pub received_ms: u64,
}

/// The id of a request without the step behind it.
pub(super) fn base_id(request_id: &str) -> &str {
    request_id
        .split_once('/')
        .map_or(request_id, |(base, _)| base)
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

    /// True when a request stamped with this index may have been answered and forgotten.
    pub fn may_have_forgotten(&self, stamp: u64) -> bool {
        stamp < self.floor
    }

    /// The last request that changed something, when it came without an id.
    pub fn last_anonymous(&self) -> Option<&Anonymous> {
        self.last.as_ref()
    }

    /// Remembers an answer and forgets the oldest beyond the bounds. `bounded`: by bytes too, and what is forgotten is noted.
    pub(super) fn put(&mut self, request_id: &str, outcome: &v1::Outcome, bounded: bool) {
        let answer = Answer {
            ok: outcome.ok,
            code: outcome.code,
            message: outcome.message.clone(),
            index: outcome.index,
            sources: outcome.sources.clone(),
        };
        if bounded {
            self.bytes = self.bytes.saturating_add(answer.bytes(request_id));
        }
        self.answers.insert(request_id.to_owned(), answer);
        self.order.insert(outcome.index, request_id.to_owned());
        while self.order.len() > ANSWERS_MAX || (bounded && self.bytes > ANSWERS_BYTES_MAX) {
            let Some((index, forgotten)) = self.order.pop_first() else {
                break;
            };
            let answer = self.answers.remove(&forgotten);
            if bounded {
                let bytes = answer.map_or(0, |answer| answer.bytes(&forgotten));
                self.bytes = self.bytes.saturating_sub(bytes);
                self.floor = index;
            }
        }
    }

    /// Notes which request changed the state last; one with an id of its own ends the memory of one without.
    pub(super) fn note_last(&mut self, command: &v1::Command) {
        let base = base_id(&command.request_id);
        if self
            .last
            .as_ref()
            .is_some_and(|last| last.request_id == base)
        {
            return;
        }
        self.last = (command.content_hash != 0).then(|| Anonymous {
            content_hash: command.content_hash,
            request_id: base.to_owned(),
            received_ms: command.received_ms,
        });
    }

    /// Counts the bytes of what an older program stored.
    pub(super) fn count_bytes(&mut self) {
        self.bytes = self
            .answers
            .iter()
            .map(|(id, answer)| answer.bytes(id))
            .sum();
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

impl Answer {
    fn bytes(&self, request_id: &str) -> u64 {
        let sources: usize = self.sources.iter().map(|source| source.len() + 8).sum();
        // The id stands twice.
        (2 * request_id.len() + self.message.len() + sources) as u64 + ANSWER_BYTES
    }
}
