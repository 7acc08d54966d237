//! The worker's port: `/status`, `/status.json`, `/metrics`, `/health`.

use std::collections::BTreeMap;

use crate::metrics;
use crate::supervisor::{SourceView, SubtaskView};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the pages show.
pub trait Shown: Send + Sync + 'static {
    /// The worker's name.
    fn worker(&self) -> &str;
    /// All sources.
    fn views(&self) -> Vec<SourceView>;
    /// Whether a leader has its session.
    fn connected(&self) -> bool;
}

/// Serves until `stop`.
pub async fn serve(
    listener: TcpListener,
    shown: Arc<dyn Shown>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    axum::serve(listener, router(shown))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

fn router(shown: Arc<dyn Shown>) -> Router {
    let (for_json, for_metrics) = (Arc::clone(&shown), shown);
    Router::new()
        .route("/status", get(|| async { dm_proto::version::block() }))
        .route("/health", get(|| async { Json(json!({"health": "true"})) }))
        .route(
            "/status.json",
            get(move || async move { Json(status(for_json.as_ref())) }),
        )
        .route(
            "/metrics",
            get(move || async move { metrics_page(for_metrics.as_ref()) }),
        )
}

fn metrics_page(shown: &dyn Shown) -> Response {
    match metrics::render(shown.worker(), &shown.views(), shown.connected()) {
        Ok(page) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn status(shown: &dyn Shown) -> serde_json::Value {
    let sources: Vec<_> = shown.views().iter().map(source).collect();
    json!({"worker": shown.worker(), "session": shown.connected(), "sources": sources})
}

fn source(view: &SourceView) -> serde_json::Value {
    let subtasks: Vec<_> = view.subtasks.iter().map(subtask).collect();
    json!({"source": view.source, "epoch": view.epoch, "lease": view.live, "subtasks": subtasks})
}

fn subtask(view: &SubtaskView) -> serde_json::Value {
    json!({
        "task": view.task,
        "stage": view.stage.as_str_name(),
        "unit": view.status.unit.as_str_name(),
        "epoch": view.epoch,
        "generation": view.generation,
        "position": view.status.position,
        "lag_ms": view.status.lag_ms,
        "rows": view.status.rows_total,
        "errors": view.errors().map(ToString::to_string).collect::<Vec<_>>(),
        "note": view.waits_for.or(view.status.note.as_deref()),
        "mismatches": view
            .status
            .mismatches_by_table
            .iter()
            .map(|(table, missed)| (table, json!({"count": missed.count, "first": missed.first})))
            .collect::<BTreeMap<_, _>>(),
    })
}
