//! Exit codes and where texts go, as scripts for DM expect them.

use dm_proto::pb::{OfflineMemberResponse, OperateTaskResponse};

use crate::{
    dmctl, err,
    fake_master::{FakeMaster, Script},
    out, run,
};

#[tokio::test]
async fn help_and_version_succeed() {
    for args in [
        &[][..],
        &["--help"],
        &["help", "start-task"],
        &["config"],
        &["config", "task"],
        &["encrypt"],
    ] {
        let output = run(args).await;
        assert!(
            output.status.success() && out(&output).contains("Usage:"),
            "{args:?}: {}",
            err(&output)
        );
    }
    for args in [["-V"], ["--version"], ["-version"]] {
        let output = run(&args).await;
        let text = out(&output);
        assert!(
            output.status.success() && text.starts_with("Release Version: v"),
            "{text}"
        );
        let keys: Vec<&str> = text
            .lines()
            .filter_map(|line| Some(line.split_once(": ")?.0))
            .collect();
        assert_eq!(
            keys,
            [
                "Release Version",
                "Git Commit Hash",
                "Git Branch",
                "UTC Build Time",
                "Rust Version",
                "Failpoint Build"
            ]
        );
    }
}

#[tokio::test]
async fn wrong_arguments_fail_with_one() {
    for args in [
        &["start-task"][..],
        &["transfer-source", "a"],
        &["query-status", "a", "b"],
        &["operate-source"],
    ] {
        let output = run(args).await;
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert_eq!(
            err(&output),
            "Error: please check output to see error\n",
            "{args:?}"
        );
        assert!(out(&output).contains("Usage:"), "{args:?}");
    }
    let output = run(&["binlogs"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).starts_with("Error: unknown command \"binlogs\""),
        "{}",
        err(&output)
    );
}

#[tokio::test]
async fn no_master_fails_with_one() {
    let output = run(&["query-status"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("--master-addr") && err(&output).contains("DM_MASTER_ADDR"),
        "{}",
        err(&output)
    );

    let output = dmctl(&["query-status"])
        .env("DM_MASTER_ADDR", "127.0.0.1:1")
        .output()
        .await
        .expect("dmctl runs");
    assert_eq!(output.status.code(), Some(1));
    let text = err(&output);
    assert!(
        text.contains("can't connect to") && text.contains("Please check your network connection."),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_operation_is_an_answer() {
    let refused = OperateTaskResponse {
        msg: "task demo has no source or not exist".into(),
        ..Default::default()
    };
    let (_, addr) = FakeMaster::serve(Script {
        operated: refused,
        ..Default::default()
    })
    .await;
    let output = run(&["--master-addr", &addr, "stop-task", "demo"]).await;
    assert!(output.status.success());
    assert!(
        out(&output).contains("\"result\": false"),
        "{}",
        out(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_offline_member_is_a_failure() {
    let refused = OfflineMemberResponse {
        result: false,
        msg: "it is online".into(),
    };
    let (_, addr) = FakeMaster::serve(Script {
        offline: refused,
        ..Default::default()
    })
    .await;
    let output = run(&[
        "--master-addr",
        &addr,
        "offline-member",
        "--worker",
        "--name",
        "w1",
    ])
    .await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        err(&output),
        "Error: offline member failed:\nit is online\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_not_filled_names_itself() {
    let (_, addr) = FakeMaster::serve(Script::default()).await;
    let output = run(&["--master-addr", &addr, "list-member"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        err(&output),
        "Error: rpc error: code = Unimplemented desc = list_member\n"
    );
}

#[tokio::test]
async fn a_wrong_task_file_never_reaches_a_master() {
    let file = tempfile::Builder::new()
        .suffix(".yaml")
        .tempfile()
        .expect("temporary file");
    std::fs::write(file.path(), "name: demo\nno-such-key: 1\n").expect("written");
    let path = file.path().display().to_string();
    let output = run(&["--master-addr", "127.0.0.1:1", "start-task", &path]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("no-such-key") && err(&output).contains(&path),
        "{}",
        err(&output)
    );
}
