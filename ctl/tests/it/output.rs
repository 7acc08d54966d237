//! What scripts and people read.

use std::os::unix::fs::PermissionsExt as _;

use dm_proto::pb::{
    GetCfgResponse, ProcessError, ProcessResult, QueryStatusListResponse, QueryStatusResponse,
    SourceStatus, Stage, SubTaskStatus, SyncStatus, UnitType, sub_task_status::Status,
};

use crate::{
    err,
    fake_master::{FakeMaster, Script},
    out, run,
};

pub(crate) fn syncing() -> QueryStatusListResponse {
    let sync = SyncStatus {
        master_binlog: "(mysql-bin.000005, 11034)".into(),
        syncer_binlog: "(mysql-bin.000005, 9034)".into(),
        seconds_behind_master: 2,
        recent_rps: 17,
        ..Default::default()
    };
    let errors = vec![ProcessError {
        err_code: 36_067,
        message: "boom".into(),
        ..Default::default()
    }];
    let detail = r#"{"tables":[{"source":"`a`.`b`","target":"`c`.`d`","state":"stopped","rows":3,"error":"boom"}]}"#;
    let subtask = SubTaskStatus {
        name: "demo".into(),
        stage: Stage::Running.into(),
        unit: UnitType::Sync.into(),
        result: Some(ProcessResult {
            errors,
            detail: detail.into(),
            ..Default::default()
        }),
        status: Some(Status::Sync(sync)),
        ..Default::default()
    };
    let source = SourceStatus {
        source: "mysql-01".into(),
        worker: "w1".into(),
        ..Default::default()
    };
    QueryStatusListResponse {
        result: true,
        sources: vec![QueryStatusResponse {
            result: true,
            source_status: Some(source),
            sub_task_status: vec![subtask],
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_list_and_full_form() {
    let (fake, addr) = FakeMaster::serve(Script {
        status: syncing(),
        ..Default::default()
    })
    .await;
    let short = out(&run(&["--master-addr", &addr, "query-status"]).await);
    assert!(
        short.contains("\"taskStatus\": \"Running\"") && !short.contains("subTaskStatus"),
        "{short}"
    );
    for args in [&["--more"][..], &["demo"], &["-s", "mysql-01"]] {
        let args = [&["--master-addr", &addr, "query-status"], args].concat();
        let full = out(&run(&args).await);
        assert!(
            full.contains("\"syncerBinlog\": \"(mysql-bin.000005, 9034)\""),
            "{full}"
        );
    }
    let asked: Vec<String> = fake.asked().into_iter().map(|asked| asked.text).collect();
    assert!(
        asked.iter().any(|text| text.contains("name: \"demo\"")),
        "{asked:?}"
    );
    assert!(
        asked.iter().any(|text| text.contains("[\"mysql-01\"]")),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_for_people() {
    let (_, addr) = FakeMaster::serve(Script {
        status: syncing(),
        ..Default::default()
    })
    .await;
    let list = out(&run(&["--master-addr", &addr, "-o", "table", "query-status"]).await);
    assert!(
        list.contains("Task") && list.contains("demo") && list.contains("mysql-01"),
        "{list}"
    );
    let full = out(&run(&[
        "--master-addr",
        &addr,
        "query-status",
        "demo",
        "-o",
        "table",
    ])
    .await);
    for part in [
        "Running, 1 error",
        "17 rows/s",
        "2.0 s",
        "[code=36067] boom",
        "`c`.`d`",
        "stopped",
    ] {
        assert!(full.contains(part), "{part} is missing in\n{full}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_stands_for_its_task() {
    let (fake, addr) = FakeMaster::serve(Script::default()).await;
    let file = tempfile::Builder::new()
        .suffix(".yaml")
        .tempfile()
        .expect("temporary file");
    let task = "name: from-file\ntask-mode: all\ntarget-database: {host: h, port: 4000, user: u}\nmysql-instances: [{source-id: s}]\n";
    std::fs::write(file.path(), task).expect("written");
    let path = file.path().display().to_string();
    for argument in [path.as_str(), "absent.yaml"] {
        run(&["--master-addr", &addr, "query-status", argument]).await;
    }
    let asked: Vec<String> = fake.asked().into_iter().map(|asked| asked.text).collect();
    assert!(
        matches!(asked.as_slice(), [first, second] if first.contains("\"from-file\"") && second.contains("\"absent.yaml\"")),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tasks_of_a_source() {
    let operated = dm_proto::pb::OperateTaskResponse {
        result: true,
        op: 2,
        ..Default::default()
    };
    let (fake, addr) = FakeMaster::serve(Script {
        status: syncing(),
        operated,
        ..Default::default()
    })
    .await;
    let text = out(&run(&[
        "--master-addr",
        &addr,
        "pause-task",
        "-s",
        "mysql-01",
        "--batch-size=2",
    ])
    .await);
    assert!(text.contains("\"tasks\": [\n        {\n            \"task\": \"demo\",\n            \"op\": \"Pause\""), "{text}");
    let methods: Vec<_> = fake.asked().into_iter().map(|asked| asked.method).collect();
    assert_eq!(methods, ["query_status", "operate_task"]);
    let refused = run(&["--master-addr", &addr, "pause-task"]).await;
    assert_eq!(refused.status.code(), Some(1), "{}", out(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn configurations_go_to_private_files() {
    let cfg = GetCfgResponse {
        result: true,
        msg: String::new(),
        cfg: "name: demo\n".into(),
    };
    let (_, addr) = FakeMaster::serve(Script {
        cfg,
        ..Default::default()
    })
    .await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("demo.yaml");
    let file = path.display().to_string();
    let output = run(&[
        "--master-addr",
        &addr,
        "config",
        "task",
        "demo",
        "-p",
        &file,
    ])
    .await;
    assert!(
        out(&output).contains(&format!("write config to file {file} succeed")),
        "{}",
        err(&output)
    );
    assert_eq!(
        std::fs::read_to_string(&path).expect("written"),
        "name: demo\n"
    );
    assert_eq!(
        std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    for args in [
        &["get-config", "task", "demo"][..],
        &["get-task-config", "demo"],
        &["config", "source", "x"],
    ] {
        let args = [&["--master-addr", addr.as_str()], args].concat();
        assert!(
            out(&run(&args).await).contains("\"cfg\": \"name: demo\\n\""),
            "{args:?}"
        );
    }
}
