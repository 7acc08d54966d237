//! One trace from dmctl to the worker, and no secret in anything that is written or shown.
//!
//! Changes the password of an account, so it starts its databases itself even when others are given.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{
    Binaries, Cluster, Ctl, Database, Endpoint, Folder, Kind, eventually_within, http,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::plane_scene::login;

const PASSWORD: &str = "Pa55-W0rd-Of-The-Tests";
/// Spans are sent in batches, every 5 s.
const EXPORT_MAX: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
struct Span {
    service: String,
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
}

#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<Span>>>);

impl Receiver {
    async fn start() -> Result<(Self, SocketAddr)> {
        let (receiver, listener) = (Self::default(), TcpListener::bind("127.0.0.1:0").await?);
        let addr = listener.local_addr()?;
        let service = TraceServiceServer::new(receiver.clone());
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Ok((receiver, addr))
    }

    fn spans(&self) -> Vec<Span> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let service = attributes
                .into_iter()
                .find(|attribute| attribute.key == "service.name");
            let service = match service
                .and_then(|service| service.value)
                .and_then(|value| value.value)
            {
                Some(Any::StringValue(name)) => name,
                _ => String::new(),
            };
            for span in resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
            {
                spans.push(Span {
                    service: service.clone(),
                    name: span.name,
                    trace: span.trace_id,
                    id: span.span_id,
                    parent: span.parent_span_id,
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

struct Traced {
    cluster: Cluster,
    source: Database,
    target: Database,
    receiver: Receiver,
    endpoint: String,
}

impl Traced {
    async fn start() -> Result<Self> {
        let (receiver, addr) = Receiver::start().await?;
        let endpoint = format!("http://{addr}");
        let flag = format!("--otlp-endpoint={endpoint}");
        let (cluster, source, target) = tokio::try_join!(
            Cluster::builder(3, 1)
                .master_args(&[&flag, "--log-level=debug"])
                .worker_args(&[&flag, "--log-level=debug"])
                .start(),
            Database::start(Kind::Mysql97),
            Database::start(Kind::Mysql97)
        )?;
        for database in [&source, &target] {
            database
                .exec(&[
                    &format!("CREATE USER dm IDENTIFIED BY '{PASSWORD}'"),
                    "GRANT ALL ON *.* TO dm",
                ])
                .await?;
        }
        source
            .exec(&[
                "CREATE DATABASE d",
                "CREATE TABLE d.t (id INT PRIMARY KEY)",
                "INSERT INTO d.t VALUES (1)",
            ])
            .await?;
        Ok(Self {
            cluster,
            source,
            target,
            receiver,
            endpoint,
        })
    }

    fn login(at: &Database) -> String {
        login(&Endpoint {
            user: "dm".to_owned(),
            password: PASSWORD.to_owned(),
            ..at.endpoint().clone()
        })
    }

    fn source_file(&self) -> Result<String> {
        let yaml = format!(
            "source-id: s\nenable-gtid: true\nfrom:\n{}",
            Self::login(&self.source)
        );
        self.cluster.write("source.yaml", &yaml)
    }

    fn task_file(&self, name: &str) -> Result<String> {
        let yaml = format!(
            "name: {name}\ntask-mode: all\nmeta-schema: meta_{name}\ntarget-database:\n{}\
             mysql-instances:\n  - source-id: s\n    block-allow-list: ours\n    route-rules: [own]\n\
             routes:\n  own: {{schema-pattern: d, target-schema: d_{name}}}\n\
             block-allow-list:\n  ours:\n    do-dbs: [d]\n",
            Self::login(&self.target)
        );
        self.cluster.write(&format!("{name}.yaml"), &yaml)
    }

    /// The trace of `dmctl start-task`: dmctl, the masters that it passed, the worker's subtask; one chain of parents.
    async fn one_trace(&self, ctl: &Ctl, name: &str, masters: usize) -> Result<()> {
        let before: BTreeSet<Vec<u8>> = self
            .receiver
            .spans()
            .into_iter()
            .map(|span| span.trace)
            .collect();
        let file = self.task_file(name)?;
        ctl.ok(&[
            &format!("--otlp-endpoint={}", self.endpoint),
            "start-task",
            &file,
        ])
        .await?;
        let found = eventually_within(EXPORT_MAX, "the trace is whole", || async {
            let spans = self.receiver.spans();
            let Some(root) = spans
                .iter()
                .find(|span| span.name == "dmctl start-task" && !before.contains(&span.trace))
            else {
                return Ok(None);
            };
            let whole: Vec<Span> = spans
                .iter()
                .filter(|span| span.trace == root.trace)
                .cloned()
                .collect();
            let has = |service: &str, name: &str| {
                whole
                    .iter()
                    .filter(|span| span.service == service && span.name.contains(name))
                    .count()
            };
            let done = has("dm-master", "") >= masters && has("dm-worker", "subtask") > 0;
            Ok(done.then_some(whole))
        })
        .await
        .with_context(|| format!("{:#?}", self.receiver.spans()))?;
        let by_id: BTreeMap<&[u8], &Span> = found
            .iter()
            .map(|span| (span.id.as_slice(), span))
            .collect();
        let start = found
            .iter()
            .find(|span| span.service == "dm-worker" && span.name.contains("subtask"))
            .context("no span of the subtask")?;
        let (mut chain, mut at) = (Vec::new(), Some(start));
        while let Some(span) = at {
            chain.push(format!("{} {}", span.service, span.name));
            at = by_id.get(span.parent.as_slice()).copied();
        }
        println!("{}", chain.join(" <- "));
        ensure!(
            chain
                .last()
                .is_some_and(|root| root == "dmctl dmctl start-task"),
            "{chain:?}"
        );
        let passed = chain
            .iter()
            .filter(|span| span.starts_with("dm-master"))
            .count();
        ensure!(passed >= masters, "{chain:?}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_from_dmctl_to_the_worker() -> Result<()> {
    let traced = Traced::start().await?;
    let leader = traced.cluster.leader().await?;
    let at = |place: usize| -> Result<Ctl> {
        let master = traced.cluster.masters.get(place).context("no master")?;
        Ok(Ctl::new(master.addr()))
    };
    traced
        .cluster
        .dmctl()
        .ok(&["operate-source", "create", &traced.source_file()?])
        .await?;
    traced.one_trace(&at(leader)?, "direct", 1).await?;
    traced
        .one_trace(&at((leader + 1) % 3)?, "forwarded", 2)
        .await
}

/// The password in clear, or as the servers hash it.
fn shows_a_secret(text: &str) -> bool {
    text.contains(PASSWORD)
}

fn look(folder: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            ensure!(!shows_a_secret(&text), "a password in {}", path.display());
            files += 1;
        }
    }
    Ok(files)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_in_logs_pages_and_answers() -> Result<()> {
    let traced = Traced::start().await?;
    let ctl = traced.cluster.dmctl();
    let (source, task) = (traced.source_file()?, traced.task_file("t")?);
    let mut said = String::new();
    let commands: Vec<Vec<&str>> = vec![
        vec!["operate-source", "create", &source],
        vec!["operate-source", "create", &source],
        vec!["check-task", &task],
        vec!["start-task", &task],
        vec!["start-task", &task],
        vec!["query-status"],
        vec!["query-status", "t"],
        vec!["query-status", "t", "-o", "table"],
        vec!["config", "source", "s"],
        vec!["config", "task", "t"],
        vec!["config", "master", "master1"],
        vec!["config", "worker", "worker1"],
        vec!["get-config", "source", "s"],
        vec!["get-task-config", "t"],
        vec!["operate-source", "show"],
        vec!["list-member"],
        vec!["pause-task", "t"],
        vec!["operate-source", "update", &source],
        vec!["resume-task", "t"],
    ];
    for args in commands {
        said += &traced.cluster.ctl(&args).await?.to_string();
    }
    // What goes wrong is shown too: a target that is gone, a login that is changed.
    traced
        .source
        .exec(&[
            "ALTER USER dm IDENTIFIED BY 'another'",
            "INSERT INTO d.t VALUES (2)",
        ])
        .await?;
    ctl.ok(&["pause-task", "t"]).await?;
    said += &traced.cluster.ctl(&["resume-task", "t"]).await?.to_string();
    tokio::time::sleep(Duration::from_secs(1)).await;
    said += &traced
        .cluster
        .ctl(&["query-status", "t"])
        .await?
        .to_string();
    ensure!(!shows_a_secret(&said), "{said}");
    ensure!(said.contains("******"), "nothing was hidden: {said}");
    ensure!(said.contains("denied"), "no failed login: {said}");

    for addr in traced
        .cluster
        .masters
        .iter()
        .map(|master| master.addr())
        .chain(traced.cluster.workers.iter().map(|worker| worker.addr()))
    {
        for page in ["/status", "/metrics", "/health", "/status.json"] {
            let (_, body) = http::get(&addr, page).await?;
            ensure!(!shows_a_secret(&body), "{addr}{page}: {body}");
        }
    }
    for master in &traced.cluster.masters {
        ensure!(look(master.folder())? > 0, "no log");
    }
    for worker in &traced.cluster.workers {
        ensure!(look(worker.folder())? > 0, "no log");
    }
    // Spans carry no arguments, and dmctl leaves no file behind in the folder that it runs in.
    ensure!(!format!("{:?}", traced.receiver.spans()).contains(PASSWORD));
    let folder = Folder::new("dmctl")?;
    let output = std::process::Command::new(Binaries::find()?.path("dmctl")?)
        .args(["--master-addr", ctl.master_addr(), "start-task", &task])
        .current_dir(folder.path())
        .output()?;
    ensure!(output.status.success(), "{output:?}");
    look(folder.path())?;
    Ok(())
}
