//! The id of a mutating request: the same id means the same request, however often it arrives.
//!
//! It travels in gRPC metadata, so that DM's messages stay as they are. A caller that repeats a call after a lost answer sends
//! the same id; the replicated state then returns the stored outcome instead of applying twice. DM's own `dmctl` sends none: the
//! server makes one.

use std::fmt;

use tonic::metadata::MetadataMap;
use uuid::Uuid;

/// Metadata key of the id.
pub const KEY: &str = "dm-request-id";

/// How ids begin that a server made for a request that came without one.
const MADE_BY_SERVER: &str = "made-";
/// Between the random part and the stamp.
const STAMP_MARK: char = '@';

/// Longer ids are refused: they are stored in the replicated state.
const LENGTH_MAX: usize = 64;

/// Id of one mutating request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// A fresh random id.
    pub fn generate() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// A fresh random id with a stamp: the index of the newest log entry that a master had applied before the request was made. Masters
    /// refuse an id that is older than what they remember (R28).
    pub fn stamped(applied: u64) -> Self {
        Self(format!("{}{STAMP_MARK}{applied}", Uuid::new_v4()))
    }

    /// Takes an id from outside; `None` when it is empty, too long or not printable ASCII without spaces.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= LENGTH_MAX;
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// The id that came with a request, if a usable one did.
    pub fn read(metadata: &MetadataMap) -> Option<Self> {
        Self::parse(metadata.get(KEY)?.to_str().ok()?)
    }

    /// A fresh id, stamped as in [`Self::stamped`], that says that the caller sent none.
    pub fn made_by_server(applied: u64) -> Self {
        Self(format!(
            "{MADE_BY_SERVER}{}{STAMP_MARK}{applied}",
            Uuid::new_v4()
        ))
    }

    /// Whether the caller sent none (stock `dmctl`): a repetition comes under another id then.
    pub fn is_made_by_server(id: &str) -> bool {
        id.starts_with(MADE_BY_SERVER)
    }

    /// Sends the id with a request.
    pub fn attach(&self, metadata: &mut MetadataMap) {
        // Printable ASCII by construction, so this always succeeds.
        if let Ok(value) = self.0.parse() {
            metadata.insert(KEY, value);
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The stamp of an id, if it has one.
pub fn stamp(id: &str) -> Option<u64> {
    id.rsplit_once(STAMP_MARK)?.1.parse().ok()
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn travels_in_metadata() {
        let mut metadata = MetadataMap::new();
        assert_eq!(RequestId::read(&metadata), None);
        let id = RequestId::generate();
        id.attach(&mut metadata);
        assert_eq!(RequestId::read(&metadata), Some(id));
        let stamped = RequestId::stamped(u64::MAX);
        assert_eq!(stamp(stamped.as_str()), Some(u64::MAX));
        assert_eq!(RequestId::parse(stamped.as_str()), Some(stamped));
        assert_eq!(stamp(RequestId::generate().as_str()), None);
    }

    #[test]
    fn unusable_ids_are_not_taken() {
        assert_eq!(RequestId::parse(""), None);
        assert_eq!(RequestId::parse("a b"), None);
        assert_eq!(RequestId::parse(&"x".repeat(LENGTH_MAX + 1)), None);
        assert_ne!(RequestId::generate(), RequestId::generate());
    }
}
