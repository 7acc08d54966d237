//! Reads the stream in a task of its own, so that a slow commit does not stop reading until the queue is full.

use std::sync::Arc;

use dm_model::{DmError, Position};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::sync::{
    decode::{Assembler, Step, Transaction},
    upstream::{Stream, Upstream},
};

/// Transactions on their way from the reader to the applier.
const QUEUE_TRANSACTIONS: usize = 2_000;
/// Bytes of them. A larger transaction travels alone.
const QUEUE_BYTES: usize = 16 << 20;
/// What an empty transaction counts for.
const TRANSACTION_BYTES_MIN: usize = 256;

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

/// Reads from `from` on until the receiver is gone or the stream fails.
pub(super) async fn read(
    upstream: Upstream,
    from: Position,
    reader: String,
    sender: mpsc::Sender<Read>,
) {
    if let Err(error) = pump(&upstream, &from, &reader, &sender).await {
        let _applier_gone = sender.send(Read::Failed(error)).await;
    }
}

/// The queue of a reader.
pub(super) fn queue() -> (mpsc::Sender<Read>, mpsc::Receiver<Read>) {
    mpsc::channel(QUEUE_TRANSACTIONS)
}

async fn pump(
    upstream: &Upstream,
    from: &Position,
    reader: &str,
    sender: &mpsc::Sender<Read>,
) -> Result<(), DmError> {
    let bytes = Arc::new(Semaphore::new(QUEUE_BYTES));
    let (mut stream, server) = Stream::open(upstream, from, reader).await?;
    let mut assembler = Assembler::new(
        server.flavor(),
        server.number,
        upstream.uses_gtid(),
        &from.binlog.file,
    );
    loop {
        let event = tokio::select! {
            event = stream.next() => event?,
            () = sender.closed() => return Ok(()),
        };
        let read = match assembler.push(event)? {
            Step::More => continue,
            Step::Idle => Read::Idle,
            Step::Transaction(transaction) => {
                let size = transaction.bytes.clamp(TRANSACTION_BYTES_MIN, QUEUE_BYTES);
                let size = u32::try_from(size).unwrap_or(u32::MAX);
                let Ok(permit) = bytes.clone().acquire_many_owned(size).await else {
                    return Ok(());
                };
                Read::Transaction(transaction, permit)
            }
        };
        if sender.send(read).await.is_err() {
            return Ok(());
        }
    }
}
