//! Masters that come and go while work goes on (R25).

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dm_master::server::Master;
use dm_model::DmError;
use dm_proto::pb::{OperateSourceRequest, SourceOp, master_client::MasterClient};
use tokio::task::JoinHandle;

use crate::{
    cluster::{Cluster, eventually, source_yaml},
    leases::connected,
    worker::Worker,
};

/// Longest call of the writer.
const CALL_MAX: Duration = Duration::from_secs(8);
const BEAT: Duration = Duration::from_millis(200);

/// Creates sources one after the other through any master, and keeps what was acknowledged.
struct Writer {
    stop: Arc<AtomicBool>,
    done: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Writer {
    fn start(addrs: Vec<String>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(write(addrs, stop.clone(), done.clone()));
        Writer { stop, done, task }
    }

    fn count(&self) -> usize {
        self.done.lock().unwrap().len()
    }

    /// Waits until writes were acknowledged that began after now.
    async fn goes_on(&self) {
        let now = self.count();
        eventually("acknowledged writes", || {
            (self.count() > now + 2).then_some(())
        })
        .await;
    }

    async fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        Arc::try_unwrap(self.done).unwrap().into_inner().unwrap()
    }
}

async fn write(addrs: Vec<String>, stop: Arc<AtomicBool>, done: Arc<Mutex<Vec<String>>>) {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let id = format!("w{number}");
        let addr = &addrs[number % addrs.len()];
        let Ok(mut client) = MasterClient::connect(format!("http://{addr}")).await else {
            continue;
        };
        let request = OperateSourceRequest {
            op: SourceOp::StartSource.into(),
            config: vec![source_yaml(&id)],
            source_id: vec![],
            worker_name: String::new(),
        };
        let answer = client.operate_source(request);
        // A master that was stopped in this process leaves its connections open.
        let answer = tokio::time::timeout(CALL_MAX, answer).await;
        if answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.get_ref().result)) {
            done.lock().unwrap().push(id);
        }
    }
}

async fn all_there(cluster: &Cluster, acknowledged: Vec<String>) {
    assert!(acknowledged.len() > 5, "{acknowledged:?}");
    let shown = cluster
        .operate_source(SourceOp::ShowSource, vec![], acknowledged)
        .await;
    assert!(shown.result, "{}", shown.msg);
}

async fn with_worker(count: usize) -> (Cluster, Worker) {
    let cluster = Cluster::start(count, "2s").await;
    let worker = Worker::start("w1", &cluster.addrs, BEAT);
    eventually("worker", || connected(&cluster, 1).then_some(())).await;
    (cluster, worker)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r25_from_one_to_three_to_five_and_back_with_writes() {
    let (mut cluster, _worker) = with_worker(1).await;
    let writer = Writer::start(cluster.addrs.clone());
    cluster.grow().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    cluster.await_voters(&["m0"]).await;
    cluster.grow().await;
    cluster.await_voters(&["m0", "m1", "m2"]).await;
    writer.goes_on().await;
    cluster.grow().await;
    cluster.grow().await;
    cluster.await_voters(&["m0", "m1", "m2", "m3", "m4"]).await;
    writer.goes_on().await;
    // The first one is the only one that the writer knows, so it stays.
    for name in ["m4", "m3", "m2", "m1"] {
        let leader = cluster.leader().await;
        let leads = cluster.places[leader].name == name;
        let answer = cluster.offline_master(name).await;
        assert!(answer.result, "{name} (leads: {leads}): {}", answer.msg);
        let number: usize = name[1..].parse().unwrap();
        let mut gone = cluster.masters[number].take().unwrap();
        // A removed master that still runs finds out and ends.
        let why = tokio::time::timeout(Duration::from_secs(20), gone.failed()).await;
        let why = why.expect("it ends");
        assert!(
            why.contains("removed from the cluster") && why.contains("--join"),
            "{why}"
        );
        gone.abort().await;
        writer.goes_on().await;
    }
    cluster.await_voters(&["m0"]).await;
    let refused = cluster.offline_master("m0").await;
    assert!(
        !refused.result && refused.msg.contains("last voting master"),
        "{}",
        refused.msg
    );
    all_there(&cluster, writer.stop().await).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r25_a_lost_disk_is_replaced_at_the_same_address() {
    let (mut cluster, _worker) = with_worker(3).await;
    let writer = Writer::start(cluster.addrs.clone());
    let lost = cluster.follower().await;
    cluster.kill(lost).await;
    cluster.places[lost].wipe();
    let name = cluster.places[lost].name.clone();
    // Without being taken off first, it is refused, and told the command.
    let refused = refusal(Master::start(cluster.joiner(lost)).await);
    let command = format!("dmctl offline-member --master --name {name}");
    assert!(refused.to_string().contains(&command), "{refused}");
    let answer = cluster.offline_master(&name).await;
    assert!(answer.result, "{}", answer.msg);
    writer.goes_on().await;
    cluster.masters[lost] = Some(Master::start(cluster.joiner(lost)).await.unwrap());
    cluster.await_voters(&["m0", "m1", "m2"]).await;
    // It counts: another one may be lost now.
    let other = (0..3).find(|n| *n != lost).unwrap();
    cluster.kill(other).await;
    writer.goes_on().await;
    all_there(&cluster, writer.stop().await).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r25_a_removal_never_costs_the_majority() {
    let mut cluster = Cluster::start(3, "2s").await;
    let leader = cluster.leader().await;
    let (dead, alive) = ((leader + 1) % 3, (leader + 2) % 3);
    cluster.kill(dead).await;
    let (dead, alive) = (format!("m{dead}"), format!("m{alive}"));
    eventually("the dead one is noticed", || {
        let members = cluster.masters[leader].as_ref()?.api.replica.members();
        let gone =
            |member: &dm_master::raft::Member| member.name == dead && member.alive != Some(true);
        members.iter().any(gone).then_some(())
    })
    .await;
    let refused = cluster.offline_master(&alive).await;
    let command = format!("dmctl offline-member --master --name {dead}");
    assert!(
        !refused.result && refused.msg.contains(&command),
        "{}",
        refused.msg
    );
    let unknown = cluster.offline_master("m9").await;
    assert!(
        !unknown.result && unknown.msg.contains("38048"),
        "{}",
        unknown.msg
    );
    for name in [&dead, &alive] {
        let removed = cluster.offline_master(name).await;
        assert!(removed.result, "{name}: {}", removed.msg);
    }
    cluster.await_voters(&[&format!("m{leader}")]).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r25_a_copied_data_folder_is_refused_and_a_moved_one_taken() {
    let mut cluster = Cluster::start(3, "2s").await;
    let original = cluster.follower().await;
    // The copy beside the original, on other ports: a fourth place with the name of the first.
    let mut copy = Cluster::start(1, "2s").await;
    copy.kill(0).await;
    copy.places[0].wipe();
    copy.places[0].name = cluster.places[original].name.clone();
    cluster.kill(original).await;
    copy_folder(
        &cluster.places[original].data_dir(),
        &copy.places[0].data_dir(),
    );
    cluster.restart(original).await;
    let refused = refusal(Master::start(copy.joiner_of(&cluster)).await);
    assert!(
        refused.to_string().contains("this one is a copy"),
        "{refused}"
    );
    // The original is stopped for good: what looked like a copy is a move.
    cluster.kill(original).await;
    let moved = Master::start(copy.joiner_of(&cluster)).await.unwrap();
    let there = copy.places[0].addr();
    let rest = cluster.leader().await;
    eventually("the new address", || {
        let members = cluster.masters[rest].as_ref()?.api.replica.members();
        members
            .iter()
            .any(|member| member.client_addr == there && member.is_voter)
            .then_some(())
    })
    .await;
    // And now the folder that was left behind is the copy.
    let refused = refusal(Master::start(cluster.joiner(original)).await);
    assert!(
        refused.to_string().contains("this one is a copy"),
        "{refused}"
    );
    // The moved one votes: it and one other are a majority.
    let other = (0..3).find(|n| *n != rest && *n != original).unwrap();
    cluster.kill(other).await;
    let client = MasterClient::connect(format!("http://{there}")).await;
    let listed = client
        .unwrap()
        .list_member(dm_proto::pb::ListMemberRequest::default())
        .await
        .unwrap();
    assert!(listed.get_ref().result, "{listed:?}");
    moved.abort().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_and_names_of_others_are_refused() {
    let first = Cluster::start(1, "2s").await;
    let mut second = Cluster::start(1, "2s").await;
    // A second process of a name that is in use, with an empty folder of its own.
    let mut third = Cluster::start(1, "2s").await;
    third.kill(0).await;
    third.places[0].wipe();
    let refused = refusal(Master::start(third.joiner_of(&first)).await);
    assert!(
        refused.code == 38040
            && refused
                .to_string()
                .contains("another data folder is a member already"),
        "{refused}"
    );
    // A folder of another cluster.
    second.kill(0).await;
    let config = second.places[0].config(
        (
            "--initial-cluster",
            &format!(
                "m0={},other={}",
                second.places[0].peer_url(),
                first.places[0].peer_url()
            ),
        ),
        "2s",
    );
    let refused = refusal(Master::start(config).await);
    assert!(
        refused.code == 38057 && refused.to_string().contains("--data-dir"),
        "{refused}"
    );
    first.stop().await;
}

fn refusal(started: Result<Master, DmError>) -> DmError {
    match started {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
