//! Every line of the state table of DM's `query-status`.

use dm_proto::pb::{
    ProcessError, ProcessResult, QueryStatusListResponse, QueryStatusResponse, RelayStatus,
    SourceStatus, Stage, SubTaskStatus, UnitType,
};

use super::summarize;

fn failed() -> Option<ProcessResult> {
    Some(ProcessResult {
        errors: vec![ProcessError::default()],
        ..Default::default()
    })
}

fn subtask(stage: Stage) -> SubTaskStatus {
    SubTaskStatus {
        name: "t".into(),
        stage: stage.into(),
        unit: UnitType::Sync.into(),
        ..Default::default()
    }
}

fn answer(
    subtasks: Vec<SubTaskStatus>,
    relay_status: Option<RelayStatus>,
) -> QueryStatusListResponse {
    let sources = subtasks
        .into_iter()
        .enumerate()
        .map(|(index, subtask)| QueryStatusResponse {
            result: true,
            source_status: Some(SourceStatus {
                source: format!("s{index}"),
                relay_status: relay_status.clone(),
                ..Default::default()
            }),
            sub_task_status: vec![subtask],
            ..Default::default()
        });
    QueryStatusListResponse {
        result: true,
        sources: sources.collect(),
        ..Default::default()
    }
}

fn status(response: &QueryStatusListResponse) -> String {
    summarize(response)
        .expect("all results are true")
        .tasks
        .first()
        .expect("one task")
        .status
        .clone()
}

#[test]
fn paused_with_errors() {
    let broken = SubTaskStatus {
        result: failed(),
        ..subtask(Stage::Paused)
    };
    let text =
        "Error - Some error occurred in subtask. Please run `query-status t` to get more details.";
    assert_eq!(
        status(&answer(vec![subtask(Stage::Running), broken], None)),
        text
    );
}

#[test]
fn errors_of_a_running_subtask_do_not_pause_the_task() {
    let limping = SubTaskStatus {
        result: failed(),
        ..subtask(Stage::Running)
    };
    assert_eq!(status(&answer(vec![limping], None)), "Running");
}

#[test]
fn relay_that_does_not_run() {
    let relay = |stage: Stage, result| {
        Some(RelayStatus {
            stage: stage.into(),
            result,
            ..Default::default()
        })
    };
    let of = |relay| status(&answer(vec![subtask(Stage::Running)], relay));
    let text = |state| {
        format!("Error - Relay status is {state}. Please run `query-status t` to get more details.")
    };
    assert_eq!(of(relay(Stage::Paused, failed())), text("Error"));
    assert_eq!(of(relay(Stage::Stopped, None)), text("Stopped"));
    assert_eq!(of(relay(Stage::Running, failed())), "Running");
    let loading = SubTaskStatus {
        unit: UnitType::Load.into(),
        ..subtask(Stage::Running)
    };
    assert_eq!(
        status(&answer(vec![loading], relay(Stage::Paused, None))),
        "Running"
    );
}

#[test]
fn stages_without_errors() {
    let of =
        |stages: &[Stage]| status(&answer(stages.iter().copied().map(subtask).collect(), None));
    assert_eq!(of(&[Stage::Running, Stage::Paused]), "Paused");
    assert_eq!(of(&[Stage::Finished, Stage::Finished]), "Finished");
    assert_eq!(of(&[Stage::New]), "New");
    assert_eq!(of(&[Stage::Finished, Stage::Running]), "Running");
    assert_eq!(of(&[Stage::Stopped, Stage::New]), "Running");
}

#[test]
fn a_failed_part_asks_for_the_full_form() {
    let mut response = answer(vec![subtask(Stage::Running)], None);
    response
        .sources
        .iter_mut()
        .for_each(|source| source.result = false);
    assert_eq!(summarize(&response), None);
    assert_eq!(summarize(&QueryStatusListResponse::default()), None);
}

#[test]
fn prints_as_the_original() {
    let response = answer(vec![subtask(Stage::Running), subtask(Stage::Running)], None);
    let text = crate::output::plain(&summarize(&response).expect("summary").to_json());
    let expected = r#"{
    "result": true,
    "msg": "",
    "tasks": [
        {
            "taskName": "t",
            "taskStatus": "Running",
            "sources": [
                "s0",
                "s1"
            ]
        }
    ]
}"#;
    assert_eq!(text, expected);
}
