//! The main job: data, load, faults, comparison.
