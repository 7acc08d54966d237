//! Packets of the client/server protocol: three bytes of length, a sequence number, the payload; a payload of 2²⁴−1 bytes goes on in
//! the next packet.

use std::{io, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// A payload of this length is followed by another packet.
const PACKET_BYTES_FULL: usize = 0xff_ffff;
/// Read from the socket at once: many small packets per system call.
const READ_BYTES: usize = 256 << 10;
/// Larger packets are put together beside the read buffer.
const SMALL_BYTES: usize = 64 << 10;
/// Largest payload: an event is at most 1 GiB on the server, a rows event may have two images.
const PAYLOAD_BYTES_MAX: usize = (2 << 30) + 4_096;

/// What a connection runs over.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// Reads and writes payloads.
pub(super) struct Packets {
    transport: Box<dyn Transport>,
    sequence: u8,
    inbound: BytesMut,
    /// The payload that is being put together, and what its current packet still lacks.
    whole: BytesMut,
    missing: Option<usize>,
    /// The packet before was full: the next one goes on with its payload.
    goes_on: bool,
}

impl Packets {
    pub(super) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            sequence: 0,
            inbound: BytesMut::new(),
            whole: BytesMut::new(),
            missing: None,
            goes_on: false,
        }
    }

    /// Puts another transport below, for TLS; nothing may be in flight.
    pub(super) fn into_transport(self) -> (Box<dyn Transport>, u8) {
        (self.transport, self.sequence)
    }

    /// Goes on with the numbering of the plain connection.
    pub(super) fn resume(transport: Box<dyn Transport>, sequence: u8) -> Self {
        Self {
            sequence,
            ..Self::new(transport)
        }
    }

    /// A command begins a new numbering.
    pub(super) fn restart(&mut self) {
        self.sequence = 0;
    }

    /// The next payload. `within` bounds silence, not the whole payload: a large one on a slow line makes progress.
    ///
    /// May be cancelled and called again.
    pub(super) async fn read(&mut self, within: Duration) -> io::Result<Bytes> {
        loop {
            if let Some(payload) = self.take()? {
                return Ok(payload);
            }
            self.inbound.reserve(READ_BYTES);
            let read = timeout(within, self.transport.read_buf(&mut self.inbound)).await;
            match read {
                Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        format!("nothing came for {within:?}"),
                    ));
                }
            }
        }
    }

    /// A payload from what is in the buffer.
    fn take(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(missing) = self.missing {
                let here = missing.min(self.inbound.len());
                self.whole.extend_from_slice(&self.inbound.split_to(here));
                if here < missing {
                    self.missing = Some(missing - here);
                    return Ok(None);
                }
                self.missing = None;
                if !self.goes_on {
                    return Ok(Some(std::mem::take(&mut self.whole).freeze()));
                }
            }
            let Some([a, b, c, number]) = self.inbound.first_chunk::<4>().copied() else {
                return Ok(None);
            };
            let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
            let full = length == PACKET_BYTES_FULL;
            if !self.goes_on && length <= SMALL_BYTES {
                if self.inbound.len() < 4 + length {
                    return Ok(None);
                }
                self.count(number)?;
                self.inbound.advance(4);
                return Ok(Some(self.inbound.split_to(length).freeze()));
            }
            self.count(number)?;
            self.inbound.advance(4);
            if self.whole.len() + length > PAYLOAD_BYTES_MAX {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("a packet of over {PAYLOAD_BYTES_MAX} bytes"),
                ));
            }
            self.goes_on = full;
            self.missing = Some(length);
        }
    }

    fn count(&mut self, number: u8) -> io::Result<()> {
        if number != self.sequence {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("packet {number} came instead of {}", self.sequence),
            ));
        }
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }

    /// Sends a payload.
    pub(super) async fn write(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut packets = Vec::with_capacity(payload.len() + 8);
        let mut rest = payload;
        loop {
            let (chunk, tail) = rest.split_at(rest.len().min(PACKET_BYTES_FULL));
            let [a, b, c, ..] = (chunk.len() as u32).to_le_bytes();
            packets.extend_from_slice(&[a, b, c, self.sequence]);
            packets.extend_from_slice(chunk);
            self.sequence = self.sequence.wrapping_add(1);
            rest = tail;
            if chunk.len() < PACKET_BYTES_FULL {
                break;
            }
        }
        self.transport.write_all(&packets).await?;
        self.transport.flush().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(5);

    async fn sent(payload: Vec<u8>, pieces: usize) -> io::Result<Bytes> {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let mut writer = Packets::new(Box::new(tokio::io::duplex(1).0));
        let mut packets = Vec::new();
        // The framing of `write`, into memory.
        {
            let (a, mut b) = tokio::io::duplex(64 << 20);
            writer.transport = Box::new(a);
            writer.write(&payload).await?;
            drop(writer);
            b.read_to_end(&mut packets).await?;
        }
        tokio::spawn(async move {
            for piece in packets.chunks(packets.len().div_ceil(pieces)) {
                if far.write_all(piece).await.is_err() {
                    return;
                }
            }
        });
        Packets::new(Box::new(near)).read(SECOND).await
    }

    #[tokio::test]
    async fn payloads_around_the_packet_limit_come_whole() {
        for length in [
            0,
            1,
            SMALL_BYTES,
            SMALL_BYTES + 1,
            PACKET_BYTES_FULL - 1,
            PACKET_BYTES_FULL,
            PACKET_BYTES_FULL + 1,
            2 * PACKET_BYTES_FULL,
        ] {
            let payload: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            for pieces in [1, 3] {
                assert!(
                    sent(payload.clone(), pieces).await.unwrap() == payload,
                    "{length} bytes in {pieces} pieces"
                );
            }
        }
    }

    #[tokio::test]
    async fn silence_ends_a_read_and_progress_does_not() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut packets = Packets::new(Box::new(near));
        let silent = packets.read(Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
        let slow = tokio::spawn(async move {
            far.write_all(&[8, 0, 0, 0]).await.unwrap();
            for byte in 0..8 {
                tokio::time::sleep(Duration::from_millis(150)).await;
                far.write_all(&[byte]).await.unwrap();
            }
            far
        });
        // Eight pieces take longer than the bound that each of them keeps.
        let payload = packets.read(Duration::from_millis(900)).await.unwrap();
        assert_eq!(&payload[..], &[0, 1, 2, 3, 4, 5, 6, 7]);
        drop(slow.await.unwrap());
    }

    #[tokio::test]
    async fn packets_out_of_order_are_refused() {
        let (near, mut far) = tokio::io::duplex(64);
        far.write_all(&[1, 0, 0, 0, 7, 1, 0, 0, 2, 7])
            .await
            .unwrap();
        let mut packets = Packets::new(Box::new(near));
        packets.read(SECOND).await.unwrap();
        let error = packets.read(SECOND).await.unwrap_err();
        assert!(error.to_string().contains("packet 2"), "{error}");
    }
}
