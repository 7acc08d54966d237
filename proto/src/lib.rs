//! What DM's processes say to each other.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod pb { tonic::include_proto!("pb"); }
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod v1 { tonic::include_proto!("dm.v1"); }
