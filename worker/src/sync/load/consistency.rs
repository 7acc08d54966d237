//! How a snapshot and its position are made to agree: `--consistency` in `extra-args`, as in DM.

use dm_model::{DmError, codes};

/// How a table's snapshot and its position are made to agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Consistency {
    /// `LOCK TABLES … READ` for a moment; where that does not come, a window of positions for tables with a key.
    #[default]
    Auto,
    /// No lock: a window of positions, for tables with a key only.
    None,
    /// `FLUSH TABLES WITH READ LOCK` for a moment, because it was asked for.
    Flush,
    /// `LOCK TABLES … READ` for a moment, waited for as long as it takes.
    Lock,
}

impl Consistency {
    const NAMES: [(&'static str, Self); 4] = [
        ("auto", Self::Auto),
        ("none", Self::None),
        ("flush", Self::Flush),
        ("lock", Self::Lock),
    ];

    /// The name that configurations use.
    pub(crate) fn parse(name: &str) -> Result<Self, DmError> {
        if let Some((_, found)) = Self::NAMES.iter().find(|(known, _)| *known == name) {
            return Ok(*found);
        }
        let message = if name == "snapshot" {
            "--consistency snapshot reads TiDB's history; the sources of this program are MySQL and MariaDB".to_owned()
        } else {
            format!("--consistency {name:?} is not auto, none, flush or lock")
        };
        Err(DmError::new(&codes::CONFIG_PARSE_FLAG_SET, message).with_workaround(
            "leave --consistency out of extra-args (auto needs no global lock), or name one of auto, none, flush, lock",
        ))
    }
}
