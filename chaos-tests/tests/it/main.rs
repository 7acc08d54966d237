//! End-to-end tests, one file per scenario.

mod compare;
mod data_folders;
mod dmctl;
mod encryption;
mod fence;
mod handover;
mod history;
mod input;
mod input_databases;
mod input_settings;
mod kills;
mod lab;
mod load;
mod many;
mod masters;
mod operators;
mod plane_scene;
mod refusal;
mod rows;
mod scene;
mod soak;
mod stopped;
mod tables;
mod trace;
mod values;
mod witness;
