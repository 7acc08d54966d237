//! End-to-end tests, one file per scenario.

mod compare;
mod fence;
mod kills;
mod lab;
mod load;
mod scene;
mod witness;
