//! Pages on the client port, beside gRPC: `/status`, `/health`, `/metrics`.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::header, response::IntoResponse, routing::get};
use serde_json::{Value, json};

use crate::{metrics, replica::Replica};

/// The pages of one master.
pub fn router(replica: Arc<dyn Replica>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/health", get(health))
        .route("/metrics", get(metrics_page))
        .with_state(replica)
}

async fn status() -> String {
    dm_proto::version::block()
}

/// Live means that the process answers; `leader` says whether the cluster does.
async fn health(State(replica): State<Arc<dyn Replica>>) -> Json<Value> {
    let leader = replica
        .leadership()
        .borrow()
        .leader
        .as_ref()
        .map(|leader| leader.name.clone());
    Json(json!({ "health": "true", "leader": leader }))
}

async fn metrics_page() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        metrics::text(),
    )
}
