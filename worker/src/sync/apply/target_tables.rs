//! The plans by which tables are written, with the target's structure read once for each.

use std::{collections::HashMap, sync::Arc};

use dm_ddl::{Context, Flavor, Table};
use dm_model::{DmError, Kind, TableName};
use mysql_async::Conn;
use tracing::warn;

use super::{WritePlan, show_create_text};
use crate::{
    database::{ServerIdentity, ServerKind},
    sync::{
        track::TableFault,
        transform::{Routed, TablePlan},
    },
};

/// Plans by source table. A plan is made again when its [`TablePlan`] is another one, which is so after every DDL.
#[derive(Debug, Default)]
pub(crate) struct TargetTables {
    plans: HashMap<TableName, Arc<WritePlan>>,
}

impl TargetTables {
    /// The plan of a table, if it is known.
    pub(crate) fn known(&self, table: &Arc<TablePlan>) -> Option<&Arc<WritePlan>> {
        self.plans
            .get(&table.source)
            .filter(|plan| Arc::ptr_eq(&plan.table, table))
    }

    /// The plan of a table. Its keys and types at the target are read there; the source's structure never is.
    pub(crate) async fn plan(
        &mut self,
        conn: &mut Conn,
        server: &ServerIdentity,
        table: &Arc<TablePlan>,
    ) -> Result<Arc<WritePlan>, DmError> {
        if let Some(known) = self.known(table) {
            return Ok(known.clone());
        }
        let found = show_create_text(conn, &table.target).await?;
        let target = found
            .as_deref()
            .and_then(|text| parsed(text, server, table));
        // Tables whose cascades are not logged are refused when they are copied, so no group has to be serial (R18).
        let plan = WritePlan::new(table.clone(), target.as_ref(), None)?;
        self.plans.insert(table.source.clone(), plan.clone());
        Ok(plan)
    }

    /// The plan of each item of a transaction, if they are all known: what [`Keyed::new`](crate::sync::schedule::Keyed::new) takes.
    pub(crate) fn plans(&self, routed: &Routed) -> Option<Vec<Arc<WritePlan>>> {
        let plans = routed.items.iter();
        plans.map(|item| self.known(&item.table).cloned()).collect()
    }

    /// Makes the plans that a transaction needs, so that it can be hashed.
    pub(crate) async fn prepare(
        &mut self,
        conn: &mut Conn,
        server: &ServerIdentity,
        routed: &Routed,
    ) -> Result<(), TableFault> {
        for item in &routed.items {
            self.plan(conn, server, &item.table)
                .await
                .map_err(|error| match error.kind {
                    Kind::Definite => TableFault::Tables(vec![item.table.source.clone()], error),
                    // Nothing is wrong with the table.
                    Kind::Transient | Kind::Unknown => TableFault::Source(error),
                })?;
        }
        Ok(())
    }
}

/// What cannot be understood is written one row after the other: the server judges.
fn parsed(text: &str, server: &ServerIdentity, table: &TablePlan) -> Option<Table> {
    let context = Context {
        default_schema: Some(&table.target.schema),
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: match server.kind {
            ServerKind::Mariadb => Flavor::Mariadb,
            ServerKind::Mysql | ServerKind::Tidb => Flavor::Mysql,
        },
        version: server.number,
    };
    Table::parse_create(text, &context)
        .inspect_err(|error| {
            warn!(table = %table.target, %error, "the structure of the target table is not understood: its rows are written one by one");
        })
        .ok()
}
