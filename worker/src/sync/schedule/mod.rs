//! Which upstream transactions share a target commit.
//!
//! One lane for now: transactions keep their order and a batch is a run of them, bounded by rows and bytes. The write-set
//! scheduler takes this folder's place between `Routed` and `Batch`.

mod batch;

pub(crate) use batch::Batch;
