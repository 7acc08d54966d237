//! A task's life, as dmctl drives it.

use std::time::Duration;

use dm_proto::pb::{
    CfgType, ErrorOp, GetCfgRequest, HandleErrorRequest, ListMemberRequest, QueryStatusListRequest,
    Stage, TaskOp, members::Member,
};

use crate::{
    cluster::{Cluster, task_yaml},
    leases::{cluster_create_when_ready, two_workers},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_pause_resume_stop() {
    let cluster = Cluster::start(3, "1s").await;
    let _workers = two_workers(&cluster).await;
    cluster_create_when_ready(&cluster, "s1").await;
    cluster_create_when_ready(&cluster, "s2").await;
    let yaml = task_yaml("t", &["s1", "s2"]);

    let started = cluster.start_task(&yaml).await;
    assert!(started.result, "{started:?}");
    assert_eq!(started.check_result, "pre-check is passed. ");
    assert_eq!(started.sources.len(), 2);
    assert!(
        started
            .sources
            .iter()
            .all(|source| source.result && !source.worker.is_empty()),
        "{started:?}"
    );

    let again = cluster.start_task(&yaml).await;
    assert!(
        !again.result && again.msg.contains("code=46014"),
        "{again:?}"
    );

    assert_eq!(
        stages(&cluster, "t").await,
        [Stage::Running, Stage::Running]
    );
    let paused = cluster.operate_task(TaskOp::Pause, "t").await;
    assert!(paused.result && paused.op() == TaskOp::Pause, "{paused:?}");
    assert_eq!(stages(&cluster, "t").await, [Stage::Paused, Stage::Paused]);
    let resumed = cluster.operate_task(TaskOp::Resume, "t").await;
    assert!(resumed.result, "{resumed:?}");

    let source = cluster
        .operate_source(
            dm_proto::pb::SourceOp::StopSource,
            vec![],
            vec!["s1".into()],
        )
        .await;
    assert!(
        !source.result && source.msg.contains("code=46010"),
        "{source:?}"
    );
    let stopped = cluster.operate_task(TaskOp::Delete, "t").await;
    assert!(stopped.result, "{stopped:?}");
    let gone = cluster.operate_task(TaskOp::Delete, "t").await;
    assert!(
        !gone.result && gone.msg.contains("code=46018") && gone.op() == TaskOp::Delete,
        "{gone:?}"
    );
    cluster.stop().await;
}

async fn stages(cluster: &Cluster, task: &str) -> Vec<Stage> {
    let request = QueryStatusListRequest {
        name: task.into(),
        sources: vec![],
    };
    let status = cluster
        .any()
        .await
        .query_status(request)
        .await
        .unwrap()
        .into_inner();
    assert!(
        status.result && status.sources.iter().all(|source| source.result),
        "{status:?}"
    );
    let mut sources = status
        .sources
        .iter()
        .map(|source| source.source_status.as_ref().unwrap().source.clone())
        .collect::<Vec<_>>();
    sources.sort();
    assert_eq!(sources, ["s1", "s2"]);
    status
        .sources
        .iter()
        .flat_map(|source| source.sub_task_status.iter().map(|task| task.stage()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_check_creates_nothing() {
    let cluster = Cluster::start(1, "1s").await;
    let _worker = crate::worker::Worker::start("w1", &cluster.addrs, Duration::from_millis(200));
    let mut client = cluster.client(0).await;
    crate::cluster::eventually("worker", || {
        crate::leases::connected(&cluster, 1).then_some(())
    })
    .await;
    let source = dm_proto::pb::OperateSourceRequest {
        op: 1,
        config: vec![crate::cluster::source_yaml("s1")],
        ..Default::default()
    };
    assert!(
        client
            .operate_source(source)
            .await
            .unwrap()
            .into_inner()
            .result
    );
    let request = dm_proto::pb::StartTaskRequest {
        task: task_yaml("fails-the-check", &["s1"]),
        ..Default::default()
    };
    let answer = client.start_task(request).await.unwrap().into_inner();
    assert!(!answer.result && answer.msg.is_empty() && answer.sources.is_empty());
    assert_eq!(answer.check_result, "a table has no primary key");
    let status = client
        .query_status(QueryStatusListRequest {
            name: "fails-the-check".into(),
            sources: vec![],
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        status.msg,
        "task fails-the-check has no source or not exist"
    );
    cluster.stop().await;
}

/// R32: a worker that does not confirm leaves the answer false, with what is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r32_a_stop_that_is_not_confirmed_is_not_called_done() {
    let cluster = Cluster::start(3, "1s").await;
    let worker = crate::worker::Worker::start("w1", &cluster.addrs, Duration::from_millis(200));
    cluster_create_when_ready(&cluster, "s1").await;
    assert!(cluster.start_task(&task_yaml("t", &["s1"])).await.result);
    worker.seen.lock().unwrap().deaf = true;
    let stopped = cluster.operate_task(TaskOp::Delete, "t").await;
    assert!(!stopped.result, "{stopped:?}");
    assert!(
        stopped
            .msg
            .contains("recorded; writes may continue: worker w1 has not confirmed"),
        "{stopped:?}"
    );
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_and_configurations_are_shown_without_secrets() {
    let cluster = Cluster::start(3, "1s").await;
    let _worker = crate::worker::Worker::start("w1", &cluster.addrs, Duration::from_millis(200));
    cluster_create_when_ready(&cluster, "s1").await;
    cluster_create_when_ready(&cluster, "s2").await;
    assert!(cluster.start_task(&task_yaml("t", &["s1"])).await.result);
    let mut client = cluster.any().await;
    let listed = client
        .list_member(ListMemberRequest::default())
        .await
        .unwrap()
        .into_inner();
    let members: Vec<Member> = listed
        .members
        .into_iter()
        .filter_map(|member| member.member)
        .collect();
    let [
        Member::Leader(leader),
        Member::Master(masters),
        Member::Worker(workers),
    ] = members.as_slice()
    else {
        panic!("{members:?}")
    };
    assert_eq!(leader.name, format!("m{}", cluster.leader().await));
    assert_eq!(
        masters.masters.iter().filter(|master| master.alive).count(),
        3,
        "{masters:?}"
    );
    assert_eq!(
        (
            workers.workers[0].stage.as_str(),
            workers.workers[0].source.as_str()
        ),
        ("bound", "s1,s2")
    );
    for (kind, name) in [(CfgType::TaskType, "t"), (CfgType::SourceType, "s1")] {
        let cfg = client
            .get_cfg(GetCfgRequest {
                r#type: kind.into(),
                name: name.into(),
            })
            .await
            .unwrap()
            .into_inner();
        assert!(
            cfg.result && cfg.cfg.contains("******") && !cfg.cfg.contains("very-secret"),
            "{cfg:?}"
        );
    }
    for number in 0..3 {
        let request = GetCfgRequest {
            r#type: CfgType::MasterType.into(),
            name: format!("m{number}"),
        };
        let cfg = client.get_cfg(request).await.unwrap().into_inner();
        assert!(cfg.cfg.contains(&cluster.addrs[number]), "{cfg:?}");
    }
    cluster.stop().await;
}

/// "The current error" is bound once: stock dmctl repeats its call without an id after a lost answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r29_a_relative_command_that_is_repeated_is_bound_once() {
    let mut cluster = Cluster::start(3, "1s").await;
    let _workers = two_workers(&cluster).await;
    cluster_create_when_ready(&cluster, "s1").await;
    let started = cluster.start_task(&task_yaml("t", &["s1"])).await;
    assert!(started.result, "{started:?}");
    let inject = HandleErrorRequest {
        op: ErrorOp::Inject.into(),
        task: "t".into(),
        sqls: vec!["ALTER TABLE d.t ADD c INT".into()],
        ..Default::default()
    };
    let answers = [
        cluster.any().await.handle_error(inject.clone()).await,
        cluster.any().await.handle_error(inject.clone()).await,
    ];
    // The answer is lost with its leader.
    cluster.kill(cluster.leader().await).await;
    let third = cluster.any().await.handle_error(inject.clone()).await;
    for answer in answers.into_iter().chain([third]) {
        let answer = answer.unwrap().into_inner();
        assert!(answer.sources[0].result, "{answer:?}");
    }
    assert_eq!(listed(&cluster).await.as_array().unwrap().len(), 1);

    // Another request is another decision.
    let skip = HandleErrorRequest {
        op: ErrorOp::Skip.into(),
        task: "t".into(),
        ..Default::default()
    };
    let skipped = cluster.any().await.handle_error(skip).await.unwrap();
    assert!(skipped.into_inner().sources[0].result);
    assert_eq!(listed(&cluster).await.as_array().unwrap().len(), 2);
}

async fn listed(cluster: &Cluster) -> serde_json::Value {
    let list = HandleErrorRequest {
        op: ErrorOp::List.into(),
        task: "t".into(),
        ..Default::default()
    };
    let answer = cluster.any().await.handle_error(list).await.unwrap();
    serde_json::from_str(&answer.into_inner().sources[0].msg).unwrap()
}
