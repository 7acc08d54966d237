//! End-to-end tests, one file per scenario.

mod compare;
mod dmctl;
mod fence;
mod input;
mod kills;
mod lab;
mod load;
mod many;
mod masters;
mod plane_scene;
mod scene;
mod stopped;
mod tables;
mod trace;
mod witness;
