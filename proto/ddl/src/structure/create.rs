//! CREATE.
use super::{Database, Table};
use crate::context::Server;
use crate::error::ApplyError;
use crate::statement::{CharsetClause, CreateTable};
pub(crate) fn build_table(_c: &CreateTable, _d: Option<&Database>, _s: Server) -> Result<Table, ApplyError> { Ok(Table::default()) }
pub(crate) fn copy_table(t: &Table) -> Table { t.clone() }
pub(crate) fn database(_c: &CharsetClause, s: &Database, _v: Server) -> Database { s.clone() }
