//! Tests of the worker against real servers of `deploy/databases.sh`. A server that isn't there is named, and its test
//! passes over.

mod catching_up;
mod checks;
mod expressions;
mod fence;
mod server;
