//! What is said on a replication connection: a few statements, the registration, the dump.

use std::time::Duration;

use bytes::Bytes;
use dm_model::{DbConfig, DmError, GtidSet};
use mysql_async::Error;
use mysql_common::{
    packets::{BinlogDumpFlags, ComBinlogDump, ComBinlogDumpGtid, ComRegisterSlave, Sid},
    proto::MySerialize,
};

use super::{
    login::{ANSWER_WITHIN, EOF, ERROR, OK, io_error, log_in, server_error},
    packets::Packets,
};

/// COM_QUERY.
const QUERY: u8 = 0x03;
/// An EOF packet is shorter than this; a longer one is a row.
const EOF_BYTES_MAX: usize = 9;
/// Length-encoded NULL.
const NULL: u8 = 0xfb;

/// Where a dump begins.
#[derive(Clone, Debug)]
pub(crate) enum Dump {
    /// Everything that is not in the set (MySQL).
    AfterSet(GtidSet),
    /// After the set in `@slave_connect_state` (MariaDB), or at a place.
    At { file: String, offset: u32 },
}

/// A session that will carry a binlog stream.
pub(crate) struct Connection {
    packets: Packets,
    version: String,
}

impl Connection {
    /// Connects and logs in. Errors name the address.
    pub(crate) async fn open(config: &DbConfig) -> Result<Self, DmError> {
        let logged_in = log_in(config).await?;
        Ok(Self {
            packets: logged_in.packets,
            version: logged_in.version,
        })
    }

    /// The version that the server greeted with.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Runs a statement; its first row as text, if it gives rows.
    pub(crate) async fn query(&mut self, text: &str) -> Result<Option<Vec<Option<String>>>, Error> {
        let mut command = vec![QUERY];
        command.extend_from_slice(text.as_bytes());
        self.command(&command).await?;
        let answer = self.answer().await?;
        if answer.first() == Some(&OK) {
            return Ok(None);
        }
        let columns = answer.first().copied().map_or(0, usize::from);
        for _ in 0..columns {
            self.answer().await?;
        }
        let mut row = None;
        // An EOF before the rows and one after them.
        for _ in 0..2 {
            loop {
                let packet = self.answer().await?;
                if is_eof(&packet) {
                    break;
                }
                row.get_or_insert(values(&packet)?);
            }
        }
        Ok(row)
    }

    async fn command(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.packets.restart();
        self.packets.write(payload).await.map_err(io_error)
    }

    async fn answer(&mut self) -> Result<Bytes, Error> {
        let packet = self.packets.read(ANSWER_WITHIN).await.map_err(io_error)?;
        match packet.first() {
            Some(&ERROR) => Err(server_error(&packet)),
            Some(_) => Ok(packet),
            None => Err(io_error(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "an empty packet where an answer was due",
            ))),
        }
    }

    /// Registers as a replica and asks for the stream.
    ///
    /// `annotate`: MariaDB sends the statement behind rows too; on MySQL this bit means something else.
    pub(crate) async fn dump(
        &mut self,
        server_id: u32,
        dump: &Dump,
        annotate: bool,
    ) -> Result<(), Error> {
        let mut command = Vec::new();
        ComRegisterSlave::new(server_id).serialize(&mut command);
        self.command(&command).await?;
        self.answer().await?;
        command.clear();
        match dump {
            Dump::AfterSet(set) => {
                let sids = set
                    .elements()
                    .iter()
                    .map(|element| element.parse::<Sid<'_>>())
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(io_error)?;
                ComBinlogDumpGtid::new(server_id)
                    .with_pos(4)
                    .with_flags(BinlogDumpFlags::BINLOG_THROUGH_GTID)
                    .with_sids(sids)
                    .serialize(&mut command);
            }
            Dump::At { file, offset } => {
                let mut flags = BinlogDumpFlags::empty();
                if annotate {
                    flags |= BinlogDumpFlags::from_bits_retain(ANNOTATE);
                }
                ComBinlogDump::new(server_id)
                    .with_pos(*offset)
                    .with_flags(flags)
                    .with_filename(file.as_bytes())
                    .serialize(&mut command);
            }
        }
        self.command(&command).await
    }

    /// The next event, checksum included; `None` when the server ended the stream. May be cancelled and called again.
    pub(crate) async fn event(&mut self, within: Duration) -> Result<Option<Bytes>, Error> {
        let mut packet = self.packets.read(within).await.map_err(io_error)?;
        match packet.first() {
            Some(&OK) => Ok(Some(packet.split_off(1))),
            Some(&ERROR) => Err(server_error(&packet)),
            _ if is_eof(&packet) => Ok(None),
            _ => Err(io_error(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "a packet in the binlog stream is neither an event nor an end",
            ))),
        }
    }
}

/// MariaDB's dump flag for annotate events.
const ANNOTATE: u16 = 2;

fn is_eof(packet: &[u8]) -> bool {
    packet.first() == Some(&EOF) && packet.len() < EOF_BYTES_MAX
}

/// A row of the text protocol.
fn values(packet: &[u8]) -> Result<Vec<Option<String>>, Error> {
    let damaged = || {
        io_error(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "a row is cut off",
        ))
    };
    let mut rest = packet;
    let mut values = Vec::new();
    while let Some((&first, tail)) = rest.split_first() {
        if first == NULL {
            values.push(None);
            rest = tail;
            continue;
        }
        let (width, tail) = match first {
            0xfc => (2, tail),
            0xfd => (3, tail),
            0xfe => (8, tail),
            _ => (0, tail),
        };
        let (length, tail) = tail.split_at_checked(width).ok_or_else(damaged)?;
        let length = match width {
            0 => u64::from(first),
            _ => length
                .iter()
                .rev()
                .fold(0, |value, byte| (value << 8) | u64::from(*byte)),
        };
        let length = usize::try_from(length).map_err(|_| damaged())?;
        let (value, tail) = tail.split_at_checked(length).ok_or_else(damaged)?;
        values.push(Some(String::from_utf8_lossy(value).into_owned()));
        rest = tail;
    }
    Ok(values)
}
