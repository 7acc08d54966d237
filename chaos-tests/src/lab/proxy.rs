use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const BUFFER_BYTES: usize = 64 << 10;

/// What a proxy does with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Passes them on.
    Pass,
    /// Passes them on after this time (added once per piece read, so it limits the rate too).
    Delay(Duration),
    /// Connections stay open, nothing is read: senders block when their buffers are full.
    Stall,
    /// Connections stay open, everything is read and thrown away.
    Blackhole,
    /// All connections are reset, new ones too.
    Cut,
}

/// A TCP proxy in front of a server, whose behaviour changes while it runs.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    mode: watch::Sender<Mode>,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    upstream: String,
    connections: AtomicU64,
    bytes_down: AtomicU64,
    /// Bytes from the server after which everything is cut.
    cut_after_bytes: AtomicU64,
}

impl Proxy {
    /// Listens on a port of 127.0.0.1 that the kernel picks.
    pub async fn start(upstream: impl Into<String>) -> Result<Self> {
        Self::start_at("127.0.0.1:0", upstream).await
    }

    /// Listens on `listen`.
    pub async fn start_at(listen: &str, upstream: impl Into<String>) -> Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let (mode, watched) = watch::channel(Mode::Pass);
        let state = Arc::new(State {
            upstream: upstream.into(),
            connections: AtomicU64::new(0),
            bytes_down: AtomicU64::new(0),
            cut_after_bytes: AtomicU64::new(u64::MAX),
        });
        let task = tokio::spawn(accept(listener, watched, mode.clone(), Arc::clone(&state)));
        Ok(Self {
            addr,
            mode,
            state,
            task,
        })
    }

    /// Where to connect to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes what happens, for open connections too.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Passes `bytes` more bytes from the server, then cuts (until `set(Mode::Pass)`).
    pub fn cut_after(&self, bytes: u64) {
        let now = self.state.bytes_down.load(Ordering::SeqCst);
        self.state
            .cut_after_bytes
            .store(now.saturating_add(bytes), Ordering::SeqCst);
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Bytes that came from the server so far.
    #[must_use]
    pub fn bytes_down(&self) -> u64 {
        self.state.bytes_down.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.mode.send_replace(Mode::Cut);
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    mode: watch::Receiver<Mode>,
    set: watch::Sender<Mode>,
    state: Arc<State>,
) {
    while let Ok((client, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::SeqCst);
        if *mode.borrow() == Mode::Cut {
            reset(&client);
            continue;
        }
        tokio::spawn(serve(client, mode.clone(), set.clone(), Arc::clone(&state)));
    }
}

async fn serve(
    client: TcpStream,
    mut mode: watch::Receiver<Mode>,
    set: watch::Sender<Mode>,
    state: Arc<State>,
) {
    let Ok(server) = TcpStream::connect(&state.upstream).await else {
        reset(&client);
        return;
    };
    // So that closing resets: the peer must notice a cut at once.
    reset(&client);
    reset(&server);
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut client_read, mut client_write) = client.into_split();
    let (mut server_read, mut server_write) = server.into_split();
    let up = copy(&mut client_read, &mut server_write, mode.clone(), None);
    let down = copy(
        &mut server_read,
        &mut client_write,
        mode.clone(),
        Some((set, state)),
    );
    tokio::select! {
        () = up => {}
        () = down => {}
        _ = mode.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}

/// Closing sends a reset instead of an orderly end.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

async fn copy(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut mode: watch::Receiver<Mode>,
    counted: Option<(watch::Sender<Mode>, Arc<State>)>,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        if mode.wait_for(|mode| *mode != Mode::Stall).await.is_err() {
            return;
        }
        let Ok(length @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        // The mode may have changed while nothing came.
        let Ok(now) = mode
            .wait_for(|mode| *mode != Mode::Stall)
            .await
            .map(|mode| *mode)
        else {
            return;
        };
        if let Mode::Delay(time) = now {
            tokio::time::sleep(time).await;
        }
        if now == Mode::Blackhole {
            continue;
        }
        let mut pass = length;
        if let Some((set, state)) = &counted {
            let before = state.bytes_down.fetch_add(length as u64, Ordering::SeqCst);
            let left = state
                .cut_after_bytes
                .load(Ordering::SeqCst)
                .saturating_sub(before);
            if left < length as u64 {
                pass = usize::try_from(left).unwrap_or(length);
                let _ = to.write_all(&buffer[..pass]).await;
                state.cut_after_bytes.store(u64::MAX, Ordering::SeqCst);
                set.send_replace(Mode::Cut);
                return;
            }
        }
        if to.write_all(&buffer[..pass]).await.is_err() {
            return;
        }
    }
}
