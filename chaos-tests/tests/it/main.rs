//! End-to-end tests, one file per scenario.

mod compare;
mod kills;
mod lab;
mod load;
mod scene;
