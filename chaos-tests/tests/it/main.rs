//! End-to-end tests, one file per scenario.

mod compare;
mod fence;
mod input;
mod kills;
mod lab;
mod load;
mod masters;
mod plane_scene;
mod scene;
mod stopped;
mod trace;
mod witness;
