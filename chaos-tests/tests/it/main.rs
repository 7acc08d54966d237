//! End-to-end tests, one file per scenario.

mod compare;
mod lab;
