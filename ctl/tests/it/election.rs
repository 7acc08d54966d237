//! Dead addresses and elections are waited out, and nothing is asked for twice.

use std::time::{Duration, Instant};

use dm_proto::pb::{OperateTaskResponse, TaskOp};

use crate::{
    err,
    fake_master::{FakeMaster, Script},
    out, run,
};

fn paused() -> OperateTaskResponse {
    OperateTaskResponse {
        op: TaskOp::Pause.into(),
        result: true,
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_carry_one_request_id() {
    let script = || Script {
        unavailable: 1,
        operated: paused(),
        ..Default::default()
    };
    let (first, first_addr) = FakeMaster::serve(script()).await;
    let (second, second_addr) = FakeMaster::serve(script()).await;
    // The closed port in front is walked over.
    let addrs = format!("127.0.0.1:1,{first_addr},http://{second_addr}");
    let output = run(&["--master-addr", &addrs, "pause-task", "demo"]).await;
    assert!(output.status.success(), "{}", err(&output));
    assert!(
        out(&output).contains("\"op\": \"Pause\""),
        "{}",
        out(&output)
    );

    // Election at both, so each is asked, the first twice.
    let ids: Vec<_> = [first.asked(), second.asked()]
        .concat()
        .into_iter()
        .map(|asked| asked.request_id)
        .collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert!(
        ids.iter().all(|id| id.is_some() && Some(id) == ids.first()),
        "{ids:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn separate_calls_have_separate_ids_and_queries_none() {
    let (fake, addr) = FakeMaster::serve(Script {
        operated: paused(),
        ..Default::default()
    })
    .await;
    for command in ["pause-task", "resume-task", "query-status"] {
        assert!(
            run(&["--master-addr", &addr, command, "demo"])
                .await
                .status
                .success()
        );
    }
    let ids: Vec<_> = fake
        .asked()
        .into_iter()
        .map(|asked| asked.request_id)
        .collect();
    assert!(
        matches!(ids.as_slice(), [Some(first), Some(second), None] if first != second),
        "{ids:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_that_does_not_end_is_given_up() {
    let (_, addr) = FakeMaster::serve(Script {
        unavailable: usize::MAX,
        ..Default::default()
    })
    .await;
    let started = Instant::now();
    let output = run(&["--master-addr", &addr, "query-status"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("no leader is known"),
        "{}",
        err(&output)
    );
    let took = started.elapsed();
    assert!(
        took > Duration::from_secs(4) && took < Duration::from_secs(10),
        "{took:?}"
    );
}
