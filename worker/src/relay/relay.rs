//! The task that keeps a relay log up to date.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use dm_model::{
    BinlogPosition, DmError, Flavor, GtidSet, Position, SourceConfig, codes, error::Kind,
};
use tokio::{sync::watch, task::JoinHandle};
use tracing::{info, warn};

use super::{
    boundaries::{Boundaries, Passed},
    layout::{Layout, SubFolder},
    meta::Meta,
    positions::Durable,
    recovery,
    writer::{self, Job, Progress},
};
use crate::sync::{
    backoff::Backoff,
    upstream::{Incoming, Stream, Upstream},
};

/// Appended to the writer's queue at once.
const CHUNK_BYTES: usize = 256 << 10;
/// How often the source's newest position is asked, for the status.
const COMPARE_EVERY: Duration = Duration::from_secs(5);
/// First event of a file.
const FIRST_EVENT: u64 = 4;

/// A relay log that is being kept. Dropping it ends the task; the files stay.
#[derive(Debug)]
pub struct Relay {
    layout: Layout,
    progress: watch::Receiver<Progress>,
    status: Arc<Mutex<RelayStatus>>,
    task: JoinHandle<()>,
}

/// For `query-status`.
#[derive(Clone, Debug, Default)]
pub struct RelayStatus {
    /// Newest position of the source.
    pub source: Option<Position>,
    /// What the relay log has, durably.
    pub durable: Durable,
    /// Transactions in it.
    pub executed: Option<GtidSet>,
    /// Why it stands still.
    pub error: Option<DmError>,
    /// It has what the source had when last asked.
    pub caught_up: bool,
}

impl Relay {
    /// Starts to keep the relay log of a source in `folder`.
    pub fn start(source: Arc<SourceConfig>, folder: impl Into<PathBuf>) -> Self {
        let layout = Layout::new(folder);
        let (jobs, progress) = writer::start(layout.clone());
        let status = Arc::new(Mutex::new(RelayStatus::default()));
        let keeper = Keeper {
            upstream: Upstream::new(source),
            layout: layout.clone(),
            jobs,
            progress: progress.clone(),
            status: status.clone(),
        };
        let task = tokio::spawn(keeper.run());
        Self {
            layout,
            progress,
            status,
            task,
        }
    }

    /// Ends keeping it, also while somebody still reads.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// The folders.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// For readers.
    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// As of now.
    pub fn status(&self) -> RelayStatus {
        let mut status = self
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let progress = self.progress.borrow();
        status.durable = progress.durable.clone();
        if progress.trouble.is_some() {
            status.error.clone_from(&progress.trouble);
        }
        status
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Keeper {
    upstream: Upstream,
    layout: Layout,
    jobs: mpsc::SyncSender<Job>,
    progress: watch::Receiver<Progress>,
    status: Arc<Mutex<RelayStatus>>,
}

/// Where the log goes on.
struct Tail {
    folder: SubFolder,
    file: String,
    /// End of the last complete transaction; 0 for a file that is to be made.
    at: u64,
    executed: Option<GtidSet>,
}

impl Keeper {
    async fn run(self) {
        let mut backoff = Backoff::new();
        loop {
            let before = self.progress.borrow().appended.clone();
            let Err(error) = self.follow().await else {
                return;
            };
            if self.progress.borrow().appended != before {
                backoff = Backoff::new();
            }
            warn!(folder = %self.layout.base().display(), %error, "the relay log is interrupted");
            let definite = error.kind != Kind::Transient;
            self.say(|status| status.error = Some(error));
            // What needs somebody is tried again as well, only more rarely: it may have been mended at the source.
            let pause = if definite {
                COMPARE_EVERY
            } else {
                backoff.step()
            };
            tokio::time::sleep(pause).await;
        }
    }

    fn say(&self, change: impl FnOnce(&mut RelayStatus)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Recovers the tail, then copies from there over one connection.
    async fn follow(&self) -> Result<(), DmError> {
        // The writer has to be done with the file before it is looked at.
        self.flushed().await?;
        let (mut conn, server) = self.upstream.connect().await?;
        let tail = match self.recover().await? {
            Some(tail) if tail.folder.uuid == server.uuid => tail,
            before => {
                let known = before.and_then(|tail| tail.executed);
                let file = self
                    .first_file(&mut conn, server.flavor(), known.as_ref())
                    .await?;
                let folder = self
                    .layout
                    .add(&server.uuid)
                    .map_err(|error| self.disk(&error))?;
                info!(
                    folder = folder.name,
                    file, "a new sub-directory of the relay log"
                );
                Tail {
                    folder,
                    file,
                    at: 0,
                    executed: None,
                }
            }
        };
        let _closed = conn.disconnect().await;
        let from = Position::without_gtid(
            BinlogPosition::new(tail.file.clone(), tail.at.max(FIRST_EVENT)),
            server.uuid.clone(),
        );
        let name = format!("relay-{}", self.layout.base().display());
        let (mut stream, _, starts) = Stream::open(&self.upstream, &from, &from, &name).await?;
        let mut copy = Copying {
            keeper: self,
            folder: tail.folder,
            file: tail.file.clone(),
            at: tail.at,
            opened: false,
            boundaries: Boundaries::new(
                true,
                self.upstream
                    .uses_gtid()
                    .then(|| tail.executed.unwrap_or_default()),
            ),
            // The protocol cannot ask for what lies beyond 4 GiB: it comes from the begin of the file.
            skip: tail.at.max(FIRST_EVENT) - starts.binlog.offset,
            chunk: Vec::new(),
        };
        copy.open(tail.file, tail.at).await?;
        let mut compare = tokio::time::interval(COMPARE_EVERY);
        loop {
            let event = if copy.chunk.is_empty() {
                tokio::select! {
                    event = stream.next() => event?,
                    _ = compare.tick() => {
                        self.compare(&copy).await;
                        continue;
                    }
                }
            } else {
                // What is buffered goes to the thread as soon as nothing more has come.
                match futures::FutureExt::now_or_never(stream.next()) {
                    Some(event) => event?,
                    None => {
                        copy.hand_over().await?;
                        continue;
                    }
                }
            };
            let Incoming::Event(event) = event else {
                continue;
            };
            copy.take(&event.bytes).await?;
            self.say(|status| {
                if status.error.is_some() {
                    status.error = None;
                }
            });
        }
    }

    /// Everything handed over is durable.
    async fn flushed(&self) -> Result<(), DmError> {
        let (sender, done) = tokio::sync::oneshot::channel();
        self.send(Job::Sync(sender)).await?;
        done.await.map_err(|_| writer_gone())
    }

    /// Blocks, without a thread of the runtime, while the writer has enough to do.
    async fn send(&self, job: Job) -> Result<(), DmError> {
        match self.jobs.try_send(job) {
            Ok(()) => Ok(()),
            Err(mpsc::TrySendError::Disconnected(_)) => Err(writer_gone()),
            Err(mpsc::TrySendError::Full(job)) => {
                let jobs = self.jobs.clone();
                let sent = tokio::task::spawn_blocking(move || jobs.send(job)).await;
                match sent {
                    Ok(Ok(())) => Ok(()),
                    _ => Err(writer_gone()),
                }
            }
        }
    }

    /// Where the log ends. Cuts a torn tail off.
    async fn recover(&self) -> Result<Option<Tail>, DmError> {
        let (layout, gtid) = (self.layout.clone(), self.upstream.uses_gtid());
        tokio::task::spawn_blocking(move || recover(&layout, gtid))
            .await
            .map_err(|error| self.disk(&std::io::Error::other(error)))?
            .map_err(|error| self.disk(&error))
    }

    /// The file to begin with: the newest whose earlier transactions we all have, or the one that the source writes now.
    async fn first_file(
        &self,
        conn: &mut mysql_async::Conn,
        flavor: Flavor,
        known: Option<&GtidSet>,
    ) -> Result<String, DmError> {
        use mysql_async::prelude::Queryable;
        let rows: Vec<mysql_async::Row> = conn
            .query("SHOW BINARY LOGS")
            .await
            .map_err(crate::sync::errors::upstream)?;
        let mut files: Vec<String> = rows
            .iter()
            .filter_map(|row| row.get_opt::<String, _>(0)?.ok())
            .collect();
        let configured = &self.upstream.config().relay_binlog_name;
        if known.is_none() && !configured.is_empty() {
            if files.contains(configured) {
                return Ok(configured.clone());
            }
            return Err(DmError::new(
                &codes::POSITION_PURGED,
                format!("the source has no binlog {configured} (relay-binlog-name)"),
            ));
        }
        let Some(known) = known else {
            return files
                .pop()
                .ok_or_else(|| DmError::new(&codes::NO_MASTER_STATUS, "the source has no binlog"));
        };
        for file in files.iter().rev() {
            let rows: Vec<mysql_async::Row> = conn
                .query(format!("SHOW BINLOG EVENTS IN '{file}' LIMIT 4"))
                .await
                .map_err(crate::sync::errors::upstream)?;
            let previous = rows.iter().find_map(|row| {
                let kind: String = row.get_opt(2)?.ok()?;
                let info: String = row.get_opt(5)?.ok()?;
                matches!(kind.as_str(), "Previous_gtids" | "Gtid_list").then_some(info)
            });
            let previous = previous.unwrap_or_default();
            let previous = GtidSet::parse_for(flavor, previous.trim_matches(['[', ']']))?;
            if known.is_superset(&previous) {
                return Ok(file.clone());
            }
        }
        Err(DmError::new(
            &codes::POSITION_PURGED,
            format!("the new server of the source has purged what follows {known}"),
        ))
    }

    async fn compare(&self, copy: &Copying<'_>) {
        let Ok((mut conn, server)) = self.upstream.connect().await else {
            return;
        };
        let newest =
            crate::sync::upstream::current_position(&mut conn, &server, self.upstream.uses_gtid())
                .await;
        let Ok(newest) = newest else { return };
        let here = BinlogPosition::new(copy.file.clone(), copy.at);
        let executed = copy.boundaries.executed().cloned();
        let caught_up = match (&newest.gtid, &executed) {
            (Some(theirs), Some(ours)) => ours.is_superset(theirs),
            _ => here >= newest.binlog,
        };
        self.say(|status| {
            status.source = Some(newest);
            status.executed = executed;
            status.caught_up = caught_up;
        });
    }

    fn disk(&self, error: &std::io::Error) -> DmError {
        DmError::new(
            &codes::RELAY_WRITE_FAILED,
            format!(
                "the relay log {} cannot be used",
                self.layout.base().display()
            ),
        )
        .with_cause(error)
    }
}

fn writer_gone() -> DmError {
    DmError::new(
        &codes::RELAY_WRITE_FAILED,
        "the relay log's writer has ended",
    )
}

fn recover(layout: &Layout, gtid: bool) -> std::io::Result<Option<Tail>> {
    let Some(folder) = layout.folders()?.pop() else {
        return Ok(None);
    };
    let path = layout.folder(&folder);
    let meta = Meta::read(&path);
    let Some((_, newest)) = layout.files(&folder)?.pop() else {
        return Ok(None);
    };
    let (from, executed) = match &meta {
        Some(meta) if meta.binlog_name == newest => (
            meta.binlog_pos,
            gtid.then(|| GtidSet::parse(&meta.binlog_gtid).unwrap_or_default()),
        ),
        // The set at the begin of a newer file is the one at the end of the noted one.
        Some(meta) => (
            0,
            gtid.then(|| GtidSet::parse(&meta.binlog_gtid).unwrap_or_default()),
        ),
        None => (0, gtid.then(GtidSet::default)),
    };
    let found = recovery::scan(&path.join(&newest), from, executed)?;
    if found.torn > 0 {
        info!(
            folder = folder.name,
            file = newest,
            end = found.end,
            torn = found.torn,
            "cutting off the torn tail of a relay file"
        );
        recovery::cut(&path.join(&newest), found.end)?;
    }
    let (file, at) = match found.next {
        Some(next) => (next, 0),
        None => (newest, found.end),
    };
    Ok(Some(Tail {
        folder,
        file,
        at,
        executed: found.executed,
    }))
}

/// The copying over one connection.
struct Copying<'a> {
    keeper: &'a Keeper,
    folder: SubFolder,
    file: String,
    /// Length of the file with what is buffered; 0 before its magic bytes.
    at: u64,
    /// Something was written to it over this connection, or it goes on after what it has.
    opened: bool,
    boundaries: Boundaries,
    /// Bytes that come again before what is new.
    skip: u64,
    chunk: Vec<u8>,
}

impl Copying<'_> {
    async fn open(&mut self, file: String, at: u64) -> Result<(), DmError> {
        self.hand_over().await?;
        let sequence = BinlogPosition::new(file.clone(), 0).sequence().unwrap_or(0);
        self.keeper
            .send(Job::Open {
                folder: self.folder.clone(),
                file: file.clone(),
                sequence,
                at,
            })
            .await?;
        self.opened = at > 0;
        self.at = at.max(FIRST_EVENT);
        self.file = file;
        Ok(())
    }

    async fn hand_over(&mut self) -> Result<(), DmError> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        self.keeper.send(Job::Append(chunk)).await?;
        if self.boundaries.is_between() {
            let meta = Meta {
                binlog_name: self.file.clone(),
                binlog_pos: self.at,
                binlog_gtid: self
                    .boundaries
                    .executed()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            };
            self.keeper.send(Job::End(meta)).await?;
        }
        Ok(())
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), DmError> {
        let (header, passed) = self.boundaries.pass(bytes).map_err(|error| {
            DmError::new(
                &codes::SYNCER_GET_EVENT,
                format!("an event of {} after {} is damaged", self.file, self.at),
            )
            .with_cause(error)
        })?;
        if let Passed::Rotate(next) = &passed {
            // The artificial one at the begin of a stream and of each file names the file; a real one is part of the file.
            let artificial = header.is_artificial() || header.end_pos == 0 || header.timestamp == 0;
            if !artificial {
                self.append(&header, bytes).await?;
            }
            if *next != self.file {
                let next = next.clone();
                self.open(next, 0).await?;
            }
            return Ok(());
        }
        use dm_binlog::type_code as t;
        let made_up =
            header.is_artificial() || matches!(header.type_code, t::HEARTBEAT | t::HEARTBEAT_V2);
        // In mid-file the description is sent again; the file has it.
        let again = header.type_code == t::FORMAT_DESCRIPTION && self.opened;
        if made_up || again {
            return Ok(());
        }
        self.append(&header, bytes).await
    }

    async fn append(&mut self, header: &dm_binlog::Header, bytes: &[u8]) -> Result<(), DmError> {
        if self.skip > 0 {
            self.skip = self.skip.saturating_sub(bytes.len() as u64);
            return Ok(());
        }
        let end = self.at + bytes.len() as u64;
        let told = u64::from(header.end_pos);
        if told != 0 && told != end % (1 << 32) {
            return Err(DmError::new(
                &codes::SYNCER_GET_EVENT,
                format!(
                    "an event that ends at {told} does not continue {} at {}: the source left something out",
                    self.file, self.at
                ),
            ));
        }
        self.opened = true;
        self.at = end;
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.hand_over().await?;
        }
        Ok(())
    }
}
