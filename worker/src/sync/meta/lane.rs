//! One writing session at the target and its row: the fenced commit (R9, R10).

use std::{collections::BTreeMap, time::Duration};

use dm_model::{DmError, codes};
use mysql_async::{Conn, prelude::Queryable};
use tracing::{debug, warn};

use super::{
    MetaTables, Progress,
    head::{fenced, is_lock_wait, kill},
};
use crate::{
    database::ServerIdentity,
    sync::{
        apply::Target, backoff::Backoff, control::Control, errors, failpoint, failpoint::failpoint,
        stop::Stop, value::quote_text,
    },
};

/// Statements are joined into packets of about this size; a larger statement travels alone.
const PACKET_BYTES: usize = 1 << 20;
/// What a packet may have besides one statement.
const PACKET_HEAD_BYTES: usize = 1 << 10;
/// Tries of a batch that the server refused for a passing reason (deadlock, lock wait, write conflict).
const TRANSIENT_TRIES_MAX: u32 = 120;
/// A batch that takes longer is shown.
const SILENT: Duration = Duration::from_secs(2);

/// A writing session with its row in `dm_lane`.
#[derive(Debug)]
pub(crate) struct Lane {
    target: Target,
    tables: MetaTables,
    control: Control,
    number: i32,
    conn: Option<Conn>,
    server: ServerIdentity,
    seq: u64,
    progress: Progress,
}

/// The lane of what concerns the subtask as a whole: where it begins, tables that stop and join, progress without data.
pub(crate) const CONTROL_LANE: i32 = 0;
/// The first lane that applies transactions.
pub(crate) const DATA_LANE: i32 = 1;
/// The lane that DDLs are sent on.
pub(crate) const DDL_LANE: i32 = 900;
/// Lanes from here on are not the main stream's: copiers and readers that catch up have their own progress.
pub(crate) const OTHER_LANES: i32 = 1_000;

/// Rows found by each statement of a committed batch.
pub(crate) type Outcome = Vec<u64>;

/// Why a batch did not commit, when trying it again is useless.
#[derive(Debug)]
pub(crate) enum LaneError {
    /// The statement at this index of the batch was refused: it is about a row or a statement.
    Statement { index: usize, error: DmError },
    /// The rows that the statements found are not what the caller wants to commit; nothing was.
    Unwanted,
    /// Everything else.
    Stop(Stop),
}

impl LaneError {
    /// For batches without rows of tables: a statement of ours that is refused stops the subtask.
    pub(crate) fn into_stop(self, doing: &str) -> Stop {
        match self {
            Self::Stop(stop) => stop,
            Self::Statement { error, .. } => Stop::Definite(error.annotate(doing)),
            Self::Unwanted => Stop::Definite(DmError::new(
                &codes::META_DAMAGED,
                format!("unexpected row counts while {doing}"),
            )),
        }
    }
}

impl From<Stop> for LaneError {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// How one try ended.
enum Try {
    Committed(Outcome),
    /// Rolled back for a passing reason.
    Again(DmError),
    /// The connection is gone, or COMMIT was not answered with OK: the row tells.
    Unknown(DmError),
    Refused {
        index: usize,
        error: DmError,
    },
    /// The compare-and-set of the lane row hit nothing.
    Mismatch,
    /// The caller does not want these counts committed.
    Unwanted,
    /// The meta rows cannot be written.
    Stopped(Stop),
}

impl Lane {
    /// Opens the session and makes the row ours, creating it under a lock on the head (R11).
    pub(crate) async fn open(
        target: &Target,
        tables: &MetaTables,
        control: &Control,
        number: i32,
    ) -> Result<Self, Stop> {
        let (conn, server) = target.connect(control).await?;
        let mut lane = Self {
            target: target.clone(),
            tables: tables.clone(),
            control: control.clone(),
            number,
            conn: Some(conn),
            server,
            seq: 0,
            progress: Progress::default(),
        };
        lane.claim().await?;
        Ok(lane)
    }

    /// What the row says.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The server that the session talks to.
    pub(crate) fn server(&self) -> &ServerIdentity {
        &self.server
    }

    /// The subtask's shared state.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// The session, for statements that commit by themselves (DDL). `None` after the connection was lost.
    pub(crate) fn connection(&mut self) -> Option<&mut Conn> {
        self.conn.as_mut()
    }

    /// Keeps an idle session from its idle limit; a lost one is opened again by the next commit.
    pub(crate) async fn keep_alive(&mut self) {
        // The answer of a ping that is given up would be read as the next command's: the connection goes with it.
        if let Some(mut conn) = self.conn.take()
            && conn.ping().await.is_ok()
        {
            self.conn = Some(conn);
        }
    }

    /// Commits `statements` together with `progress`, whatever happens to connection and server meanwhile.
    ///
    /// Returns the rows that each statement found. A batch is sent again until it is known to be in, a statement is refused, or
    /// the subtask has to stop; the row's sequence number makes that safe.
    pub(crate) async fn commit<S: AsRef<str> + Sync>(
        &mut self,
        statements: &[S],
        progress: &Progress,
    ) -> Result<Outcome, LaneError> {
        self.commit_if(statements, progress, &|_| true).await
    }

    /// As [`commit`](Self::commit), if `wanted` takes the rows that each statement found: it is asked before COMMIT is sent (R9).
    pub(crate) async fn commit_if<S: AsRef<str> + Sync>(
        &mut self,
        statements: &[S],
        progress: &Progress,
        wanted: &(dyn Fn(&[u64]) -> bool + Sync),
    ) -> Result<Outcome, LaneError> {
        let mut backoff = Backoff::new();
        let mut tries = 0;
        if let Some(refused) = self.too_large(statements) {
            return Err(refused);
        }
        loop {
            self.control.check()?;
            let ended = match self.conn.as_mut() {
                Some(_) => {
                    let (control, address) = (self.control.clone(), self.target.address());
                    shown(
                        &control,
                        &address,
                        self.try_commit(statements, progress, wanted),
                    )
                    .await
                }
                None => Try::Unknown(DmError::new(
                    &codes::DB_INVALID_CONN,
                    "the connection to the target was lost",
                )),
            };
            match ended {
                Try::Committed(found) => {
                    if self.number == DATA_LANE {
                        failpoint("committed");
                    }
                    self.seq += 1;
                    self.tables.acknowledge(self.number, self.seq);
                    self.progress = progress.clone();
                    if tries > 0 {
                        self.control.note(None);
                    }
                    return Ok(found);
                }
                Try::Refused { index, error } => return Err(LaneError::Statement { index, error }),
                Try::Mismatch => return Err(self.mismatch().await.into()),
                Try::Unwanted => return Err(LaneError::Unwanted),
                Try::Again(error) => {
                    tries += 1;
                    self.control.update(|status| status.retries += 1);
                    if tries >= TRANSIENT_TRIES_MAX {
                        return Err(Stop::Transient(error).into());
                    }
                    debug!(%error, tries, "batch rolled back; trying again");
                    self.control.sleep(backoff.step()).await?;
                }
                Try::Unknown(error) => {
                    tries += 1;
                    warn!(%error, "outcome of a commit unknown; asking the target");
                    self.control.note(Some(format!(
                        "asking the target whether a commit is in: {error}"
                    )));
                    if self.reopen().await? {
                        self.progress = progress.clone();
                        self.control.note(None);
                        // Counts of a commit whose answer was lost are not known; zero rows would be reported as mismatches.
                        return Ok(vec![u64::MAX; statements.len()]);
                    }
                    self.control.update(|status| status.retries += 1);
                    if tries > 1 {
                        self.control
                            .note(Some(format!("the target drops our connection: {error}")));
                        self.control.sleep(backoff.step()).await?;
                    }
                }
                Try::Stopped(stop) => return Err(stop.into()),
            }
        }
    }

    /// The server would drop the connection over a statement beyond its packet limit, for ever.
    fn too_large<S: AsRef<str>>(&self, statements: &[S]) -> Option<LaneError> {
        let limit = self
            .target
            .packet_bytes_max()
            .saturating_sub(PACKET_HEAD_BYTES);
        let index = statements
            .iter()
            .position(|statement| statement.as_ref().len() > limit)?;
        let bytes = statements
            .get(index)
            .map_or(0, |statement| statement.as_ref().len());
        let message = format!(
            "a statement of {bytes} bytes is larger than the target's max_allowed_packet allows ({limit})"
        );
        let error = DmError::new(&codes::TARGET_UNSUITABLE, message)
            .with_workaround("raise max_allowed_packet at the target, then resume the task");
        Some(LaneError::Statement { index, error })
    }

    async fn try_commit<S: AsRef<str> + Sync>(
        &mut self,
        statements: &[S],
        progress: &Progress,
        wanted: &(dyn Fn(&[u64]) -> bool + Sync),
    ) -> Try {
        let (update, epoch) = (self.compare_and_set(progress), self.control.token().epoch());
        let Some(conn) = self.conn.as_mut() else {
            return Try::Unknown(DmError::new(&codes::DB_INVALID_CONN, "no connection"));
        };
        // The assertion turns "the row did not match" into an error before anything else of the packet runs (tidb.md).
        let prologue = format!("BEGIN;{update};SELECT EXP(IF(ROW_COUNT()=1,1,10000))");
        let packet_bytes = PACKET_BYTES.min(self.target.packet_bytes_max() / 2);
        let mut found = Vec::with_capacity(statements.len());
        let mut packet = prologue;
        let (mut in_packet, mut first_index) = (PROLOGUE, 0);
        for (index, statement) in statements.iter().map(AsRef::as_ref).enumerate() {
            if packet.len() + statement.len() > packet_bytes && !packet.is_empty() {
                if let Err(ended) = send(conn, &packet, in_packet, first_index, &mut found).await {
                    return self.give_up(ended).await;
                }
                packet.clear();
                in_packet = 0;
                first_index = index;
            }
            if !packet.is_empty() {
                packet.push(';');
            }
            packet.push_str(statement);
            in_packet += 1;
        }
        if in_packet > 0
            && let Err(ended) = send(conn, &packet, in_packet, first_index, &mut found).await
        {
            return self.give_up(ended).await;
        }
        if !wanted(found.get(PROLOGUE..).unwrap_or_default()) {
            return self.give_up(Try::Unwanted).await;
        }
        if !self.control.token().is_live() {
            debug!(epoch = epoch.0, "the lease ended before COMMIT");
            return self
                .give_up(Try::Again(DmError::new(
                    &codes::LEASE_LOST,
                    "the lease ended before COMMIT",
                )))
                .await;
        }
        let Some(conn) = self.conn.as_mut() else {
            return Try::Unknown(DmError::new(&codes::DB_INVALID_CONN, "no connection"));
        };
        if self.number == DATA_LANE {
            failpoint("before-commit");
            if failpoint::reached("commit-sent") {
                // The first poll sends the packet; its answer is never read.
                let mut sent = std::pin::pin!(conn.query_drop("COMMIT"));
                std::future::poll_fn(|context| {
                    let _not_answered = sent.as_mut().poll(context);
                    std::task::Poll::Ready(())
                })
                .await;
                failpoint::end("commit-sent");
            }
        }
        match conn.query_drop("COMMIT").await {
            Ok(()) => Try::Committed(found.split_off(PROLOGUE.min(found.len()))),
            Err(error) => Try::Unknown(errors::target(error)),
        }
    }

    fn compare_and_set(&self, progress: &Progress) -> String {
        let token = self.control.token();
        format!(
            "UPDATE {} SET seq = {}, progress = {} WHERE {} AND lane = {} AND epoch = {} AND incarnation = {} AND seq = {}",
            self.tables.lane(),
            self.seq + 1,
            quote_text(&progress.to_column()),
            self.tables.key(),
            self.number,
            token.epoch().0,
            token.incarnation().0,
            self.seq
        )
    }

    /// Rolls back after a refusal: the transaction is still open (also after a lock wait timeout).
    async fn give_up(&mut self, ended: Try) -> Try {
        if let Some(conn) = self.conn.as_mut()
            && conn.query_drop("ROLLBACK").await.is_err()
        {
            self.conn = None;
        }
        ended
    }

    /// Connects again and finds out by a locking read whether the last batch is in. True: it is.
    async fn reopen(&mut self) -> Result<bool, Stop> {
        self.conn = None;
        let (expected, remembered) = (self.seq, self.progress.clone());
        let (conn, server) = self.target.connect(&self.control).await?;
        self.conn = Some(conn);
        self.server = server;
        self.claim().await?;
        if self.seq == expected + 1 {
            return Ok(true);
        }
        // An asynchronous failover of the target may have lost acknowledged commits (R13): start again from what it has.
        if self.seq != expected || self.progress != remembered {
            return Err(Stop::Transient(DmError::new(
                &codes::TARGET_PROGRESS_CHANGED,
                format!(
                    "the target's progress is at commit {} of lane {}, we remember {expected}",
                    self.seq, self.number
                ),
            )));
        }
        Ok(false)
    }

    /// Writes our connection into the row (R12) and reads it, in one transaction that holds the head.
    async fn claim(&mut self) -> Result<(), Stop> {
        let mut backoff = Backoff::new();
        loop {
            self.control.check()?;
            match self.try_claim().await {
                Ok(()) => return Ok(()),
                Err(Stop::Transient(error)) if !error.is(&codes::TARGET_PROGRESS_CHANGED) => {
                    self.control.note(Some(format!("target: {error}")));
                    warn!(%error, "could not claim a lane; trying again");
                    self.control.sleep(backoff.step()).await?;
                    let (conn, server) = self.target.connect(&self.control).await?;
                    self.conn = Some(conn);
                    self.server = server;
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    async fn try_claim(&mut self) -> Result<(), Stop> {
        let token = self.control.token().clone();
        let (key, lane_table) = (self.tables.key(), self.tables.lane());
        let (epoch, incarnation, number) = (token.epoch().0, token.incarnation().0, self.number);
        let server = self.server.clone();
        let Some(conn) = self.conn.as_mut() else {
            return Err(Stop::Transient(DmError::new(
                &codes::DB_INVALID_CONN,
                "no connection",
            )));
        };
        let connection = conn.id();
        // Before the transaction, so that it sees all of these commits, if the server still has them.
        let acknowledged = self.tables.acknowledged();
        conn.query_drop("BEGIN").await.map_err(target)?;
        let head: Option<(u64, u64)> = conn
            .query_first(format!(
                "SELECT epoch, incarnation FROM {} WHERE {key} FOR UPDATE",
                self.tables.head()
            ))
            .await
            .map_err(target)?;
        if head != Some((epoch, incarnation)) {
            let _ = conn.query_drop("ROLLBACK").await;
            return Err(Stop::Fenced(fenced(
                head.map_or(0, |(epoch, _)| epoch),
                &token,
            )));
        }
        let select = format!(
            "SELECT epoch, incarnation, seq, connection, server, progress FROM {lane_table} WHERE {key} AND lane = {number} FOR UPDATE"
        );
        let row: Option<(u64, u64, u64, u64, String, String)> = match conn
            .query_first(&select)
            .await
        {
            Ok(row) => row,
            Err(error) if is_lock_wait(&error) => {
                // An older connection of this lane still has its transaction open.
                let _ = conn.query_drop("ROLLBACK").await;
                let old: Option<(u64, String)> = conn
                    .query_first(format!("SELECT connection, server FROM {lane_table} WHERE {key} AND lane = {number}"))
                    .await
                    .map_err(target)?;
                if let Some((old, at_server)) = old {
                    kill(conn, old, &at_server, &server).await;
                }
                return Err(Stop::Transient(errors::target(error)));
            }
            Err(error) => return Err(target(error)),
        };
        let write = match &row {
            None => format!(
                "INSERT INTO {lane_table} (task, source, lane, epoch, incarnation, seq, connection, server, progress) \
                 VALUES ({}, {number}, {epoch}, {incarnation}, 0, {connection}, {}, '')",
                self.tables.key_values(),
                quote_text(&server.uuid)
            ),
            Some((row_epoch, row_incarnation, ..))
                if (*row_epoch, *row_incarnation) == (epoch, incarnation) =>
            {
                format!(
                    "UPDATE {lane_table} SET connection = {connection}, server = {} WHERE {key} AND lane = {number}",
                    quote_text(&server.uuid)
                )
            }
            Some((row_epoch, ..)) => {
                let _ = conn.query_drop("ROLLBACK").await;
                return Err(Stop::Fenced(fenced(*row_epoch, &token)));
            }
        };
        conn.query_drop(write).await.map_err(target)?;
        let lanes: Vec<(i32, u64, u64)> = conn
            .query(format!(
                "SELECT lane, seq, connection FROM {lane_table} WHERE {key}"
            ))
            .await
            .map_err(target)?;
        // Under the lock on the head, so that no take-over comes in between. A lane that is made now was not there to be raised.
        let control = self.tables.control();
        let taken_over = number != CONTROL_LANE
            && lanes
                .iter()
                .any(|(lane, _, of)| *lane == CONTROL_LANE && control != 0 && *of != control);
        if taken_over {
            let _ = conn.query_drop("ROLLBACK").await;
            return Err(Stop::Transient(DmError::new(
                &codes::TARGET_PROGRESS_CHANGED,
                "another start of this subtask has taken over",
            )));
        }
        conn.query_drop("COMMIT").await.map_err(target)?;
        if number == CONTROL_LANE {
            self.tables.set_control(u64::from(connection));
        }
        self.refuse_lost(&acknowledged, &lanes)?;
        let (seq, text) = row.map_or((0, String::new()), |(_, _, seq, _, _, text)| (seq, text));
        self.seq = seq;
        self.progress = Progress::from_column(&text)?;
        self.tables.acknowledge(self.number, seq);
        Ok(())
    }

    /// An asynchronous failover of the target may have lost acknowledged commits, of any lane: ours must not say that they are in (R13).
    fn refuse_lost(
        &self,
        acknowledged: &BTreeMap<i32, u64>,
        found: &[(i32, u64, u64)],
    ) -> Result<(), Stop> {
        let lost = acknowledged.iter().find(|(lane, seq)| {
            let there = found.iter().find(|(found, ..)| found == *lane);
            there.is_none_or(|(_, found, _)| found < *seq)
        });
        let Some((lane, seq)) = lost else {
            return Ok(());
        };
        Err(Stop::Transient(DmError::new(
            &codes::TARGET_PROGRESS_CHANGED,
            format!("the target no longer has commit {seq} of lane {lane}"),
        )))
    }

    /// Finds out what a failed compare-and-set means.
    async fn mismatch(&mut self) -> Stop {
        if let Some(conn) = self.conn.as_mut() {
            let _ = conn.query_drop("ROLLBACK").await;
        }
        match self.try_claim().await {
            Err(stop) => stop,
            Ok(()) => Stop::Transient(DmError::new(
                &codes::TARGET_PROGRESS_CHANGED,
                "an earlier connection of this lane committed in between; going on from what the target has",
            )),
        }
    }
}

/// Says that the target is silent while `answer` takes long.
async fn shown<T>(control: &Control, address: &str, answer: impl Future<Output = T>) -> T {
    tokio::pin!(answer);
    if let Ok(answer) = tokio::time::timeout(SILENT, &mut answer).await {
        return answer;
    }
    control.note(Some(format!(
        "waiting for an answer of the target {address} to a batch"
    )));
    // What was applied last may have been all there was; this batch is not in.
    control.update(|status| status.synced = false);
    let answer = answer.await;
    control.note(None);
    answer
}

/// Statements before the caller's in the first packet: BEGIN, the compare-and-set, the assertion.
const PROLOGUE: usize = 3;
/// Error number of the assertion (a double out of range).
const ASSERTION_FAILED: u16 = 1690;

/// Runs the `count` statements of one packet and collects the rows that each found. `first` is the batch index of its first
/// statement (of its first one after the prologue, in the first packet).
async fn send(
    conn: &mut Conn,
    packet: &str,
    count: usize,
    first: usize,
    found: &mut Vec<u64>,
) -> Result<(), Try> {
    let prologue = if found.is_empty() { PROLOGUE } else { 0 };
    let before = found.len();
    let ended = run_packet(conn, packet, count, found).await;
    let Err(error) = ended else { return Ok(()) };
    let done = found.len() - before;
    let number = if let mysql_async::Error::Server(server) = &error {
        Some(server.code)
    } else {
        None
    };
    let refused = errors::target(error);
    if let Some(number) = number {
        if done < prologue && number == ASSERTION_FAILED {
            return Err(Try::Mismatch);
        }
        return Err(match refused.kind {
            dm_model::Kind::Transient => Try::Again(refused),
            _ if done >= prologue => Try::Refused {
                index: first + done - prologue,
                error: refused,
            },
            _ => Try::Stopped(Stop::Definite(refused.annotate("writing progress"))),
        });
    }
    Err(Try::Unknown(refused))
}

async fn run_packet(
    conn: &mut Conn,
    packet: &str,
    count: usize,
    found: &mut Vec<u64>,
) -> Result<(), mysql_async::Error> {
    let mut result = conn.query_iter(packet).await?;
    for _ in 0..count {
        // The refusal of a statement waits in the place of its result, so it counts as found only once that was read.
        let affected = result.affected_rows();
        while result.next().await?.is_some() {}
        found.push(affected);
    }
    Ok(())
}

fn target(error: mysql_async::Error) -> Stop {
    errors::target(error).into()
}
