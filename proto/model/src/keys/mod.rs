//! Every key of `source.yaml` and `task.yaml`, and what happens to it.
//!
//! The parser is led by these tables: a key that is not here is refused, types are checked from
//! here, and notices and refusals are produced from here. The same tables are rendered to
//! `docs/configuration.md`. So a key cannot be accepted without standing in the documentation.

mod database;
mod key;
mod render;
mod rules;
mod source;
mod task;
mod units;

pub use key::{Key, Treatment, Ty};
pub use render::render_markdown;
pub use source::SOURCE;
pub use task::TASK;
