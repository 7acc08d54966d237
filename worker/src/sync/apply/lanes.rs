//! The sessions that apply batches at the same time: one task per lane, opened when it first gets something to do.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use dm_model::{DmError, TableName, TransactionId, codes, config::OnRowMismatch};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use super::{
    Applier, Careful, Options, RefusedDdl, Target, Verdict, ddl::DdlFault, encode, fault_tables,
    mismatches,
};
use crate::{
    database::ServerKind,
    sync::{
        control::Control,
        meta::{DATA_LANE, DDL_LANE, Lane, LaneError, MetaTables, Progress, Unfinished},
        schedule::{Keyed, LaneBatch, Seq},
        stop::Stop,
        track::Change,
        transform::{Routed, Transformer},
    },
};

/// How long an orderly end waits for commits on their way; what it leaves then is harmless, because the next owner raises the epoch.
const END_WITHIN: Duration = Duration::from_millis(500);

/// What a commit of a lane did.
#[derive(Debug, Default)]
pub(crate) struct LaneCommit {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Changes that did not find what they expected.
    pub(crate) mismatches: u64,
    /// From the first statement to the answer to COMMIT, tries included.
    pub(crate) took: Duration,
}

/// What a lane is to commit.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) batch: LaneBatch,
    pub(crate) progress: Progress,
}

/// DDLs of one transaction, with whatever else it has.
#[derive(Debug)]
pub(crate) struct DdlJob {
    pub(crate) seq: Seq,
    pub(crate) id: TransactionId,
    pub(crate) changes: Vec<Change>,
    /// Its rows: they can be hashed only when its DDLs are carried out.
    pub(crate) routed: Option<Routed>,
    /// Statements about `dm_table` that commit with it.
    pub(crate) edits: Vec<String>,
    pub(crate) progress: Progress,
}

/// What a lane has to say.
#[derive(Debug)]
pub(crate) enum Ended {
    Committed {
        lane: usize,
        committed: LaneCommit,
    },
    /// A statement about a row was refused; nothing of the batch is in.
    Refused {
        lane: usize,
        batch: LaneBatch,
        table: TableName,
        error: DmError,
    },
    Ddl {
        job: DdlJob,
        outcome: Result<LaneCommit, DdlRefusal>,
        /// Statements that are carried out in part, as the lane's row has them.
        unfinished: Vec<Unfinished>,
    },
    Stopped(Stop),
}

/// Why the DDLs of a transaction were not, or not all, carried out.
#[derive(Debug)]
pub(crate) enum DdlRefusal {
    /// The statement at this index.
    Statement { index: usize, error: DmError },
    /// Rows of the same transaction.
    Rows {
        tables: Vec<TableName>,
        error: DmError,
    },
}

/// What every lane needs.
#[derive(Clone, Debug)]
pub(crate) struct LaneContext {
    pub(crate) target: Target,
    pub(crate) tables: MetaTables,
    pub(crate) control: Control,
    pub(crate) on_row_mismatch: OnRowMismatch,
    /// The number of this pipeline's control lane; its other lanes follow.
    pub(crate) base: i32,
}

/// The lanes of one pipeline.
#[derive(Debug)]
pub(crate) struct Lanes {
    context: LaneContext,
    jobs: Vec<Option<mpsc::Sender<Job>>>,
    ddl: Option<mpsc::Sender<DdlJob>>,
    sender: mpsc::Sender<Ended>,
    receiver: mpsc::Receiver<Ended>,
    running: JoinSet<()>,
}

impl Lanes {
    /// `count` lanes, none of them connected yet.
    pub(crate) fn new(context: LaneContext, count: usize) -> Self {
        // Every lane has at most one thing to say before it is asked again.
        let (sender, receiver) = mpsc::channel(count + 1);
        Self {
            context,
            jobs: (0..count).map(|_| None).collect(),
            ddl: None,
            sender,
            receiver,
            running: JoinSet::new(),
        }
    }

    /// Gives an idle lane its next batch.
    pub(crate) fn send(&mut self, lane: usize, job: Job) {
        let Some(slot) = self.jobs.get_mut(lane) else {
            return;
        };
        let jobs = slot.get_or_insert_with(|| {
            let (jobs, receiver) = mpsc::channel(1);
            let number = self.context.base + DATA_LANE + i32::try_from(lane).unwrap_or(0);
            let task = DataLane {
                context: self.context.clone(),
                lane,
                number,
                session: None,
            };
            self.running.spawn(task.run(receiver, self.sender.clone()));
            jobs
        });
        let sent = jobs.try_send(job);
        assert!(
            sent.is_ok() || self.receiver.is_closed(),
            "an idle lane has room for a batch"
        );
    }

    /// Gives the DDL lane its next transaction. `transformer` is for its own use.
    pub(crate) fn send_ddl(&mut self, job: DdlJob, transformer: impl FnOnce() -> Transformer) {
        let jobs = self.ddl.get_or_insert_with(|| {
            let (jobs, receiver) = mpsc::channel(1);
            let task = DdlLane {
                context: self.context.clone(),
                transformer: transformer(),
                session: None,
            };
            self.running.spawn(task.run(receiver, self.sender.clone()));
            jobs
        });
        let sent = jobs.try_send(job);
        assert!(
            sent.is_ok() || self.receiver.is_closed(),
            "the idle DDL lane has room"
        );
    }

    /// What a lane has said already.
    pub(crate) fn try_next(&mut self) -> Option<Ended> {
        self.receiver.try_recv().ok()
    }

    /// Waits for the next thing that a lane has to say.
    pub(crate) async fn next(&mut self) -> Ended {
        loop {
            tokio::select! {
                Some(ended) = self.receiver.recv() => return ended,
                Some(ended) = self.running.join_next() => {
                    if let Err(panic) = ended {
                        let error = DmError::new(&codes::SYNCER_UNIT_PANIC, "a lane ended by a bug; the worker's log has the place").with_cause(panic);
                        return Ended::Stopped(Stop::Definite(error));
                    }
                }
            }
        }
    }

    /// Ends all lanes: what is on its way may finish within a bound.
    pub(crate) async fn end(mut self) {
        self.jobs.clear();
        self.ddl = None;
        let ended = tokio::time::timeout(END_WITHIN, async {
            while self.running.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            self.running.shutdown().await;
        }
    }
}

/// One lane's task.
struct DataLane {
    context: LaneContext,
    lane: usize,
    number: i32,
    session: Option<Lane>,
}

impl DataLane {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>, ended: mpsc::Sender<Ended>) {
        while let Some(job) = next_job(&mut jobs, &mut self.session, &self.context.control).await {
            let said = self.commit(job).await.unwrap_or_else(Ended::Stopped);
            if ended.send(said).await.is_err() {
                return;
            }
        }
    }

    async fn commit(&mut self, job: Job) -> Result<Ended, Stop> {
        let Job { batch, progress } = job;
        let session = opened(&mut self.session, &self.context, self.number).await?;
        let started = Instant::now();
        let mode = self.context.on_row_mismatch;
        match commit(session, &batch.transactions, &[], &progress, mode).await? {
            Ok(mismatches) => Ok(Ended::Committed {
                lane: self.lane,
                committed: LaneCommit {
                    rows: batch.rows(),
                    bytes: batch.bytes(),
                    mismatches,
                    took: started.elapsed(),
                },
            }),
            Err((table, error)) => Ok(Ended::Refused {
                lane: self.lane,
                batch,
                table,
                error,
            }),
        }
    }
}

/// The task of the lane that DDLs are sent on.
struct DdlLane {
    context: LaneContext,
    transformer: Transformer,
    session: Option<Lane>,
}

impl DdlLane {
    async fn run(mut self, mut jobs: mpsc::Receiver<DdlJob>, ended: mpsc::Sender<Ended>) {
        while let Some(job) = next_job(&mut jobs, &mut self.session, &self.context.control).await {
            let said = self.carry_out(job).await.unwrap_or_else(Ended::Stopped);
            if ended.send(said).await.is_err() {
                return;
            }
        }
    }

    async fn carry_out(&mut self, job: DdlJob) -> Result<Ended, Stop> {
        let number = self.context.base + DDL_LANE;
        opened(&mut self.session, &self.context, number).await?;
        let Some(session) = self.session.take() else {
            return Ok(Ended::Ddl {
                job,
                outcome: Ok(LaneCommit::default()),
                unfinished: Vec::new(),
            });
        };
        let started = Instant::now();
        let mut applier = Applier::for_ddl(session, &self.context);
        let carried = applier
            .carry_out_all(&job.id, &job.changes, &self.transformer)
            .await;
        let refused = match carried {
            Ok(()) => None,
            Err(RefusedDdl {
                fault: DdlFault::Stop(stop),
                ..
            }) => return Err(stop),
            Err(RefusedDdl {
                index,
                fault: DdlFault::Refused(error),
            }) => Some(DdlRefusal::Statement { index, error }),
        };
        let mut rows: Vec<Keyed> = Vec::new();
        let refused = match (refused, &job.routed) {
            (None, Some(routed)) if !routed.items.is_empty() => {
                match applier.key(routed.clone()).await {
                    Ok(keyed) => {
                        rows.push(keyed);
                        None
                    }
                    Err(fault) => {
                        let (tables, error) = fault_tables(fault)?;
                        Some(DdlRefusal::Rows { tables, error })
                    }
                }
            }
            (refused, _) => refused,
        };
        let mut session = applier.into_lane();
        if let Some(refusal) = refused {
            let unfinished = session.progress().unfinished.clone();
            self.session = Some(session);
            let outcome = Err(refusal);
            return Ok(Ended::Ddl {
                job,
                outcome,
                unfinished,
            });
        }
        let progress = Progress {
            at: job.progress.at.clone(),
            beyond: job.progress.beyond.clone(),
            intent: None,
            ..session.progress().clone()
        };
        let mode = self.context.on_row_mismatch;
        let committed = commit(&mut session, &rows, &job.edits, &progress, mode).await?;
        let unfinished = session.progress().unfinished.clone();
        self.session = Some(session);
        let outcome = match committed {
            Ok(mismatches) => Ok(LaneCommit {
                rows: rows.iter().map(|keyed| keyed.rows as u64).sum(),
                bytes: rows.iter().map(|keyed| keyed.bytes as u64).sum(),
                mismatches,
                took: started.elapsed(),
            }),
            Err((table, error)) => Err(DdlRefusal::Rows {
                tables: vec![table],
                error,
            }),
        };
        Ok(Ended::Ddl {
            job,
            outcome,
            unfinished,
        })
    }
}

/// Waits for a job; meanwhile an idle session is kept from its idle limit.
async fn next_job<T>(
    jobs: &mut mpsc::Receiver<T>,
    session: &mut Option<Lane>,
    control: &Control,
) -> Option<T> {
    loop {
        let idle = tokio::time::timeout(control.keep_alive(), jobs.recv());
        match idle.await {
            Ok(job) => return job,
            Err(_) => {
                if let Some(session) = session {
                    session.keep_alive().await;
                }
            }
        }
    }
}

async fn opened<'a>(
    session: &'a mut Option<Lane>,
    context: &LaneContext,
    number: i32,
) -> Result<&'a mut Lane, Stop> {
    match session {
        Some(session) => Ok(session),
        None => {
            let opened =
                Lane::open(&context.target, &context.tables, &context.control, number).await?;
            Ok(session.insert(opened))
        }
    }
}

/// Encodes and commits a batch; what does not find what it should is tried again row by row. The inner error is a row that the target
/// refuses, with its table; else how many changes did not find their row.
async fn commit(
    session: &mut Lane,
    batch: &[Keyed],
    edits: &[String],
    progress: &Progress,
    mode: OnRowMismatch,
) -> Result<Result<u64, (TableName, DmError)>, Stop> {
    let options = Options {
        is_mariadb: session.server().kind == ServerKind::Mariadb,
        repair: mode == OnRowMismatch::Repair,
    };
    let mut careful = Careful::default();
    loop {
        let encoded = encode(batch, &options, &careful);
        let mut statements = encoded.texts();
        statements.extend(edits.iter().map(String::as_str));
        let verdict = Mutex::new(Verdict::Commit(Vec::new()));
        let wanted = |found: &[u64]| {
            let judged = encoded.judge(found, &careful, mode);
            let commits = matches!(judged, Verdict::Commit(_));
            *verdict.lock().unwrap_or_else(PoisonError::into_inner) = judged;
            commits
        };
        let ended = session.commit_if(&statements, progress, &wanted).await;
        let judged = verdict.into_inner().unwrap_or_else(PoisonError::into_inner);
        let judged = match ended {
            Ok(_) => {
                let missed = match judged {
                    Verdict::Commit(missed) => missed,
                    Verdict::Again(_) | Verdict::Stop(..) => Vec::new(),
                };
                mismatches::record(session.control(), &missed, batch);
                return Ok(Ok(missed.len() as u64));
            }
            Err(LaneError::Unwanted) => judged,
            Err(LaneError::Statement { index, error }) => encoded
                .refused(index, error.clone(), &careful, mode)
                .ok_or_else(|| Stop::Definite(error.annotate("writing progress")))?,
            Err(refused) => return Err(refused.into_stop("applying a batch")),
        };
        match judged {
            Verdict::Again(more) => careful = more,
            Verdict::Stop(table, error) => {
                let first = batch.first().map(|first| first.id.to_string());
                let error = error.annotate(format!(
                    "in a batch that starts at {}",
                    first.unwrap_or_default()
                ));
                return Ok(Err((table, error)));
            }
            Verdict::Commit(_) => {
                return Err(Stop::Definite(DmError::new(
                    &codes::META_DAMAGED,
                    "a batch was rolled back that should have been committed",
                )));
            }
        }
    }
}
