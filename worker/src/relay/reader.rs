//! Reads events from a relay log, never beyond what is durable.

use std::{io, io::SeekFrom, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use dm_binlog::{HEADER_BYTES, Header};
use dm_model::{BinlogPosition, DmError, GtidSet, Position, codes, error::Kind};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
    sync::watch,
};

use super::{
    layout::{Layout, MAGIC, SubFolder},
    positions::Place,
    previous,
    relay::Relay,
    writer::Progress,
};
use crate::{
    database::ServerIdentity,
    sync::upstream::{Incoming, RawEvent},
};

/// Read at once.
const READ_BYTES: u64 = 256 << 10;
/// A reader that waits says so this often.
const IDLE: Duration = Duration::from_secs(1);
/// Offset of the first event.
const FIRST_EVENT: u64 = MAGIC.len() as u64;

/// One reader's place in a relay log.
pub(crate) struct RelayReader {
    relay: Arc<Relay>,
    progress: watch::Receiver<Progress>,
    folder: SubFolder,
    sequence: u64,
    name: String,
    file: File,
    /// Where the next read begins, and where the next event does.
    read_at: u64,
    at: u64,
    buffer: BytesMut,
    /// After the file's description, go on here.
    then: Option<u64>,
}

impl RelayReader {
    /// Opens the log where it has everything after `from`; `None` when it does not have that.
    ///
    /// The reader gives whole files: what the caller knows already comes again.
    pub(crate) async fn open(
        relay: &Arc<Relay>,
        from: &Position,
    ) -> Result<Option<(Self, ServerIdentity, Position)>, DmError> {
        let progress = relay.progress();
        if progress.has_changed().is_err() {
            return Ok(None);
        }
        let durable = progress.borrow().durable.place().clone();
        let (log, wanted) = (relay.clone(), from.clone());
        let found = tokio::task::spawn_blocking(move || find(&log, &wanted, &durable))
            .await
            .map_err(|error| failed(&io::Error::other(error)))?
            .map_err(|error| failed(&error))?;
        let Some((folder, sequence, name, offset, before)) = found else {
            return Ok(None);
        };
        let path = relay.layout().folder(&folder).join(&name);
        let version = previous::version(&path).map_err(|error| failed(&error))?;
        let server = ServerIdentity::of(version, 0, folder.uuid.clone());
        let file = File::open(path).await.map_err(|error| failed(&error))?;
        let starts = Position {
            gtid: before,
            binlog: BinlogPosition::new(name.clone(), offset),
            server: folder.uuid.clone(),
        };
        let mut reader = Self {
            relay: relay.clone(),
            progress,
            folder,
            sequence,
            name,
            file,
            read_at: 0,
            at: 0,
            buffer: BytesMut::new(),
            then: (offset > FIRST_EVENT).then_some(offset),
        };
        reader
            .seek(FIRST_EVENT)
            .await
            .map_err(|error| failed(&error))?;
        Ok(Some((reader, server, starts)))
    }

    /// The next event. May be cancelled and called again.
    pub(crate) async fn next(&mut self) -> Result<Incoming, DmError> {
        loop {
            if let Some(event) = self.buffered()? {
                if let Some(offset) = self.then.take() {
                    self.seek(offset).await.map_err(|error| failed(&error))?;
                }
                return Ok(Incoming::Event(RawEvent { bytes: event }));
            }
            let durable = self.progress.borrow_and_update().durable.place().clone();
            let limit = self.limit(&durable).await.map_err(|error| failed(&error))?;
            if self.read_at < limit {
                self.fill(limit).await.map_err(|error| failed(&error))?;
                continue;
            }
            if (durable.suffix, durable.sequence) > (self.folder.suffix, self.sequence) {
                // A file that another one follows ends between two events, whatever happened to its server.
                if !self.buffer.is_empty() {
                    return Err(torn(&self.name, self.at));
                }
                return self.next_file(&durable).await;
            }
            match tokio::time::timeout(IDLE, self.progress.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => {
                    return Err(DmError::new(
                        &codes::DB_BAD_CONN,
                        "the relay log is not kept any more",
                    ));
                }
                Err(_) => return Ok(Incoming::Idle),
            }
        }
    }

    /// How far the file may be read.
    async fn limit(&self, durable: &Place) -> io::Result<u64> {
        match (durable.suffix, durable.sequence).cmp(&(self.folder.suffix, self.sequence)) {
            std::cmp::Ordering::Less => Ok(0),
            std::cmp::Ordering::Equal => Ok(durable.offset),
            std::cmp::Ordering::Greater => Ok(self.file.metadata().await?.len()),
        }
    }

    fn buffered(&mut self) -> Result<Option<Bytes>, DmError> {
        if self.buffer.len() < HEADER_BYTES {
            return Ok(None);
        }
        let header = Header::read(&self.buffer).map_err(|_| torn(&self.name, self.at))?;
        let length = header.length as usize;
        if length < HEADER_BYTES {
            return Err(torn(&self.name, self.at));
        }
        if self.buffer.len() < length {
            return Ok(None);
        }
        self.at += length as u64;
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    async fn fill(&mut self, limit: u64) -> io::Result<()> {
        let want = (limit - self.read_at).min(READ_BYTES);
        self.buffer.reserve(usize::try_from(want).unwrap_or(0));
        let mut part = (&mut self.file).take(want);
        let read = part.read_buf(&mut self.buffer).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_at += read as u64;
        Ok(())
    }

    async fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset)).await?;
        self.buffer.clear();
        (self.read_at, self.at) = (offset, offset);
        Ok(())
    }

    async fn next_file(&mut self, durable: &Place) -> Result<Incoming, DmError> {
        let layout = self.relay.layout();
        let place = (self.folder.suffix, self.sequence);
        let next = next_of(layout, place, (durable.suffix, durable.sequence));
        let (folder, sequence, name) = next.map_err(|error| failed(&error))?.ok_or_else(|| {
            DmError::new(
                &codes::RELAY_READ_FAILED,
                format!("the relay log has no file after {}", self.name),
            )
        })?;
        if folder == self.folder && sequence != self.sequence + 1 {
            return Err(DmError::new(
                &codes::RELAY_READ_FAILED,
                format!(
                    "the relay log lacks the files between {} and {name}",
                    self.name
                ),
            ));
        }
        let path = layout.folder(&folder).join(&name);
        self.file = File::open(path).await.map_err(|error| failed(&error))?;
        (self.folder, self.sequence, self.name) = (folder, sequence, name);
        self.seek(FIRST_EVENT)
            .await
            .map_err(|error| failed(&error))?;
        Ok(Incoming::File(BinlogPosition::new(
            self.name.clone(),
            FIRST_EVENT,
        )))
    }
}

/// The file that follows a place, both by the numbers of folder and file.
fn next_of(
    layout: &Layout,
    place: (u32, u64),
    newest: (u32, u64),
) -> io::Result<Option<(SubFolder, u64, String)>> {
    for folder in layout.folders()? {
        for (sequence, name) in layout.files(&folder)? {
            let here = (folder.suffix, sequence);
            if here > place && here <= newest {
                return Ok(Some((folder, sequence, name)));
            }
        }
    }
    Ok(None)
}

/// Folder, number and name of the file, where to go on in it, and the set at that place.
type FoundFile = (SubFolder, u64, String, u64, Option<GtidSet>);

fn find(relay: &Relay, from: &Position, durable: &Place) -> io::Result<Option<FoundFile>> {
    let layout = relay.layout();
    let mut folders = layout.folders()?;
    folders.reverse();
    for folder in folders {
        let mut files = layout.files(&folder)?;
        files.reverse();
        for (sequence, name) in files {
            if (folder.suffix, sequence) > (durable.suffix, durable.sequence) {
                continue;
            }
            let Some(wanted) = &from.gtid else {
                let here = folder.uuid == from.server && name == from.binlog.file;
                let reached = (durable.suffix, durable.sequence) > (folder.suffix, sequence)
                    || durable.offset >= from.binlog.offset;
                if here && reached {
                    let offset = from.binlog.offset.max(FIRST_EVENT);
                    return Ok(Some((folder, sequence, name, offset, None)));
                }
                continue;
            };
            let previous = previous::of_file(&layout.folder(&folder).join(&name))?;
            if let Some(previous) = previous
                && wanted.is_superset(&previous)
            {
                return Ok(Some((folder, sequence, name, FIRST_EVENT, Some(previous))));
            }
        }
    }
    Ok(None)
}

fn failed(error: &io::Error) -> DmError {
    DmError::new(&codes::RELAY_READ_FAILED, "the relay log cannot be read")
        .with_kind(Kind::Transient)
        .with_cause(error)
}

fn torn(file: &str, at: u64) -> DmError {
    DmError::new(
        &codes::RELAY_READ_FAILED,
        format!("the relay file {file} is damaged at {at}"),
    )
    .with_kind(Kind::Transient)
}
