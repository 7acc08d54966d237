//! What the state machine must be able to do.

/// A deterministic state machine in memory.
///
/// Two machines that applied the same payloads in the same order are equal, and so are their answers.
pub trait Machine: Send + Sync + 'static {
    /// Applies one committed payload and answers it. Never fails: a refusal is an answer like any other.
    fn apply(&mut self, index: u64, payload: &[u8]) -> Vec<u8>;

    /// The whole state as bytes that [`Machine::restore`] understands.
    fn snapshot(&self) -> Vec<u8>;

    /// Replaces the state. On an error the member stops; the text says what was wrong.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), String>;
}
