//! Keys of `source.yaml`.
use super::Key;
/// Keys.
pub static SOURCE: &[Key] = &[];
