//! Just enough HTTP to read `/status`, `/metrics` and `/health`.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANSWER_MAX: Duration = Duration::from_secs(3);
const BODY_BYTES_MAX: u64 = 16 << 20;

/// GET; the status code and the body.
pub async fn get(addr: &str, path: &str) -> Result<(u16, String)> {
    tokio::time::timeout(ANSWER_MAX, request(addr, path))
        .await
        .with_context(|| format!("http://{addr}{path} did not answer within {ANSWER_MAX:?}"))?
        .with_context(|| format!("http://{addr}{path}"))
}

async fn request(addr: &str, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(addr).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(BODY_BYTES_MAX).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        bail!("no HTTP answer: {text:?}")
    };
    let code = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .context("no status code")?;
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    Ok((
        code,
        if chunked {
            unchunk(body)
        } else {
            body.to_owned()
        },
    ))
}

fn unchunk(body: &str) -> String {
    let (mut rest, mut whole) = (body, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        match (size, after.get(..size)) {
            (1.., Some(piece)) => whole.push_str(piece),
            _ => break,
        }
        rest = after.get(size + 2..).unwrap_or_default();
    }
    whole
}

#[cfg(test)]
mod tests {
    #[test]
    fn chunks_are_joined() {
        assert_eq!(
            super::unchunk("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"),
            "abc0123456789"
        );
    }
}
