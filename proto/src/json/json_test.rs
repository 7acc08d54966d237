//! Golden texts: the examples of the interface reference.

use crate::pb;

use super::*;

/// The reference prints short lists on one line to save paper; the tool never does.
fn check(rendered: &str, expected: &str) {
    assert_eq!(rendered, expected.trim_matches('\n'));
    serde_json::from_str::<serde_json::Value>(rendered).expect("valid JSON");
}

fn common(source: &str, worker: &str) -> pb::CommonWorkerResponse {
    pb::CommonWorkerResponse {
        result: true,
        msg: String::new(),
        source: source.into(),
        worker: worker.into(),
    }
}

#[test]
fn start_task() {
    let response = pb::StartTaskResponse {
        result: true,
        msg: String::new(),
        sources: vec![common("mysql-replica-01", "worker1")],
        check_result: "pre-check is passed. ".into(),
    };
    check(
        &render(&response),
        r#"
{
    "result": true,
    "msg": "",
    "sources": [
        {
            "result": true,
            "msg": "",
            "source": "mysql-replica-01",
            "worker": "worker1"
        }
    ],
    "checkResult": "pre-check is passed. "
}
"#,
    );
}

#[test]
fn pause_task_with_empty_list() {
    let response = pb::OperateTaskResponse {
        op: pb::TaskOp::Pause.into(),
        result: false,
        msg: "a <b> & \"c\"\u{2028}\t\u{1}".into(),
        sources: vec![],
    };
    check(
        &render(&response),
        r#"
{
    "op": "Pause",
    "result": false,
    "msg": "a \u003cb\u003e \u0026 \"c\"\u2028\t\u0001",
    "sources": [
    ]
}
"#,
    );
}

#[test]
fn list_member() {
    use pb::members::Member;
    let member = |member| pb::Members {
        member: Some(member),
    };
    let response = pb::ListMemberResponse {
        result: true,
        msg: String::new(),
        members: vec![
            member(Member::Leader(pb::ListLeaderMember {
                msg: String::new(),
                name: "master1".into(),
                addr: "192.168.1.1:8261".into(),
            })),
            member(Member::Master(pb::ListMasterMember {
                msg: String::new(),
                masters: vec![pb::MasterInfo {
                    name: "master1".into(),
                    member_id: 11_007_177_379_717_700_053,
                    alive: true,
                    peer_ur_ls: vec!["http://192.168.1.1:8291".into()],
                    client_ur_ls: vec!["http://192.168.1.1:8261".into()],
                }],
            })),
            member(Member::Worker(pb::ListWorkerMember {
                msg: String::new(),
                workers: vec![pb::WorkerInfo {
                    name: "worker1".into(),
                    addr: "192.168.1.4:8262".into(),
                    stage: "bound".into(),
                    source: "mysql-replica-01".into(),
                }],
            })),
        ],
    };
    check(&render(&response), include_str!("golden/list_member.json"));
}

#[test]
fn query_status_with_every_nested_message() {
    let errors = vec![pb::ProcessError {
        err_code: 36067,
        err_class: "sync-unit".into(),
        err_scope: "internal".into(),
        err_level: "high".into(),
        message: "…".into(),
        raw_cause: "…".into(),
        workaround: "…".into(),
    }];
    let position = |text: &str| format!("(mysql-bin.000005, {text})");
    let gtid = "e9a1fc22-ec08-11e9-b2ac-0242ac110003:1-7849".to_owned();
    let sync = pb::SyncStatus {
        total_events: 12,
        total_tps: 1,
        recent_tps: 1,
        master_binlog: position("11034"),
        master_binlog_gtid: "…".into(),
        syncer_binlog: position("9034"),
        syncer_binlog_gtid: "…".into(),
        unresolved_groups: vec![pb::ShardingGroup {
            target: "`db`.`tbl`".into(),
            dd_ls: vec!["USE `db`; ALTER TABLE …".into()],
            first_location: "position: (mysql-bin|000001.000003, 1752), gtid-set: …".into(),
            synced: vec!["`db_01`.`tbl_01`".into()],
            unsynced: vec!["`db_01`.`tbl_02`".into()],
        }],
        binlog_type: "remote".into(),
        total_rows: 12,
        total_rps: 1,
        recent_rps: 1,
        ..Default::default()
    };
    let response = pb::QueryStatusListResponse {
        result: true,
        msg: String::new(),
        sources: vec![pb::QueryStatusResponse {
            result: true,
            msg: String::new(),
            source_status: Some(pb::SourceStatus {
                source: "mysql-replica-01".into(),
                worker: "worker1".into(),
                result: None,
                relay_status: Some(pb::RelayStatus {
                    master_binlog: position("11034"),
                    master_binlog_gtid: gtid.clone(),
                    relay_sub_dir: "e9a1fc22-ec08-11e9-b2ac-0242ac110003.000001".into(),
                    relay_binlog: position("11034"),
                    relay_binlog_gtid: gtid,
                    relay_catch_up_master: true,
                    stage: pb::Stage::Running.into(),
                    result: None,
                }),
            }),
            sub_task_status: vec![pb::SubTaskStatus {
                name: "test".into(),
                stage: pb::Stage::Paused.into(),
                unit: pb::UnitType::Sync.into(),
                result: Some(pb::ProcessResult {
                    is_canceled: false,
                    errors,
                    detail: vec![],
                }),
                unresolved_ddl_lock_id: String::new(),
                validation: None,
                status: Some(pb::sub_task_status::Status::Sync(sync)),
            }],
        }],
    };
    check(&render(&response), include_str!("golden/query_status.json"));
}

#[test]
fn numbers_bytes_maps_and_unknown_enums() {
    let dump = pb::DumpStatus {
        total_tables: 3,
        completed_tables: 2.0,
        finished_bytes: 1.5e21,
        finished_rows: 1e-7,
        ..Default::default()
    };
    check(
        &render(&dump),
        r#"
{
    "totalTables": "3",
    "completedTables": 2,
    "finishedBytes": 1.5e+21,
    "finishedRows": 1e-7,
    "estimateTotalRows": 0,
    "bps": "0",
    "progress": ""
}
"#,
    );
    check(
        &render(&pb::ProcessResult {
            is_canceled: true,
            errors: vec![],
            detail: b"{}".to_vec(),
        }),
        "{\n    \"isCanceled\": true,\n    \"errors\": [\n    ],\n    \"detail\": \"e30=\"\n}",
    );
    let configs = [("b", "2"), ("a", "1")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    check(
        &render(&pb::ListTaskConfigsResponse {
            result: true,
            msg: String::new(),
            task_configs: configs.into(),
        }),
        "{\n    \"result\": true,\n    \"msg\": \"\",\n    \"taskConfigs\": {\n        \"a\": \"1\",\n        \"b\": \"2\"\n    }\n}",
    );
    check(
        &render(&pb::OperateTaskResponse {
            op: 99,
            ..Default::default()
        }),
        "{\n    \"op\": 99,\n    \"result\": false,\n    \"msg\": \"\",\n    \"sources\": [\n    ]\n}",
    );
    check(
        &render(&pb::StartValidationRequest {
            mode: Some(pb::start_validation_request::Mode::ModeValue("full".into())),
            task_name: "t".into(),
            ..Default::default()
        }),
        "{\n    \"modeValue\": \"full\",\n    \"sources\": [\n    ],\n    \"taskName\": \"t\"\n}",
    );
}

#[test]
fn every_message_of_the_contract_can_be_walked() {
    let messages: Vec<_> = pool()
        .all_messages()
        .filter(|message| message.package_name() == "pb")
        .collect();
    assert!(messages.len() > 80, "{} messages", messages.len());
    for descriptor in messages {
        let mut out = String::new();
        write_message(&mut out, &DynamicMessage::new(descriptor.clone()), 0);
        let parsed = serde_json::from_str::<serde_json::Value>(&out);
        assert!(parsed.is_ok(), "{}: {out}", descriptor.full_name());
    }
}

#[test]
fn field_names_declared_with_capitals_stay() {
    let lock = render(&pb::DdlLock::default());
    assert!(
        lock.contains("\"ID\": \"\"") && lock.contains("\"DDLs\": ["),
        "{lock}"
    );
    let error = render(&pb::SourceError::default());
    assert!(
        error.contains("\"SourceError\": \"\"") && error.contains("\"RelayError\": null"),
        "{error}"
    );
}
