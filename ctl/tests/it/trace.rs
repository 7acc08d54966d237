//! The trace starts at dmctl: its span is exported, and the master sees it as the parent.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::{
    err,
    fake_master::{FakeMaster, Script},
    run,
};

#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let spans = resources
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans);
        self.0.lock().expect("no panic").extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_span_is_exported_and_passed_on() {
    let receiver = Receiver::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    let server = Server::builder().add_service(TraceServiceServer::new(receiver.clone()));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

    let (fake, addr) = FakeMaster::serve(Script::default()).await;
    let output = run(&[
        "--master-addr",
        &addr,
        "--otlp-endpoint",
        &endpoint,
        "query-status",
    ])
    .await;
    assert!(output.status.success(), "{}", err(&output));

    let spans = receiver.0.lock().expect("no panic").clone();
    let span = spans
        .iter()
        .find(|span| span.name == "dmctl query-status")
        .expect("the root span is exported");
    let expected = format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id));
    let seen = fake
        .asked()
        .into_iter()
        .next()
        .and_then(|asked| asked.traceparent);
    assert_eq!(seen, Some(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_passed_on_without_a_receiver() {
    let (fake, addr) = FakeMaster::serve(Script::default()).await;
    assert!(
        run(&["--master-addr", &addr, "query-status"])
            .await
            .status
            .success()
    );
    let seen = fake
        .asked()
        .into_iter()
        .next()
        .and_then(|asked| asked.traceparent)
        .expect("a context");
    assert!(seen.len() == 55 && seen.ends_with("-00"), "{seen}");
}
