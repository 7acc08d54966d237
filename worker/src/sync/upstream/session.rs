//! Connecting to the source with everything pinned that could change what we read.

use std::sync::Arc;

use dm_model::{DmError, Flavor, SourceConfig};
use mysql_async::{Conn, prelude::Queryable};

use crate::{
    database::{ConnectOptions, Role, ServerIdentity, connect},
    relay::Relay,
    sync::errors,
};

/// Seconds for which the server waits while we are slow to read (a stalled target must not end a snapshot).
const NET_WRITE_TIMEOUT_S: u32 = 3_600;
/// Seconds that a snapshot may stand idle.
const IDLE_TIMEOUT_S: u32 = 28_800;

/// Events are larger than any packet that the source would take: an update has both images, a payload a whole transaction.
const PACKET_BYTES_MAX: usize = 1 << 30;

/// A source and how its sessions are set up. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    config: Arc<SourceConfig>,
    relay: Option<Arc<Relay>>,
}

impl Upstream {
    pub(crate) fn new(config: Arc<SourceConfig>) -> Self {
        Self {
            config,
            relay: None,
        }
    }

    /// Streams come from the relay log where it has them.
    pub(crate) fn with_relay(mut self, relay: Option<Arc<Relay>>) -> Self {
        self.relay = relay;
        self
    }

    pub(crate) fn relay(&self) -> Option<&Arc<Relay>> {
        self.relay.as_ref()
    }

    pub(crate) fn config(&self) -> &SourceConfig {
        &self.config
    }

    /// Positions are GTID sets.
    pub(crate) fn uses_gtid(&self) -> bool {
        self.config.enable_gtid
    }

    /// A pinned session: UTC, no sql_mode, names and texts in utf8mb4.
    pub(crate) async fn connect(&self) -> Result<(Conn, ServerIdentity), DmError> {
        let setup = [
            "SET SESSION sql_mode = ''",
            "SET SESSION time_zone = '+00:00'",
            "SET NAMES utf8mb4",
            "SET SESSION sql_select_limit = DEFAULT",
            "SET SESSION sql_quote_show_create = 1",
            &format!("SET SESSION net_write_timeout = {NET_WRITE_TIMEOUT_S}"),
            &format!("SET SESSION wait_timeout = {IDLE_TIMEOUT_S}"),
        ];
        let setup = setup.into_iter().map(str::to_owned).collect();
        let mut conn = connect(
            &self.config.from,
            Role::Upstream,
            &ConnectOptions {
                setup,
                max_allowed_packet: Some(PACKET_BYTES_MAX),
                ..ConnectOptions::default()
            },
        )
        .await?;
        let server = ServerIdentity::read(&mut conn, Role::Upstream).await?;
        for set in optional_pins(server.flavor()) {
            // Older servers lack some of these variables and the behaviour that they switch.
            let _unknown_variable = conn.query_drop(*set).await;
        }
        Ok((conn, server))
    }

    /// A session whose results carry text in each column's own character set, as the binlog does.
    pub(crate) async fn connect_for_rows(&self) -> Result<Conn, DmError> {
        let (mut conn, _) = self.connect().await?;
        conn.query_drop("SET SESSION character_set_results = NULL")
            .await
            .map_err(errors::upstream)?;
        Ok(conn)
    }
}

fn optional_pins(flavor: Flavor) -> &'static [&'static str] {
    match flavor {
        Flavor::Mysql => &[
            "SET SESSION max_execution_time = 0",
            "SET SESSION show_gipk_in_create_table_and_information_schema = ON",
            "SET SESSION information_schema_stats_expiry = 0",
        ],
        Flavor::Mariadb => &[
            "SET SESSION max_statement_time = 0",
            "SET SESSION idle_transaction_timeout = 0",
        ],
    }
}
