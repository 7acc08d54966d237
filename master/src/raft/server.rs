//! The listener that serves peers.

use dm_model::{DmError, codes};
use dm_proto::transport::MESSAGE_BYTES_MAX;
use dm_proto::v1::peer_server::PeerServer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use super::service::PeerService;

/// Binds `listen` now and serves until `stop`.
pub(super) async fn serve(
    listen: &str,
    service: PeerService,
    stop: CancellationToken,
) -> Result<JoinHandle<()>, DmError> {
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        DmError::new(
            &codes::MASTER_START_SERVICE,
            format!("can't listen for peers on {listen}"),
        )
        .with_cause(error)
        .with_workaround("Free the port, or choose another one with --peer-urls.")
    })?;
    let service = PeerServer::new(service)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let server = Server::builder().tcp_nodelay(true).add_service(service);
    Ok(tokio::spawn(async move {
        let stopped = stop.cancelled_owned();
        if let Err(error) = server
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped)
            .await
        {
            tracing::error!(%error, "serving peers ended");
        }
    }))
}
