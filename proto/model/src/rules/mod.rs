//! Which tables take part, and what they are called in the target.
//!
//! Both rules use [`Pattern`]: a literal, a wildcard, or `~` and a regular expression. Rules see
//! the *source's* names. With `case-sensitive: false` names and patterns compare in lower case;
//! regular expressions match without regard to case (their text is left alone, because `\D` and
//! `\d` differ).

mod block_allow_list;
mod online_ddl;
mod pattern;
mod router;
mod wildcard;

pub use block_allow_list::{BlockAllowList, SYSTEM_SCHEMAS, is_system_schema};
pub use online_ddl::{OnlineDdl, TableRole};
pub use pattern::Pattern;
pub use router::Router;
pub use wildcard::Wildcard;
