//! The thread that owns the relay's newest file: appends, syncs, tells how far it is.

use std::{
    fs::{File, OpenOptions},
    io,
    io::{Seek, SeekFrom, Write},
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use dm_model::{DmError, codes, error::Kind};
use tokio::sync::watch;

use super::{
    layout::{Layout, MAGIC, SubFolder},
    meta::Meta,
    positions::{Appended, Durable, Place},
};

/// Unsynced bytes after which the file is synced.
const SYNC_BYTES: u64 = 4 << 20;
/// Age of the oldest unsynced byte after which it is.
const SYNC_AFTER: Duration = Duration::from_millis(50);
/// Bytes between two notes of a transaction end: what recovery scans at most.
const META_BYTES: u64 = 64 << 20;
/// Pause between two tries to write to a full disk.
const FULL_PAUSE: Duration = Duration::from_millis(500);
/// Jobs on their way to the thread; each append is at most a few reads of the connection.
const JOBS_MAX: usize = 16;

/// Locked while somebody writes.
const LOCK: &str = "lock";

/// What the thread is told.
pub(super) enum Job {
    /// Goes on in this file at this length; at 0 it is made.
    Open {
        folder: SubFolder,
        file: String,
        sequence: u64,
        at: u64,
    },
    Append(Vec<u8>),
    /// A transaction ends here, with this set. Noted durably now and then.
    End(Meta),
    /// Syncs and answers.
    Sync(tokio::sync::oneshot::Sender<()>),
}

/// How far the thread is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub(super) appended: Appended,
    pub(super) durable: Durable,
    /// Why it cannot write at the moment.
    pub(super) trouble: Option<DmError>,
}

/// Starts the thread. It ends when the sender is gone, after a last sync.
pub(super) fn start(layout: Layout) -> (mpsc::SyncSender<Job>, watch::Receiver<Progress>) {
    let (jobs, receiver) = mpsc::sync_channel(JOBS_MAX);
    let (progress, published) = watch::channel(Progress::default());
    let name = "relay-writer".to_owned();
    let body = move || Writer::new(layout, progress).run(&receiver);
    if let Err(error) = thread::Builder::new().name(name).spawn(body) {
        tracing::error!(%error, "the thread of a relay log cannot be started");
    }
    (jobs, published)
}

struct Writer {
    layout: Layout,
    progress: watch::Sender<Progress>,
    open: Option<Open>,
    meta: Option<Meta>,
    since_meta: u64,
}

struct Open {
    file: File,
    folder: PathBuf,
    at: Appended,
    unsynced: u64,
    oldest: Option<Instant>,
}

impl Writer {
    fn new(layout: Layout, progress: watch::Sender<Progress>) -> Self {
        Self {
            layout,
            progress,
            open: None,
            meta: None,
            since_meta: 0,
        }
    }

    fn run(&mut self, jobs: &mpsc::Receiver<Job>) {
        let mut held = None;
        self.insist(|writer| {
            held = Some(writer.lock()?);
            Ok(())
        });
        // Until the thread ends.
        let _held = held;
        loop {
            let due = self.open.as_ref().and_then(|open| open.oldest);
            let job = match due {
                Some(oldest) => jobs.recv_timeout(SYNC_AFTER.saturating_sub(oldest.elapsed())),
                None => jobs
                    .recv()
                    .map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            };
            match job {
                Ok(job) => self.job(job),
                Err(mpsc::RecvTimeoutError::Timeout) => self.insist(Self::sync),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    // Nobody waits any more: one try.
                    let _lost = self.sync().and_then(|()| self.note());
                    return;
                }
            }
        }
    }

    /// One writer for a folder: an earlier one of this process may still be writing its last bytes.
    fn lock(&self) -> io::Result<File> {
        std::fs::create_dir_all(self.layout.base())?;
        let file = File::create(self.layout.base().join(LOCK))?;
        file.try_lock()
            .map_err(|_| io::Error::other("another process keeps this relay log"))?;
        Ok(file)
    }

    fn job(&mut self, job: Job) {
        match job {
            Job::Open {
                folder,
                file,
                sequence,
                at,
            } => {
                self.insist(Self::sync);
                self.insist(Self::note);
                self.insist(|writer| writer.open(&folder, &file, sequence, at));
            }
            Job::Append(bytes) => {
                self.insist(|writer| writer.append(&bytes));
                let oldest = self.open.as_ref().and_then(|open| open.oldest);
                let much = self
                    .open
                    .as_ref()
                    .is_some_and(|open| open.unsynced >= SYNC_BYTES);
                if much || oldest.is_some_and(|oldest| oldest.elapsed() >= SYNC_AFTER) {
                    self.insist(Self::sync);
                }
            }
            Job::End(meta) => {
                self.meta = Some(meta);
                if self.since_meta >= META_BYTES {
                    self.insist(Self::sync);
                    self.insist(Self::note);
                }
            }
            Job::Sync(answer) => {
                self.insist(Self::sync);
                self.insist(Self::note);
                let _gone = answer.send(());
            }
        }
    }

    /// Tries until it works: a full disk is emptied by somebody, and meanwhile nothing is lost and nobody gets past it.
    fn insist(&mut self, mut what: impl FnMut(&mut Self) -> io::Result<()>) {
        let mut troubled = false;
        loop {
            let Err(error) = what(self) else {
                if troubled {
                    self.progress
                        .send_modify(|progress| progress.trouble = None);
                }
                return;
            };
            if !troubled {
                tracing::error!(%error, folder = %self.layout.base().display(), "the relay log cannot be written");
            }
            troubled = true;
            let trouble = trouble(&self.layout, &error);
            self.progress
                .send_modify(|progress| progress.trouble = Some(trouble));
            if self.progress.is_closed() {
                return;
            }
            thread::sleep(FULL_PAUSE);
        }
    }

    fn open(&mut self, folder: &SubFolder, name: &str, sequence: u64, at: u64) -> io::Result<()> {
        let path = self.layout.folder(folder);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(name))?;
        file.set_len(at)?;
        let at = if at == 0 {
            file.write_all(&MAGIC)?;
            file.sync_all()?;
            File::open(&path)?.sync_all()?;
            MAGIC.len() as u64
        } else {
            at
        };
        file.seek(SeekFrom::Start(at))?;
        let at = Appended(Place {
            suffix: folder.suffix,
            sequence,
            offset: at,
            folder: folder.name.clone(),
            file: name.to_owned(),
        });
        self.open = Some(Open {
            file,
            folder: path,
            at,
            unsynced: 1,
            oldest: Some(Instant::now()),
        });
        self.since_meta = META_BYTES;
        self.sync()
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(open) = self.open.as_mut() else {
            return Err(io::Error::other("no relay file is open"));
        };
        if let Err(error) = open.file.write_all(bytes) {
            // What was written of it must not stay: the next try begins at the same place.
            open.file.set_len(open.at.0.offset)?;
            open.file.seek(SeekFrom::Start(open.at.0.offset))?;
            return Err(error);
        }
        let length = bytes.len() as u64;
        open.at.0.offset += length;
        open.unsynced += length;
        open.oldest.get_or_insert_with(Instant::now);
        self.since_meta += length;
        let appended = open.at.clone();
        self.progress
            .send_modify(|progress| progress.appended = appended);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let Some(open) = self.open.as_mut() else {
            return Ok(());
        };
        if open.unsynced > 0 {
            // After a failed sync the kernel may have dropped the pages: what is not durable is not claimed, and the scan of
            // the next start decides.
            open.file.sync_data()?;
            open.unsynced = 0;
        }
        open.oldest = None;
        let durable = Durable::synced(&open.at);
        let appended = open.at.clone();
        self.progress.send_modify(|progress| {
            progress.appended = appended;
            progress.durable = durable;
        });
        Ok(())
    }

    /// Writes the newest transaction end down. Everything up to it is durable.
    fn note(&mut self) -> io::Result<()> {
        if let (Some(meta), Some(open)) = (&self.meta, &self.open)
            && open.unsynced == 0
        {
            meta.write(&open.folder)?;
            self.meta = None;
            self.since_meta = 0;
        }
        Ok(())
    }
}

fn trouble(layout: &Layout, error: &io::Error) -> DmError {
    let full =
        error.kind() == io::ErrorKind::StorageFull || error.kind() == io::ErrorKind::QuotaExceeded;
    let folder = layout.base().display();
    let message = if full {
        format!("the disk of the relay log {folder} is full")
    } else {
        format!("the relay log {folder} cannot be written")
    };
    DmError::new(&codes::RELAY_WRITE_FAILED, message)
        .with_kind(Kind::Transient)
        .with_cause(error)
        .with_workaround("free space (`purge-relay -s SOURCE -f FILE` deletes old relay files); it goes on by itself when there is room")
}
