//! The result of reading a configuration file.

/// A value, and what its author should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The configuration.
    pub value: T,
    /// One sentence for each key that is accepted but does not do what it did in DM.
    pub notices: Vec<String>,
}
