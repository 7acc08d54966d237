//! ALTER.
use super::{Database, Table};
use crate::context::Server;
use crate::error::ApplyError;
use crate::statement::{AlterTable, KeyDef, TableRef};
pub(crate) struct Altered { pub(crate) table: Table, pub(crate) renamed_to: Option<TableRef> }
pub(crate) fn alter_table(t: &Table, _a: &AlterTable, _d: Option<&Database>, _s: Server) -> Result<Altered, ApplyError> { Ok(Altered{table:t.clone(), renamed_to: None}) }
pub(crate) fn create_index(_t: &mut Table, _k: &KeyDef) -> Result<(), ApplyError> { Ok(()) }
pub(crate) fn drop_index(_t: &mut Table, _n: &str, _i: bool) -> Result<(), ApplyError> { Ok(()) }
