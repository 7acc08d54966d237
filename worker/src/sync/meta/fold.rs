//! What the lanes of an earlier owner say is brought together before work starts (R14).

use mysql_async::{Conn, prelude::Queryable};
use tracing::info;

use super::{Lane, MetaTables, Progress, lane::OTHER_LANES};
use crate::sync::{errors, failpoint::failpoint, stop::Stop, value::quote_text};

/// Puts the union of all lanes' progress into the control lane's row and takes it out of the others, in one fenced transaction.
///
/// After the raise nothing of an older epoch can commit, and no lane of this one has begun; lanes that are no longer configured count
/// too. A DDL's intent stays where it is.
pub(crate) async fn fold(
    conn: &mut Conn,
    control: &mut Lane,
    tables: &MetaTables,
    epoch: u64,
) -> Result<(), Stop> {
    let key = tables.key();
    // Since the control lane is ours no other start can make a lane; one that was made since the raise is raised here.
    conn.query_drop(format!(
        "UPDATE {} SET seq = seq + 1 WHERE {key} AND lane > 0 AND lane < {OTHER_LANES} AND epoch = {epoch}",
        tables.lane()
    ))
    .await
    .map_err(errors::target)?;
    let rows: Vec<(i32, String)> = conn
        .query(format!(
            "SELECT lane, progress FROM {} WHERE {key} AND lane > 0 AND lane < {OTHER_LANES}",
            tables.lane()
        ))
        .await
        .map_err(errors::target)?;
    let mut union = control.progress().clone();
    let mut statements = Vec::new();
    for (lane, text) in rows {
        let mut progress = Progress::from_column(&text)?;
        let Some(applied) = progress.applied() else {
            continue;
        };
        (progress.at, progress.beyond) = (None, Default::default());
        let both = union
            .applied()
            .map_or_else(|| applied.clone(), |before| before.union(&applied));
        union = union.with(both);
        let rest = if progress == Progress::default() {
            String::new()
        } else {
            progress.to_column()
        };
        statements.push(format!(
            "UPDATE {} SET seq = seq + 1, progress = {} WHERE {key} AND lane = {lane} AND epoch = {epoch}",
            tables.lane(),
            quote_text(&rest)
        ));
    }
    if statements.is_empty() {
        return Ok(());
    }
    info!(lanes = statements.len(), at = %union.applied().map(|at| at.to_string()).unwrap_or_default(), "folded the lanes");
    failpoint("before-fold");
    control
        .commit(&statements, &union)
        .await
        .map_err(|refused| refused.into_stop("folding lanes"))?;
    failpoint("folded");
    Ok(())
}
