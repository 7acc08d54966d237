//! What the state machine must be able to do.

/// A deterministic state machine in memory.
///
/// Two machines that applied the same payloads in the same order are equal, and so are their answers.
pub trait Machine: Send + Sync + 'static {
    /// Applies one committed payload and answers it. A refusal is an answer like any other. An error means that this
    /// program can't know what the entry does to the state (R26): nothing was changed, and the member stops.
    fn apply(&mut self, index: u64, payload: &[u8]) -> Result<Vec<u8>, String>;

    /// The whole state as bytes that [`Machine::restore`] understands.
    fn snapshot(&self) -> Vec<u8>;

    /// Replaces the state. On an error the member stops; the text says what was wrong.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), String>;
}
