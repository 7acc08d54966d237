use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const BUFFER_BYTES: usize = 256 << 10;
/// Command byte of a text query (MySQL client/server protocol, COM_QUERY).
const COM_QUERY: u8 = 3;
/// A packet of this length goes on in the next one.
const PACKET_MAX: usize = 0xff_ffff;

type Streams = Arc<Mutex<Vec<Arc<Mutex<Vec<u8>>>>>>;

/// A TCP proxy that keeps what clients send, to be sent again.
#[derive(Debug)]
pub(in crate::bench) struct Recorder {
    addr: SocketAddr,
    streams: Streams,
    task: JoinHandle<()>,
}

impl Recorder {
    pub(in crate::bench) async fn start(server: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (addr, streams) = (listener.local_addr()?, Streams::default());
        let kept = Arc::clone(&streams);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let stream = Arc::default();
                lock(&kept).push(Arc::clone(&stream));
                tokio::spawn(pass(client, server.clone(), stream));
            }
        });
        Ok(Self {
            addr,
            streams,
            task,
        })
    }

    pub(in crate::bench) fn port(&self) -> u16 {
        self.addr.port()
    }

    /// The text queries of each connection.
    pub(in crate::bench) fn queries(&self) -> Result<Vec<Vec<String>>> {
        let streams: Vec<_> = lock(&self.streams).iter().map(Arc::clone).collect();
        streams
            .iter()
            .map(|stream| queries(&lock(stream)))
            .collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(client: TcpStream, server: String, kept: Arc<Mutex<Vec<u8>>>) -> Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut client_read, mut client_write) = client.into_split();
    let (mut server_read, mut server_write) = server.into_split();
    let up = async {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let length = client_read.read(&mut buffer).await?;
            let Some(bytes @ [_, ..]) = buffer.get(..length) else {
                return anyhow::Ok(());
            };
            lock(&kept).extend_from_slice(bytes);
            server_write.write_all(bytes).await?;
        }
    };
    let down = tokio::io::copy(&mut server_read, &mut client_write);
    tokio::select! {
        ended = up => ended,
        ended = down => Ok(ended.map(drop)?),
    }
}

/// Packets are length (3 bytes), sequence (1), payload; a command begins with sequence 0.
fn queries(mut bytes: &[u8]) -> Result<Vec<String>> {
    let mut queries = Vec::new();
    while let Some(([a, b, c, sequence], rest)) = bytes.split_first_chunk::<4>() {
        let length = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
        anyhow::ensure!(length < PACKET_MAX, "a packet of 16 MiB was recorded");
        let Some((payload, next)) = rest.split_at_checked(length) else {
            // The connection was cut within it.
            break;
        };
        if let (0, Some((&COM_QUERY, text))) = (*sequence, payload.split_first()) {
            queries.push(String::from_utf8(text.to_vec()).context("a query that is no text")?);
        }
        bytes = next;
    }
    Ok(queries)
}
