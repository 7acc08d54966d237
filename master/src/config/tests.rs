use std::ffi::OsString;

use super::{Config, Invocation, Settings};

fn read(args: &[&str]) -> Result<Config, dm_model::DmError> {
    let args = std::iter::once("dm-master")
        .chain(args.iter().copied())
        .map(OsString::from);
    match Settings::read(args)? {
        Invocation::Run(settings) => Config::new(&settings),
        Invocation::Print(text) => panic!("printed {text}"),
    }
}

fn refusal(args: &[&str]) -> dm_model::DmError {
    read(args).err().expect("refused")
}

fn code(args: &[&str]) -> i32 {
    refusal(args).code
}

#[test]
fn a_data_folder_alone_is_enough() {
    let config = read(&["--data-dir", "d"]).unwrap();
    assert_eq!(config.advertise_addr, "127.0.0.1:8261");
    assert_eq!(config.advertise_peer_addr, "127.0.0.1:8291");
    assert_eq!(config.initial_cluster.len(), 1);
    assert_eq!(config.lease_ttl_ms, None);
}

#[test]
fn one_dash_is_as_good_as_two() {
    let config = read(&[
        "-data-dir=d",
        "-name",
        "m1",
        "-L",
        "debug",
        "-master-addr",
        "http://127.0.0.1:1/",
    ])
    .unwrap();
    assert_eq!(
        (
            config.name.as_str(),
            config.log_level.as_str(),
            config.master_addr.as_str()
        ),
        ("m1", "debug", "127.0.0.1:1")
    );
}

#[test]
fn addresses_must_be_reachable() {
    assert_eq!(code(&["--master-addr", ":8261"]), 38035);
    assert_eq!(code(&["--master-addr", "nonsense"]), 38035);
    assert_eq!(code(&["--advertise-addr", "0.0.0.0:1"]), 38042);
    assert_eq!(code(&["--peer-urls", "http://0.0.0.0:8291"]), 38050);
    let config = read(&[
        "--master-addr",
        ":8261",
        "--advertise-addr",
        "10.0.0.1:8261",
    ])
    .unwrap();
    assert_eq!(config.master_addr, "0.0.0.0:8261");
}

#[test]
fn the_initial_cluster_contains_this_master() {
    let cluster = "m1=http://127.0.0.1:8291,m2=127.0.0.1:8292";
    let config = read(&["--name", "m1", "--initial-cluster", cluster]).unwrap();
    assert_eq!(config.initial_cluster[1].peer_addr, "127.0.0.1:8292");
    assert_eq!(code(&["--name", "m3", "--initial-cluster", cluster]), 38050);
    assert_eq!(code(&["--name", "m2", "--initial-cluster", cluster]), 38050);
}

#[test]
fn the_file_is_strict_and_flags_win() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dm-master.toml");
    let file = path.to_str().unwrap();
    std::fs::write(
        &path,
        "name = \"a\"\nmax-txn-ops = 7\nlease-ttl = \"1500ms\"\n",
    )
    .unwrap();
    let config = read(&["--config", file, "--name", "b"]).unwrap();
    assert_eq!(
        (
            config.name.as_str(),
            config.lease_ttl_ms,
            config.notices.len()
        ),
        ("b", Some(1500), 1)
    );
    std::fs::write(&path, "nmae = \"a\"\n").unwrap();
    let error = refusal(&["--config", file]);
    assert_eq!(error.code, 38011);
    assert!(error.message.contains("nmae"), "{error}");
}

#[test]
fn what_would_change_behaviour_is_refused_by_name() {
    let error = refusal(&["--ssl-ca", "/ca.pem"]);
    assert!(error.message.contains("ssl-ca"), "{error}");
    assert_eq!(code(&["stray"]), 38012);
    assert_eq!(code(&["--lease-ttl", "1ms"]), 38010);
}

#[test]
fn the_sample_is_valid() {
    let bare: String = super::sample()
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n")
        .filter(|line| line.contains(" = "))
        .collect();
    bare.parse::<toml::Table>().unwrap();
}
