//! `deploy/examples/dm-master.toml` is a valid configuration and shows every key that has an effect.

use std::{ffi::OsString, path::Path};

use dm_master::config::{Config, Invocation, KEYS, Settings, Treatment};

const EXAMPLE: &str = include_str!("../../deploy/examples/dm-master.toml");

fn read(file: &Path) -> Config {
    let args = [OsString::from("dm-master"), "--config".into(), file.into()];
    match Settings::read(args).expect("readable") {
        Invocation::Run(settings) => Config::new(&settings).expect("valid"),
        Invocation::Print(text) => panic!("printed {text}"),
    }
}

#[test]
fn the_example_is_valid_as_it_stands() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/dm-master.toml");
    let config = read(&file);
    assert_eq!(config.notices, Vec::<String>::new());
    assert_eq!(config.name, "master-1");
    assert_eq!(config.initial_cluster.len(), 1);
    // deploy/systemd/dm-master.service may write nowhere else.
    assert_eq!(config.data_dir, Path::new("/var/lib/dm-master"));
}

#[test]
fn every_line_that_is_commented_out_is_valid_too() {
    let folder = tempfile::tempdir().expect("folder");
    let key = folder.path().join("secret.key");
    std::fs::write(&key, "0123456789abcdef".repeat(4)).expect("written");
    let whole: String = EXAMPLE
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|bare| is_assignment(bare))
                .unwrap_or(line)
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let file = folder.path().join("dm-master.toml");
    std::fs::write(
        &file,
        whole.replace("/etc/dm/secret.key", &key.to_string_lossy()),
    )
    .expect("written");
    let config = read(&file);
    assert_eq!(config.notices, Vec::<String>::new());
    assert_eq!(config.initial_cluster.len(), 3);
    assert!(config.secret_key.is_some());
}

#[test]
fn every_key_with_an_effect_is_shown() {
    for key in KEYS
        .iter()
        .filter(|key| key.treatment == Treatment::Honoured)
    {
        let shown = EXAMPLE
            .lines()
            .map(|line| line.trim_start_matches("# "))
            .any(|line| line.starts_with(&format!("{} = ", key.name)));
        assert!(shown, "{} is missing", key.name);
    }
}

/// `key = "value"`, not a sentence with an equals sign in it.
fn is_assignment(line: &str) -> bool {
    line.split_once(" = ")
        .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
}
