//! Consistent snapshots of one table, and the position that they stand at.
//!
//! The table is locked for the moment in which its readers open their snapshots and the position is read. Writers of the table hold
//! its metadata lock through the engine's commit, so the position covers exactly what the snapshots see, also when other transactions
//! are still on their way into the engine (design §6).
//!
//! A lock request that waits holds up the writers behind it, so it is cancelled after a moment and made again later (R21). Where it
//! never comes, or may not be asked for, the snapshots are opened without: then only a window of positions is known, from what the
//! engine had committed before to where the binlog stands after. Changes in the window are applied so that it does not matter
//! whether the snapshots have them, which takes a key.

use std::time::Duration;

use dm_ddl::Table;
use dm_model::{DmError, Flavor, Position, TableName, codes};
use mysql_async::{Conn, prelude::Queryable};

use super::{Upstream, current_position, engine_position, show_create};
use crate::{
    database::ServerIdentity,
    sync::{
        control::Control,
        errors,
        load::{Consistency, SnapshotAt},
        stop::Stop,
    },
};

/// How long our first lock requests may wait in the table's queue, and so hold up the writers behind it.
const LOCK_WAIT: Duration = Duration::from_millis(30);
/// Later ones wait longer: a busy server may never answer within so little.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(480);
/// After so many requests they wait twice as long.
const LOCK_WAIT_DOUBLES: u32 = 4;
/// The server's own limit, should ours not get through. It counts in seconds.
const LOCK_WAIT_S: u32 = 1;
/// Pause between two requests, so that writers who queued behind us get through.
const LOCK_PAUSE: Duration = Duration::from_millis(300);
/// Requests after which a table with a key is loaded without a lock.
const LOCK_TRIES: u32 = 10;
/// A structure that changes between two looks is looked at again this often.
const STRUCTURE_TRIES: u32 = 20;

/// Open snapshots of one table: they see the same rows.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Sessions whose results carry text in the columns' own character sets. Never empty.
    pub(crate) readers: Vec<Conn>,
    pub(crate) at: SnapshotAt,
    /// A non-transactional table is not in the snapshot: its lock is held until it is read (R20).
    pub(crate) lock: Option<Conn>,
    /// SHOW CREATE TABLE at that point.
    pub(crate) create: String,
    pub(crate) structure: Table,
}

/// What there was to open.
#[derive(Debug)]
pub(crate) enum Opened {
    Snapshot(Box<Snapshot>),
    /// The table is gone, at this position or before.
    Gone(Position),
}

/// Engines whose tables a snapshot shows as of its beginning.
const TRANSACTIONAL: [&str; 4] = ["InnoDB", "RocksDB", "TokuDB", "MyRocks"];

/// How a request for a lock ended.
enum Lock {
    Held,
    /// Others hold the table.
    Busy,
    Gone,
    /// The account may not.
    Denied(DmError),
}

struct Opener<'a> {
    upstream: &'a Upstream,
    control: &'a Control,
    name: &'a TableName,
    server: ServerIdentity,
    /// Holds the lock and reads the position.
    lock: Conn,
    /// Cancels the lock request.
    killer: Option<Conn>,
    readers: Vec<Conn>,
}

impl Snapshot {
    /// Opens up to `readers` snapshots of one table; one for a table without transactions.
    ///
    /// Waits, visibly and without keeping its place in the queue, for as long as others hold the table.
    pub(crate) async fn open(
        upstream: &Upstream,
        name: &TableName,
        readers: usize,
        consistency: Consistency,
        control: &Control,
    ) -> Result<Opened, Stop> {
        let (mut lock, server) = upstream.connect().await?;
        lock.query_drop(format!("SET SESSION lock_wait_timeout = {LOCK_WAIT_S}"))
            .await
            .map_err(failed)?;
        let mut opener = Opener {
            upstream,
            control,
            name,
            server,
            lock,
            killer: None,
            readers: Vec::new(),
        };
        for _ in 0..STRUCTURE_TRIES {
            let Some((create, structure)) =
                show_create(&mut opener.lock, name, &opener.server).await?
            else {
                return Ok(Opened::Gone(opener.position().await?));
            };
            let transactional = is_transactional(&structure);
            opener
                .connect_readers(if transactional { readers.max(1) } else { 1 })
                .await?;
            let keyed = structure.unique_not_null_key().is_some() && transactional;
            let Some((at, locked)) = opener.begin(consistency, keyed, transactional).await? else {
                return Ok(Opened::Gone(opener.position().await?));
            };
            // A statement that came in between: the snapshots are of another structure.
            match show_create(&mut opener.lock, name, &opener.server).await? {
                Some((now, _)) if now == create => {}
                Some(_) => {
                    opener.release().await?;
                    continue;
                }
                None => return Ok(Opened::Gone(opener.position().await?)),
            }
            return Ok(Opened::Snapshot(Box::new(Self {
                readers: opener.readers,
                at,
                lock: locked.then_some(opener.lock),
                create,
                structure,
            })));
        }
        Err(Stop::Transient(DmError::new(
            &codes::DB_BAD_CONN,
            format!("the structure of {name} changes faster than it can be read"),
        )))
    }
}

impl Opener<'_> {
    async fn position(&mut self) -> Result<Position, DmError> {
        current_position(&mut self.lock, &self.server, self.upstream.uses_gtid()).await
    }

    async fn connect_readers(&mut self, count: usize) -> Result<(), DmError> {
        self.readers.truncate(count);
        while self.readers.len() < count {
            let mut reader = self.upstream.connect_for_rows().await?;
            reader
                .query_drop("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                .await
                .map_err(errors::upstream)?;
            self.readers.push(reader);
        }
        Ok(())
    }

    /// Opens the snapshots. True: the lock is still held. `None`: the table is gone.
    async fn begin(
        &mut self,
        consistency: Consistency,
        keyed: bool,
        transactional: bool,
    ) -> Result<Option<(SnapshotAt, bool)>, Stop> {
        if consistency == Consistency::None {
            if !keyed {
                return Err(Stop::Definite(self.needs_lock(
                    "extra-args ask for no lock (--no-locks or --consistency none)",
                )));
            }
            return Ok(Some((self.begin_in_window().await?, false)));
        }
        let mut waited = false;
        let mut tries: u32 = 0;
        loop {
            self.control.check()?;
            let wait = LOCK_WAIT * (1 << (tries / LOCK_WAIT_DOUBLES).min(4));
            match self.try_lock(consistency, wait.min(LOCK_WAIT_MAX)).await? {
                Lock::Held => break,
                Lock::Gone => return Ok(None),
                Lock::Denied(error) if consistency == Consistency::Auto && keyed => {
                    tracing::info!(table = %self.name, %error, "no lock: loading by a window of positions");
                    return Ok(Some((self.begin_in_window().await?, false)));
                }
                Lock::Denied(error) => {
                    return Err(Stop::Definite(
                        self.needs_lock("the account may not lock it")
                            .with_cause(error),
                    ));
                }
                Lock::Busy => {
                    tries += 1;
                    if tries >= LOCK_TRIES && consistency == Consistency::Auto && keyed {
                        if waited {
                            self.control.note(None);
                        }
                        return Ok(Some((self.begin_in_window().await?, false)));
                    }
                    waited = true;
                    self.control.note(Some(format!(
                        "waiting for a lock on {}: an open transaction holds the table",
                        self.name
                    )));
                    self.control.sleep(LOCK_PAUSE).await?;
                }
            }
        }
        if waited {
            self.control.note(None);
        }
        let begun = self.start_transactions().await;
        let at = match begun {
            Ok(()) => self.position().await,
            Err(error) => Err(error),
        };
        if transactional || at.is_err() {
            self.lock
                .query_drop("UNLOCK TABLES")
                .await
                .map_err(failed)?;
        }
        let at = SnapshotAt {
            low: at?,
            high: None,
        };
        self.touch().await?;
        Ok(Some((at, !transactional)))
    }

    /// Without a lock. What the engine has committed before is in the snapshots, what is not in the binlog afterwards is not.
    async fn begin_in_window(&mut self) -> Result<SnapshotAt, Stop> {
        let mut low = match self.server.flavor() {
            Flavor::Mysql if self.upstream.uses_gtid() => self.position().await?,
            Flavor::Mysql => {
                let error = self
                    .needs_lock("without GTIDs MySQL does not say what its engine has committed");
                return Err(Stop::Definite(error.with_workaround(
                    "use enable-gtid for this source, or grant LOCK TABLES",
                )));
            }
            Flavor::Mariadb => Position::default(),
        };
        self.start_transactions().await?;
        if self.server.flavor() == Flavor::Mariadb {
            let mut lows = Vec::new();
            for reader in &mut self.readers {
                lows.push(engine_position(reader, &self.server, self.upstream.uses_gtid()).await?);
            }
            low = lows
                .into_iter()
                .reduce(|oldest, low| if oldest.reaches(&low) { low } else { oldest })
                .unwrap_or_default();
        }
        self.touch().await?;
        let high = self.position().await?;
        Ok(SnapshotAt {
            high: (!low.reaches(&high)).then_some(high),
            low,
        })
    }

    async fn start_transactions(&mut self) -> Result<(), DmError> {
        let starts = self
            .readers
            .iter_mut()
            .map(|reader| reader.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT"));
        futures::future::try_join_all(starts)
            .await
            .map(drop)
            .map_err(errors::upstream)
    }

    /// Reading a row takes the table's metadata lock for the snapshot, so no ALTER gets in between it and the copy. That row may be
    /// unreadable (a damaged table): the copy says so.
    async fn touch(&mut self) -> Result<(), DmError> {
        let select = format!("SELECT 1 FROM {} LIMIT 1", self.name);
        for reader in &mut self.readers {
            let _row: Result<Option<u8>, _> = reader.query_first(&select).await;
        }
        Ok(())
    }

    /// Ends snapshots and lock, to begin anew.
    async fn release(&mut self) -> Result<(), DmError> {
        self.lock
            .query_drop("UNLOCK TABLES")
            .await
            .map_err(errors::upstream)?;
        for reader in &mut self.readers {
            reader
                .query_drop("ROLLBACK")
                .await
                .map_err(errors::upstream)?;
        }
        Ok(())
    }

    async fn try_lock(&mut self, consistency: Consistency, wait: Duration) -> Result<Lock, Stop> {
        let statement = if consistency == Consistency::Flush {
            "FLUSH TABLES WITH READ LOCK".to_owned()
        } else {
            format!("LOCK TABLES {} READ", self.name)
        };
        let id = self.lock.id();
        let asked = self.lock.query_drop(statement);
        tokio::pin!(asked);
        let answer = match tokio::time::timeout(wait, &mut asked).await {
            Ok(answer) => answer,
            Err(_) => {
                let mut killer = match self.killer.take() {
                    Some(killer) => killer,
                    None => self.upstream.connect().await?.0,
                };
                // It may have got the lock meanwhile; then there is nothing to cancel.
                let _answered_already = killer.query_drop(format!("KILL QUERY {id}")).await;
                self.killer = Some(killer);
                asked.await
            }
        };
        match answer {
            Ok(()) => Ok(Lock::Held),
            // Lock wait timeout, query interrupted (two numbers).
            Err(mysql_async::Error::Server(error)) if matches!(error.code, 1205 | 1317 | 1927) => {
                Ok(Lock::Busy)
            }
            Err(mysql_async::Error::Server(error)) if matches!(error.code, 1146 | 1049) => {
                Ok(Lock::Gone)
            }
            Err(mysql_async::Error::Server(error))
                if matches!(error.code, 1044 | 1045 | 1142 | 1227 | 1370) =>
            {
                Ok(Lock::Denied(errors::upstream(mysql_async::Error::Server(
                    error,
                ))))
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn needs_lock(&self, why: &str) -> DmError {
        DmError::new(
            &codes::SNAPSHOT_NEEDS_LOCK,
            format!(
                "{} cannot be copied without a lock, because its rows have no unique key (or it has no transactions): {why}",
                self.name
            ),
        )
    }
}

/// Whether a ROLLBACK at the source undoes changes of the table, and a snapshot shows it as of its begin.
pub(crate) fn is_transactional(structure: &Table) -> bool {
    let engine = structure.engine.as_deref().unwrap_or("InnoDB");
    TRANSACTIONAL
        .iter()
        .any(|known| known.eq_ignore_ascii_case(engine))
}

fn failed(error: mysql_async::Error) -> Stop {
    errors::upstream(error).into()
}
