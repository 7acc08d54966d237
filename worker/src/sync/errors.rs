//! Server errors with the side that they come from.

use dm_model::DmError;

use crate::database::{Role, classify};

/// An error of the target.
pub(crate) fn target(error: mysql_async::Error) -> DmError {
    classify(&error, Role::Target.scope())
}

/// An error of the source.
pub(crate) fn upstream(error: mysql_async::Error) -> DmError {
    classify(&error, Role::Upstream.scope())
}
