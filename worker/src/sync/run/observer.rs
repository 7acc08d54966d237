//! Watches how far the source is, for lag and `synced`.

use std::time::Duration;

use dm_model::Position;
use tokio::sync::watch;

use crate::sync::upstream::{Upstream, current_position};

/// How often the source is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// Publishes the source's newest position until the receiver is gone. Trouble with the connection only delays it.
pub(super) async fn observe(upstream: Upstream, newest: watch::Sender<Option<Position>>) {
    while !newest.is_closed() {
        if let Ok((mut conn, server)) = upstream.connect().await {
            while let Ok(position) =
                current_position(&mut conn, &server, upstream.uses_gtid()).await
            {
                if newest.send(Some(position)).is_err() {
                    return;
                }
                tokio::time::sleep(INTERVAL).await;
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
