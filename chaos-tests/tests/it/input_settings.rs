//! Bad input on command lines and in the programs' own settings: exit codes, and what is said.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{Binaries, Cluster, Ctl, CtlOutput, Folder, Port, Process};

use crate::plane_scene::{failed, says};

#[tokio::test(flavor = "multi_thread")]
async fn command_lines_and_exit_codes() -> Result<()> {
    let cluster = Cluster::start(1, 0).await?;
    let cases: &[(&[&str], i32, &[&str])] = &[
        (
            &["sql-skip"],
            1,
            &["unknown command \"sql-skip\" for \"dmctl\"", "dmctl --help"],
        ),
        (
            &["query-status", "--wat"],
            1,
            &["--wat", "please check output to see error"],
        ),
        (&["start-task"], 1, &["please check output to see error"]),
        (
            &["start-task", "/nowhere/task.yaml"],
            1,
            &["/nowhere/task.yaml"],
        ),
        (
            &["operate-source", "drop"],
            1,
            &["drop", "please check output"],
        ),
        (&["operate-source", "create"], 1, &["configuration file"]),
        (
            &["query-status", "--rpc-timeout", "0s"],
            1,
            &["positive duration"],
        ),
        (&["encrypt"], 0, &["encrypt"]),
        (&["config"], 0, &["config"]),
        (&["-V"], 0, &["Release Version"]),
        (&["--help"], 0, &["Usage"]),
        (&[], 0, &["Usage"]),
    ];
    for (args, code, texts) in cases {
        let output = cluster.ctl(args).await?;
        ensure!(output.code == *code, "dmctl {args:?}: {output}");
        says(&output, texts)?;
    }
    let nobody = Ctl::new(format!("127.0.0.1:{}", Port::take()?.number()));
    failed(
        &nobody.run(&["query-status"]).await?,
        &["can't connect to a master", "127.0.0.1"],
    )?;
    failed(
        &Ctl::new("no-port").run(&["query-status"]).await?,
        &["no-port", "host:port"],
    )?;
    failed(
        &Ctl::new("").run(&["query-status"]).await?,
        &["master-addr"],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_refuse_wrong_settings() -> Result<()> {
    let folder = Folder::new("settings")?;
    let file = |name: &str, text: &str| -> Result<String> {
        Ok(folder.write(name, text)?.display().to_string())
    };
    let unknown_key = file(
        "unknown.toml",
        "name = \"x\"\nmaster-adr = \"127.0.0.1:1\"\n",
    )?;
    let no_toml = file("no.toml", "name = \n")?;
    let busy = std::net::TcpListener::bind("127.0.0.1:0")?;
    let busy = busy.local_addr()?.to_string();
    let cases: &[(&str, Vec<&str>, &[&str])] = &[
        ("dm-master", vec!["--wat"], &["[code=", "--wat"]),
        ("dm-worker", vec!["--wat"], &["[code=", "--wat"]),
        (
            "dm-master",
            vec!["--config", &unknown_key],
            &["[code=", "unknown.toml", "master-adr"],
        ),
        (
            "dm-worker",
            vec!["--config", &unknown_key],
            &["[code=", "unknown.toml", "master-adr"],
        ),
        (
            "dm-master",
            vec!["--config", &no_toml],
            &["[code=", "no.toml", "line 1"],
        ),
        (
            "dm-worker",
            vec!["--config", &no_toml],
            &["[code=", "no.toml", "line 1"],
        ),
        (
            "dm-master",
            vec!["--config", "/nowhere.toml"],
            &["/nowhere.toml"],
        ),
        (
            "dm-worker",
            vec!["--config", "/nowhere.toml"],
            &["/nowhere.toml"],
        ),
        ("dm-worker", vec![], &["[code=", "join"]),
        ("dm-worker", vec!["--join", "nohost"], &["[code=", "nohost"]),
        (
            "dm-master",
            vec!["--initial-cluster", "a"],
            &["[code=", "initial-cluster"],
        ),
        (
            "dm-master",
            vec!["--name", "a", "--initial-cluster", "b=http://127.0.0.1:1"],
            &["[code=", "initial-cluster"],
        ),
        (
            "dm-master",
            vec!["--lease-ttl", "soon"],
            &["[code=", "lease-ttl", "soon"],
        ),
        (
            "dm-master",
            vec!["--master-addr", &busy],
            &["[code=", &busy],
        ),
        (
            "dm-worker",
            vec!["--join", "127.0.0.1:1", "--worker-addr", &busy],
            &["[code=", &busy],
        ),
        (
            "dm-master",
            vec!["--secret-key-path", &no_toml],
            &["[code=", "secret-key-path"],
        ),
        ("dm-master", vec!["--ssl-ca", "x"], &["[code=", "ssl-ca"]),
        (
            "dm-worker",
            vec!["--join", "127.0.0.1:1", "--ssl-ca", "x"],
            &["[code=", "ssl-ca"],
        ),
    ];
    for (program, args, texts) in cases {
        let mut command = std::process::Command::new(Binaries::find()?.path(program)?);
        command.args(args).current_dir(folder.path());
        let log = folder.path().join("log");
        let mut process = Process::start(program, command, &log)?;
        let status = process.wait_exit(Duration::from_secs(10)).await?;
        let output = CtlOutput {
            code: status.code().unwrap_or(-1),
            stdout: String::new(),
            stderr: process.log_tail(),
        };
        std::fs::remove_file(&log)?;
        ensure!(output.code == 2, "{program} {args:?}: {output}");
        says(&output, texts).with_context(|| format!("{program} {args:?}"))?;
    }
    Ok(())
}
