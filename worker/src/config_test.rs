use super::*;
use std::io::Write as _;

fn parse(args: &[&str]) -> Result<WorkerConfig, DmError> {
    match WorkerConfig::from_args(args.iter().map(ToString::to_string))? {
        Invocation::Run(config) => Ok(*config),
        Invocation::Print(text) => panic!("{text}"),
    }
}

#[test]
fn join_is_all_that_is_needed() {
    let config = parse(&["--join", "127.0.0.1:8261"]).expect("valid");
    assert_eq!(
        (config.worker_addr.as_str(), config.name.as_str()),
        ("127.0.0.1:8262", "127.0.0.1:8262")
    );
    assert_eq!(config.notices.len(), 1);
}

#[test]
fn dm_spelling_is_understood() {
    let config = parse(&[
        "-worker-addr=:9000",
        "-advertise-addr",
        "w:9000",
        "-join",
        "a:1, http://b:2",
        "-L",
        "debug",
    ]);
    let config = config.expect("valid");
    assert_eq!(config.worker_addr, "0.0.0.0:9000");
    assert_eq!(config.advertise_addr, "w:9000");
    assert_eq!(config.join, ["a:1", "http://b:2"]);
    assert_eq!(config.log_level, "debug");
}

#[test]
fn bad_settings_have_their_codes() {
    for (args, code) in [
        (vec!["--join", "a:1", "--worker-addr", "nonsense"], 40069),
        (vec!["--join", "a:1", "--worker-addr", "0.0.0.0:1"], 40069),
        (vec!["--join", "a"], 40069),
        (vec![], 40002),
        (vec!["--no-such"], 40002),
        (vec!["--join", "a:1", "--ssl-ca", "f"], 40076),
        (vec!["--join", "a:1", "--config", "/no/such/file"], 40003),
    ] {
        assert_eq!(parse(&args).expect_err("bad").code, code, "{args:?}");
    }
}

#[test]
fn flags_win_over_the_file_and_unknown_keys_are_named() {
    let mut file = tempfile::NamedTempFile::new().expect("file");
    writeln!(file, "name = \"n\"\njoin = \"a:1\"\nkeepalive-ttl = 60").expect("written");
    let path = file.path().to_string_lossy().into_owned();
    let config = parse(&["--config", &path, "--join", "b:2"]).expect("valid");
    assert_eq!(
        (config.name.as_str(), config.join.as_slice()),
        ("n", &["b:2".to_owned()][..])
    );
    assert!(
        config
            .notices
            .iter()
            .any(|notice| notice.contains("--lease-ttl"))
    );
    writeln!(file, "nmae = 1").expect("written");
    let error = parse(&["--config", &path]).expect_err("unknown key");
    assert_eq!(error.code, 40004);
    assert!(error.message.contains("nmae"));
}

#[test]
fn the_sample_is_valid() {
    let mut file = tempfile::NamedTempFile::new().expect("file");
    file.write_all(SAMPLE.as_bytes()).expect("written");
    parse(&["--config", &file.path().to_string_lossy()]).expect("valid");
}
