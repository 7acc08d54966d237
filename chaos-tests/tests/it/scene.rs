//! A small migration for tests to break: source, target, cluster and task.
//!
//! Every wait is bounded, and says what it waited for.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chaos_tests::demo::{Recorded, TablePair, TaskStatus, compare};
use chaos_tests::lab::{
    Cluster, Database, Endpoint, Kind, NetHost, Proxy, Role, Server, eventually_within, http,
};
use mysql_async::Conn;
use mysql_async::prelude::{FromRow, Queryable};
use serde_json::Value;

pub(crate) const SOURCE: &str = "s1";
pub(crate) const TASK: &str = "t1";
/// For a target that has to catch up after faults, on a loaded machine.
const SYNC_MAX: Duration = Duration::from_secs(45);

/// `DM_SOAK=1` multiplies rounds by ten.
pub(crate) fn rounds(short: usize) -> usize {
    let soak = std::env::var("DM_SOAK").is_ok_and(|value| value == "1");
    if soak { short * 10 } else { short }
}

/// A random seed, printed so that a failure can be run again with `DM_TEST_SEED`.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("DM_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    println!("DM_TEST_SEED={seed}");
    seed
}

/// What a scene is made of.
pub(crate) struct Plan {
    pub(crate) source: Kind,
    pub(crate) target: Kind,
    /// Positions of the source are GTID sets.
    pub(crate) gtid: bool,
    pub(crate) masters: usize,
    pub(crate) workers: usize,
    pub(crate) lease_ttl: &'static str,
    /// More lines of the task's file.
    pub(crate) task: String,
    /// Lanes that apply at the same time.
    pub(crate) lanes: u32,
    /// More options of the target's server.
    pub(crate) target_args: Vec<&'static str>,
    /// More options of the source's server.
    pub(crate) source_args: Vec<&'static str>,
    /// The worker reaches the target through a proxy.
    pub(crate) target_proxy: bool,
    /// Hosts of workers, and the address at which they find databases and masters.
    pub(crate) hosts: Option<(Vec<NetHost>, String)>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            source: Kind::Mysql97,
            target: Kind::Mysql97,
            gtid: true,
            masters: 1,
            workers: 2,
            lease_ttl: "2s",
            task: String::new(),
            lanes: 16,
            target_args: Vec::new(),
            source_args: Vec::new(),
            target_proxy: false,
            hosts: None,
        }
    }
}

/// Everything that runs.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) source: Server,
    pub(crate) target: Server,
    pub(crate) proxy: Option<Proxy>,
    /// The one database that is migrated; the same name on both sides.
    pub(crate) db: String,
    /// The meta schema.
    pub(crate) meta: String,
    /// Lanes of the next start of the task.
    pub(crate) lanes: u32,
    gtid: bool,
    task: String,
    /// As the configuration files name them.
    pub(crate) source_login: Endpoint,
    target_login: Endpoint,
}

impl Scene {
    /// Starts servers and cluster; nothing is migrated yet.
    pub(crate) async fn open(plan: Plan) -> Result<Self> {
        let bind = if plan.hosts.is_some() {
            "0.0.0.0"
        } else {
            "127.0.0.1"
        };
        let mut cluster = Cluster::builder(plan.masters, plan.workers)
            .master_args(&[&format!("--lease-ttl={}", plan.lease_ttl)]);
        let mut gateway = None;
        if let Some((hosts, address)) = plan.hosts {
            cluster = cluster.worker_hosts(hosts).master_host(&address);
            gateway = Some(address);
        }
        let (source, target, cluster) = tokio::try_join!(
            server(
                Role::Source,
                plan.source,
                plan.gtid,
                bind,
                &plan.source_args
            ),
            server(Role::Target, plan.target, true, bind, &plan.target_args),
            cluster.start()
        )?;
        let (mut source_login, mut target_login) =
            (source.endpoint().clone(), target.endpoint().clone());
        if let Some(address) = gateway {
            if source.database().is_some() {
                source_login.host = address.clone();
            }
            if target.database().is_some() {
                target_login.host = address;
            }
        }
        let mut proxy = None;
        if plan.target_proxy {
            let started = Proxy::start(target_login.addr()).await?;
            target_login.host = "127.0.0.1".to_owned();
            target_login.port = started.addr().port();
            proxy = Some(started);
        }
        // Who is given has to be cleaned up, and knows its databases by their prefix.
        let given = if target.database().is_none() {
            &target
        } else {
            &source
        };
        let (db, meta) = (given.name("d"), given.name("dm_meta"));
        Ok(Self {
            cluster,
            source,
            target,
            proxy,
            db,
            meta,
            lanes: plan.lanes,
            gtid: plan.gtid,
            task: plan.task,
            source_login,
            target_login,
        })
    }

    /// Runs statements at the source, `{db}` being the database.
    pub(crate) async fn at_source(&self, statements: &[&str]) -> Result<()> {
        run(self.source.endpoint(), &self.db, statements).await
    }

    /// Runs statements at the target.
    pub(crate) async fn at_target(&self, statements: &[&str]) -> Result<()> {
        run(self.target.endpoint(), &self.db, statements).await
    }

    /// The rows of a query at the target, `{db}` and `{meta}` being databases.
    pub(crate) async fn rows<T: FromRow + Send + 'static>(&self, query: &str) -> Result<Vec<T>> {
        let mut conn = self.target.conn().await?;
        let query = query
            .replace("{db}", &self.db)
            .replace("{meta}", &self.meta);
        let rows = conn
            .query(&query)
            .await
            .with_context(|| format!("at the target: {query}"))?;
        conn.disconnect().await?;
        Ok(rows)
    }

    /// One number at the target.
    pub(crate) async fn number(&self, query: &str) -> Result<u64> {
        let rows: Vec<Option<u64>> = self.rows(query).await?;
        rows.first()
            .copied()
            .flatten()
            .with_context(|| format!("no number: {query}"))
    }

    /// The task's file.
    pub(crate) fn task_yaml(&self) -> String {
        let db = format!("{:?}", self.db);
        format!(
            "name: {TASK}\ntask-mode: all\nmeta-schema: {}\n{}target-database:\n{}\
             mysql-instances:\n  - source-id: {SOURCE}\n    block-allow-list: ours\n    syncer-thread: {}\n\
             block-allow-list:\n  ours:\n    do-dbs: [{db}]\n",
            self.meta,
            self.task,
            login(&self.target_login),
            self.lanes
        )
    }

    pub(crate) fn source_yaml(&self) -> String {
        format!(
            "source-id: {SOURCE}\nenable-gtid: {}\nfrom:\n{}",
            self.gtid,
            login(&self.source_login)
        )
    }

    /// Creates source and task.
    pub(crate) async fn begin(&self) -> Result<()> {
        let source = self.cluster.write("source.yaml", &self.source_yaml())?;
        self.cluster
            .dmctl()
            .ok(&["operate-source", "create", &source])
            .await?;
        self.start_task(&[]).await
    }

    /// `start-task` with these further arguments.
    pub(crate) async fn start_task(&self, more: &[&str]) -> Result<()> {
        let task = self.cluster.write("task.yaml", &self.task_yaml())?;
        let mut args = vec!["start-task", task.as_str()];
        args.extend(more);
        self.cluster.dmctl().ok(&args).await?;
        Ok(())
    }

    /// A command of dmctl that must succeed.
    pub(crate) async fn ctl(&self, args: &[&str]) -> Result<Value> {
        self.cluster.dmctl().ok(args).await
    }

    /// What `query-status` says.
    pub(crate) async fn status(&self) -> Result<TaskStatus> {
        TaskStatus::query(self.cluster.dmctl(), TASK).await
    }

    /// The note and the errors of the subtask, from the worker that has it.
    pub(crate) async fn note(&self) -> Result<String> {
        let owner = self.cluster.owner(SOURCE).await?;
        let addr = self
            .cluster
            .workers
            .get(owner)
            .context("no such worker")?
            .addr();
        let (_, body) = http::get(&addr, "/status.json").await?;
        let json: Value = serde_json::from_str(&body)?;
        Ok(json["sources"][0]["subtasks"][0]["note"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    /// Waits until `query-status` says what `expected` looks for.
    pub(crate) async fn wait_status(
        &self,
        what: &str,
        expected: impl Fn(&TaskStatus) -> bool,
    ) -> Result<TaskStatus> {
        let mut last = String::new();
        let start = Instant::now();
        while start.elapsed() < SYNC_MAX {
            match self.status().await {
                Ok(status) if expected(&status) => return Ok(status),
                Ok(status) => last = format!("{status:?}"),
                Err(error) => last = format!("{error:#}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("timed out waiting until {what}; the last status was {last}")
    }

    /// Waits until the target has everything that the source has now.
    pub(crate) async fn wait_synced(&mut self) -> Result<()> {
        let recorded = Recorded::read(self.source.endpoint(), self.source.product()).await?;
        let start = Instant::now();
        loop {
            let status = self.status().await;
            if let Ok(status) = &status
                && recorded.reached_by(status, self.source.endpoint()).await?
            {
                return Ok(());
            }
            if start.elapsed() > SYNC_MAX {
                bail!(
                    "the target did not reach {recorded:?} within {SYNC_MAX:?}: {status:?}\n{}",
                    self.cluster.logs()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// All base tables of a side.
    async fn tables(&self, server: &Server) -> Result<Vec<String>> {
        let mut conn = server.conn().await?;
        let query = "SELECT TABLE_NAME FROM information_schema.TABLES \
                     WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME";
        let tables: Vec<String> = conn.exec(query, (&self.db,)).await?;
        conn.disconnect().await?;
        Ok(tables)
    }

    /// Compares the tables of both sides, once; those of `except` are not looked at.
    pub(crate) async fn must_be_identical_except(&self, except: &[&str]) -> Result<()> {
        let keep = |table: &String| !except.contains(&table.as_str());
        let here: Vec<String> = self
            .tables(&self.source)
            .await?
            .into_iter()
            .filter(keep)
            .collect();
        let there: Vec<String> = self
            .tables(&self.target)
            .await?
            .into_iter()
            .filter(keep)
            .collect();
        ensure!(
            here == there,
            "tables of the source: {here:?}, of the target: {there:?}"
        );
        let pairs: Vec<TablePair> = here
            .iter()
            .map(|table| TablePair::same(&self.db, table))
            .collect();
        let report = compare(self.source.endpoint(), self.target.endpoint(), &pairs).await?;
        ensure!(report.identical(), "{report}");
        Ok(())
    }

    /// Compares all tables of both sides, once.
    pub(crate) async fn must_be_identical(&self) -> Result<()> {
        self.must_be_identical_except(&[]).await
    }

    /// The worker that has the source.
    pub(crate) async fn owner(&self) -> Result<usize> {
        eventually_within(
            Duration::from_secs(20),
            "a worker has the source",
            || async { self.cluster.owner(SOURCE).await.map(Some) },
        )
        .await
    }

    /// kill -9 of the owner; it stays down.
    pub(crate) async fn kill_owner(&mut self) -> Result<usize> {
        let owner = self.owner().await?;
        self.cluster
            .workers
            .get_mut(owner)
            .context("no such worker")?
            .kill9();
        Ok(owner)
    }

    /// Starts a worker again.
    pub(crate) async fn start_worker(&mut self, place: usize) -> Result<()> {
        let worker = self
            .cluster
            .workers
            .get_mut(place)
            .context("no such worker")?;
        worker.start()?;
        worker.wait_ready().await
    }

    /// Waits until another worker than this has the source.
    pub(crate) async fn wait_other_owner(&self, than: usize) -> Result<usize> {
        eventually_within(
            Duration::from_secs(20),
            "another worker has the source",
            || async { Ok(Some(self.cluster.owner(SOURCE).await?).filter(|owner| *owner != than)) },
        )
        .await
    }
}

async fn server(role: Role, kind: Kind, gtid: bool, bind: &str, args: &[&str]) -> Result<Server> {
    if let Some(endpoint) = Server::given(role)? {
        return Server::at(endpoint).await;
    }
    let mut builder = Database::builder(kind).gtid(gtid).bind(bind);
    for arg in args {
        builder = builder.arg(*arg);
    }
    Server::own(builder.start().await?).await
}

async fn run(endpoint: &Endpoint, db: &str, statements: &[&str]) -> Result<()> {
    let mut conn: Conn = endpoint.conn().await?;
    for statement in statements {
        let statement = statement.replace("{db}", db);
        conn.query_drop(&statement)
            .await
            .with_context(|| format!("running {statement}"))?;
    }
    Ok(conn.disconnect().await?)
}

/// JSON strings are YAML strings.
fn login(server: &Endpoint) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    format!(
        "  host: {}\n  port: {}\n  user: {}\n  password: {}\n",
        quoted(&server.host),
        server.port,
        quoted(&server.user),
        quoted(&server.password)
    )
}
