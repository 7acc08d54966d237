//! `deploy/examples/dm-worker.toml` is a valid configuration and shows every key that has an effect.

use std::path::Path;

use dm_worker::config::{Invocation, SAMPLE, WorkerConfig};

const EXAMPLE: &str = include_str!("../../deploy/examples/dm-worker.toml");

fn read(file: &Path) -> WorkerConfig {
    let args = ["--config".to_owned(), file.to_string_lossy().into_owned()];
    match WorkerConfig::from_args(args).expect("valid") {
        Invocation::Run(config) => *config,
        Invocation::Print(text) => panic!("printed {text}"),
    }
}

#[test]
fn the_example_is_valid_as_it_stands() {
    let config =
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/dm-worker.toml"));
    assert_eq!(config.notices, Vec::<String>::new());
    assert_eq!(config.name.as_str(), "worker-1");
    assert_eq!(config.join, ["127.0.0.1:8261"]);
}

#[test]
fn every_line_that_is_commented_out_is_valid_too() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("dm-worker.toml");
    let whole: String = EXAMPLE
        .lines()
        .map(|line| assignment(line).unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    std::fs::write(&file, whole).expect("written");
    let config = read(&file);
    assert_eq!(config.notices, Vec::<String>::new());
    assert_eq!(config.advertise_addr, "10.0.0.11:8262");
    assert!(config.otlp_endpoint.is_some());
}

/// What `--print-sample-config` prints and the example are two texts about the same keys.
#[test]
fn the_example_and_the_sample_have_the_same_keys() {
    let keys = |text: &str| -> std::collections::BTreeSet<String> {
        text.lines()
            .filter_map(assignment)
            .filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()))
            .collect()
    };
    assert_eq!(keys(EXAMPLE), keys(SAMPLE));
}

/// `key = "value"`, commented out or not; not a sentence with an equals sign in it.
fn assignment(line: &str) -> Option<&str> {
    let bare = line.strip_prefix("# ").unwrap_or(line);
    let (key, _) = bare.split_once(" = ")?;
    key.chars()
        .all(|c| c.is_ascii_lowercase() || c == '-')
        .then_some(bare)
}
