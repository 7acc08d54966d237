//! Reads the stream in a task of its own, so that a slow commit does not stop reading until the queue is full.
//!
//! A lost connection is opened again from the last whole transaction, which is read once more and compared (R2): a source that lost
//! it in a crash and gave its name to another one stops here. XA transactions that are prepared and not decided move the start back
//! to before the oldest of them (R3); what was dealt with already is left out again.

use std::{sync::Arc, time::Duration};

use dm_model::{DmError, Position, codes, error::Kind};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::Instant,
};
use tracing::{info, warn};

use crate::{
    database::ServerIdentity,
    relay::RelayReader,
    sync::{
        backoff::Backoff,
        decode::{Assembler, Receipt, Step, Transaction, Undecided},
        meta::Progress,
        upstream::{Incoming, Stream, Upstream},
    },
};

/// Transactions on their way from the reader to the applier.
const QUEUE_TRANSACTIONS: usize = 2_000;
/// Bytes of them. A larger transaction travels alone.
const QUEUE_BYTES: usize = 16 << 20;
/// What an empty transaction counts for.
const TRANSACTION_BYTES_MIN: usize = 256;
/// A transaction larger than this travels in parts.
pub(super) const PART_BYTES: usize = 512 << 20;
/// A source that stays away for longer is the subtask's to report and to try again.
const RECONNECT_FOR: Duration = Duration::from_secs(20);

/// What the reader sends.
#[derive(Debug)]
pub(super) enum Read {
    /// A transaction and its share of the queue's bytes.
    Transaction(
        Transaction,
        #[allow(dead_code, reason = "held until the transaction is dealt with")]
        OwnedSemaphorePermit,
    ),
    /// The source is idle.
    Idle,
    /// The stream ended.
    Failed(DmError),
}

/// Where a reader begins, and what it has to recognise there.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// Everything up to here is dealt with.
    at: Position,
    /// The last transaction up to `at`; `None` if it is not known, then it can't be verified.
    last: Option<Receipt>,
    /// XA transactions prepared up to `at` and not decided.
    undecided: Arc<Vec<Undecided>>,
}

impl Start {
    /// After a position of which nothing else is known.
    pub(super) fn at(at: Position) -> Self {
        Self {
            at,
            last: None,
            undecided: Arc::default(),
        }
    }

    /// As progress says. `None`: the subtask is not set up.
    pub(super) fn of(progress: &Progress) -> Option<Self> {
        Some(Self {
            last: progress.last.clone(),
            undecided: Arc::new(progress.undecided.clone()),
            ..Self::at(progress.at.clone()?)
        })
    }

    /// Where to begin reading so that the last transaction and the undecided ones come again.
    fn rewound(&self) -> Position {
        if let Some(oldest) = self.undecided.first() {
            return oldest.before.clone();
        }
        let mut at = self.at.clone();
        if let Some(last) = &self.last {
            at.binlog.clone_from(&last.begin);
            at.gtid = match (&at.gtid, &last.id.gtid) {
                (Some(set), Some(gtid)) => Some(set.without(gtid, last.previous.as_ref())),
                (set, _) => set.clone(),
            };
        }
        at
    }

    /// Goes on after a transaction.
    fn advance(&mut self, transaction: &Transaction) {
        self.at.advance(&transaction.id);
        self.last.clone_from(&transaction.mark.receipt);
        self.undecided = transaction.mark.undecided.clone();
    }
}

/// Reads from `start` on until the receiver is gone or the stream fails for good.
pub(super) async fn read(
    upstream: Upstream,
    start: Start,
    reader: String,
    sender: mpsc::Sender<Read>,
) {
    let mut reader = Reader {
        upstream,
        start,
        name: reader,
        sender,
        bytes: Arc::new(Semaphore::new(QUEUE_BYTES)),
        backoff: Backoff::new(),
        lost_since: None,
        relay_works: true,
    };
    if let Err(error) = reader.run().await {
        let _applier_gone = reader.sender.send(Read::Failed(error)).await;
    }
}

/// The queue of a reader.
pub(super) fn queue() -> (mpsc::Sender<Read>, mpsc::Receiver<Read>) {
    mpsc::channel(QUEUE_TRANSACTIONS)
}

struct Reader {
    upstream: Upstream,
    start: Start,
    name: String,
    sender: mpsc::Sender<Read>,
    bytes: Arc<Semaphore>,
    backoff: Backoff,
    lost_since: Option<Instant>,
    relay_works: bool,
}

/// Where events come from.
enum Input {
    Source(Box<Stream>),
    Relay(Box<RelayReader>),
}

impl Input {
    /// May be cancelled and called again.
    async fn next(&mut self) -> Result<Incoming, DmError> {
        match self {
            Self::Source(stream) => stream.next().await,
            Self::Relay(reader) => reader.next().await,
        }
    }
}

/// How a session ended otherwise than by an error.
struct ReceiverGone;

impl Reader {
    async fn run(&mut self) -> Result<(), DmError> {
        loop {
            let mut inside = false;
            let error = match self.session(&mut inside).await {
                Ok(ReceiverGone) => return Ok(()),
                Err(error) => error,
            };
            if error.code == codes::POSITION_PURGED.code
                && self.start.undecided.is_empty()
                && let Some(last) = self.start.last.take()
            {
                warn!(last = %last.id, %error, "the last transaction is not in the source's binlog any more: what follows it cannot be verified");
                continue;
            }
            self.relay_works &= error.code != codes::RELAY_READ_FAILED.code;
            let since = *self.lost_since.get_or_insert_with(Instant::now);
            // Half a transaction is with the receiver: only its durable progress says where to go on.
            if inside || error.kind != Kind::Transient || since.elapsed() > RECONNECT_FOR {
                return Err(error);
            }
            info!(reader = self.name, %error, after = %self.start.at, "opening the stream again");
            tokio::select! {
                () = tokio::time::sleep(self.backoff.step()) => {}
                () = self.sender.closed() => return Ok(()),
            }
        }
    }

    /// The relay log where it has what is wanted, else the source.
    async fn open(&self, from: &Position) -> Result<(Input, ServerIdentity, Position), DmError> {
        if let Some(relay) = self.upstream.relay().filter(|_| self.relay_works)
            && let Some((reader, server, starts)) = RelayReader::open(relay, from).await?
        {
            info!(reader = self.name, from = %starts, "reading from the relay log");
            return Ok((Input::Relay(Box::new(reader)), server, starts));
        }
        let (stream, server, starts) =
            Stream::open(&self.upstream, from, &self.start.at, &self.name).await?;
        Ok((Input::Source(Box::new(stream)), server, starts))
    }

    /// Reads over one connection.
    async fn session(&mut self, inside: &mut bool) -> Result<ReceiverGone, DmError> {
        let from = self.start.rewound();
        let (mut input, server, starts) = self.open(&from).await?;
        let mut again = Again::new(&self.start, matches!(input, Input::Relay(_)));
        let mut assembler = Assembler::new(server.flavor(), server.number, starts, PART_BYTES);
        assembler.known_up_to(self.start.at.clone());
        self.start.at.server.clone_from(&server.uuid);
        loop {
            let incoming = tokio::select! {
                incoming = input.next() => incoming?,
                () = self.sender.closed() => return Ok(ReceiverGone),
            };
            match incoming {
                Incoming::Event(event) => assembler.push(&event)?,
                Incoming::File(place) => assembler.jump(place)?,
                Incoming::Idle => {
                    if self.sender.send(Read::Idle).await.is_err() {
                        return Ok(ReceiverGone);
                    }
                    continue;
                }
            }
            while let Some(step) = assembler.next()? {
                (self.lost_since, self.backoff) = (None, Backoff::new());
                let read = match step {
                    Step::Idle => Read::Idle,
                    Step::Transaction(transaction) => {
                        if again.is_known(&transaction)? {
                            continue;
                        }
                        if transaction.part.last {
                            self.start.advance(&transaction);
                        }
                        *inside = !transaction.part.last;
                        let size = transaction.bytes.clamp(TRANSACTION_BYTES_MIN, QUEUE_BYTES);
                        let size = u32::try_from(size).unwrap_or(u32::MAX);
                        let Ok(permit) = self.bytes.clone().acquire_many_owned(size).await else {
                            return Ok(ReceiverGone);
                        };
                        Read::Transaction(*transaction, permit)
                    }
                };
                if self.sender.send(read).await.is_err() {
                    return Ok(ReceiverGone);
                }
            }
        }
    }
}

/// Recognises what comes again after a stream was opened.
struct Again {
    known: Position,
    /// Has to come before anything new (R2).
    expected: Option<Receipt>,
    /// Nothing new has come yet.
    rewound: bool,
    /// Whole files come, in the order of whoever wrote them: known transactions may stand between new ones.
    whole_files: bool,
}

impl Again {
    fn new(start: &Start, whole_files: bool) -> Self {
        Self {
            known: start.at.clone(),
            expected: start.last.clone(),
            rewound: true,
            whole_files: whole_files && start.at.gtid.is_some(),
        }
    }

    /// Whether the transaction was dealt with before. An error if it is not the one that was.
    fn is_known(&mut self, transaction: &Transaction) -> Result<bool, DmError> {
        if !self.rewound {
            if self.whole_files {
                return Ok(self.known.covers(&transaction.id));
            }
            if self.known.gtid.is_some() && self.known.covers(&transaction.id) {
                return Err(lineage(format!(
                    "the source sends {} again, which is part of {}",
                    transaction.id, self.known
                )));
            }
            return Ok(false);
        }
        let known = self.known.covers(&transaction.id);
        let Some(expected) = &self.expected else {
            self.rewound = known;
            return Ok(known);
        };
        if !transaction.part.last && known {
            return Ok(true);
        }
        let same_name = match (&expected.id.gtid, &transaction.id.gtid) {
            (Some(expected), Some(found)) => expected == found,
            _ => expected.id.end == transaction.id.end,
        };
        if same_name {
            let found = transaction.part.digest;
            if found.shape != expected.digest.shape {
                warn!(id = %expected.id, "the source writes rows in another form than before: the last transaction cannot be verified");
            } else if found.data != expected.digest.data {
                return Err(lineage(format!(
                    "the source has another transaction under the name {} than the one that this task has applied",
                    expected.id
                )));
            }
            self.expected = None;
            return Ok(true);
        }
        let in_its_place = transaction.id.gtid.is_none()
            && transaction.part.begin.file == expected.begin.file
            && transaction.part.begin.offset >= expected.begin.offset;
        if known && !in_its_place {
            return Ok(true);
        }
        if self.whole_files {
            self.rewound = false;
            return Ok(known);
        }
        Err(lineage(format!(
            "the source sends {} without {}, which this task has applied",
            transaction.id, expected.id
        )))
    }
}

fn lineage(message: String) -> DmError {
    DmError::new(&codes::LINEAGE_MISMATCH, message).with_workaround("the source lost transactions, probably in a crash: load the tables again with start-task --remove-meta after emptying the target tables")
}
