//! Which upstream transactions share a target commit.
//!
//! One lane for now: transactions keep their order and a batch is a run of them, bounded by rows and bytes. The write-set
//! scheduler takes this folder's place between `Routed` and `Batch`.

mod batch;
mod comparison;
mod keyed;
mod write_set;

pub(crate) use batch::Batch;
pub(crate) use comparison::{Comparison, Kept};
pub(crate) use keyed::Keyed;
pub(crate) use write_set::{KeyHash, KeyPlan, RowKey, WriteSet};
