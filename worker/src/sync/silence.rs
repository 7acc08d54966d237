//! Stopping, at the target, a subtask whose own worker can't be asked (R32).

use std::sync::Arc;

use dm_model::{DmError, codes};
use tokio_util::sync::CancellationToken;

use super::{
    SubtaskSpec,
    apply::Target,
    control::Control,
    meta::{MetaTables, silence as silence_rows},
    run::digest,
    stop::Stop,
};

/// Makes sure that nothing of a subtask commits any more that was started before the entry at the epoch of the spec's token.
pub async fn silence(spec: &SubtaskSpec) -> Result<(), DmError> {
    let control = Control::new(
        spec.token.clone(),
        CancellationToken::new(),
        // Nothing runs that could take a command.
        Arc::default(),
    );
    let target = Target::new(spec.config.target.clone());
    let tables = MetaTables::new(&spec.config.meta_schema, &spec.token);
    let done = async {
        let (mut conn, identity) = target.connect(&control).await?;
        // Also when it never began: the row keeps a start that is late from beginning.
        tables.create(&mut conn).await?;
        silence_rows(&mut conn, &tables, &spec.token, &digest(spec), &identity).await?;
        let _closed = conn.disconnect().await;
        Ok(())
    };
    done.await.map_err(|stop| match stop {
        Stop::Fenced(error) | Stop::Transient(error) | Stop::Definite(error) => error,
        Stop::Asked => DmError::new(&codes::LEASE_LOST, "the target was not reached in time"),
    })
}
