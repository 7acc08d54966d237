//! Logs, and one trace through all processes.
//!
//! Trace ids are made and passed on always (W3C `traceparent` in gRPC metadata and inside replicated commands), so a request can
//! be found in every log. Spans are recorded and exported (OTLP over gRPC) only where an endpoint is configured. Sampling does
//! not follow the caller's flag: a caller without an endpoint must not switch off the servers' spans.

use std::{
    collections::HashMap,
    fmt,
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt::writer::BoxMakeWriter,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Metadata key of the W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// Longest wait for one export, and for the last one when the process ends.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);

/// Libraries whose spans say nothing about our work; the exporter's own transport is among them and would feed on itself.
const FOREIGN: [&str; 7] = [
    "h2",
    "hyper",
    "hyper_util",
    "tonic",
    "tower",
    "opentelemetry",
    "openraft",
];

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl FromStr for LogFormat {
    type Err = TelemetryError;

    fn from_str(text: &str) -> Result<Self, TelemetryError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(TelemetryError(format!(
                "log-format must be text or json, not `{other}`"
            ))),
        }
    }
}

/// Logging or tracing could not be set up.
#[derive(Debug)]
pub struct TelemetryError(String);

impl fmt::Display for TelemetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TelemetryError {}

/// Sends what is left when it goes. Keep it until the end of `main`, and drop it while the runtime still runs.
#[must_use]
#[derive(Debug)]
pub struct Guard(SdkTracerProvider);

impl Drop for Guard {
    fn drop(&mut self) {
        // Nobody is left to tell when the last export fails.
        let _ = self.0.shutdown_with_timeout(EXPORT_TIMEOUT);
    }
}

/// Sets up logs and traces of this process; once per process, inside a tokio runtime.
///
/// `level` is DM's (`debug`, `info`, `warn`, `error`, `fatal`) or a filter such as `info,dm_worker=debug`. Without `log_file`,
/// logs go to standard error.
pub fn init(
    service: &'static str,
    level: &str,
    format: LogFormat,
    log_file: Option<PathBuf>,
    otlp_endpoint: Option<String>,
) -> Result<Guard, TelemetryError> {
    let provider = provider(service, otlp_endpoint.as_deref())?;
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(service))
        .with_filter(span_filter());
    Registry::default()
        .with(spans)
        .with(log_layer(format, log_file.as_deref())?.with_filter(log_filter(level)?))
        .try_init()
        .map_err(|error| TelemetryError(format!("logging is already set up: {error}")))?;
    Ok(Guard(provider))
}

/// W3C trace context of the current span; empty when there is none.
pub fn traceparent() -> String {
    traceparent_of(&Span::current())
}

/// W3C trace context of a span; empty when there is none.
pub fn traceparent_of(span: &Span) -> String {
    let mut carrier = HashMap::new();
    propagator().inject_context(&span.context(), &mut carrier);
    carrier.remove(TRACEPARENT).unwrap_or_default()
}

/// Makes a span the child of a remote one. Call it before the span is first entered. An unreadable text changes nothing.
pub fn set_parent(span: &Span, traceparent: &str) {
    if !traceparent.is_empty() {
        let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
        adopt(
            span,
            propagator().extract_with_context(&Context::new(), &carrier),
        );
    }
}

/// Sends the current span's context with a request.
pub fn inject(metadata: &mut MetadataMap) {
    propagator().inject_context(&Span::current().context(), &mut MetadataInjector(metadata));
}

/// Makes a span the child of the one that came with a request.
pub fn extract_parent(metadata: &MetadataMap, span: &Span) {
    adopt(
        span,
        propagator().extract_with_context(&Context::new(), &MetadataExtractor(metadata)),
    );
}

fn adopt(span: &Span, context: Context) {
    // Fails when the span is filtered out or already started: then there is nothing to link.
    let _ = span.set_parent(context);
}

fn propagator() -> &'static TraceContextPropagator {
    static PROPAGATOR: OnceLock<TraceContextPropagator> = OnceLock::new();
    PROPAGATOR.get_or_init(TraceContextPropagator::new)
}

fn provider(
    service: &'static str,
    endpoint: Option<&str>,
) -> Result<SdkTracerProvider, TelemetryError> {
    let builder = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name(service).build());
    let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.is_empty()) else {
        // Ids without recording: cheap, and they still flow.
        return Ok(builder.with_sampler(Sampler::AlwaysOff).build());
    };
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|error| {
            TelemetryError(format!(
                "OTLP endpoint `{endpoint}` cannot be used: {error}"
            ))
        })?;
    Ok(builder
        .with_sampler(Sampler::AlwaysOn)
        .with_batch_exporter(exporter)
        .build())
}

fn span_filter() -> Targets {
    let own = Targets::new().with_default(LevelFilter::INFO);
    FOREIGN.iter().fold(own, |filter, target| {
        filter.with_target(*target, LevelFilter::OFF)
    })
}

fn log_filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    let text = match level.to_ascii_lowercase().as_str() {
        "" => with_quiet_libraries("info"),
        // The level below error does not exist here.
        "fatal" | "panic" | "dpanic" => "error".to_owned(),
        "warning" => "warn".to_owned(),
        plain @ ("trace" | "debug" | "info") => with_quiet_libraries(plain),
        other => other.to_owned(),
    };
    EnvFilter::builder()
        .parse(&text)
        .map_err(|error| TelemetryError(format!("log-level `{level}`: {error}")))
}

fn with_quiet_libraries(level: &str) -> String {
    FOREIGN.iter().fold(level.to_owned(), |filter, target| {
        format!("{filter},{target}=warn")
    })
}

fn log_layer<S>(
    format: LogFormat,
    file: Option<&Path>,
) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let writer = match file {
        Some(path) => BoxMakeWriter::new(Mutex::new(open_log(path)?)),
        None => BoxMakeWriter::new(std::io::stderr),
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer);
    Ok(match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    })
}

fn open_log(path: &Path) -> Result<File, TelemetryError> {
    let failed =
        |error: std::io::Error| TelemetryError(format!("log file {}: {error}", path.display()));
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(failed)
}

struct MetadataInjector<'a>(&'a mut MetadataMap);

impl Injector for MetadataInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (
            MetadataKey::from_bytes(key.as_bytes()),
            MetadataValue::try_from(value),
        ) {
            self.0.insert(key, value);
        }
    }
}

struct MetadataExtractor<'a>(&'a MetadataMap);

impl Extractor for MetadataExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        Vec::from([TRACEPARENT, "tracestate"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_ids<T>(run: impl FnOnce() -> T) -> T {
        let provider = provider("test", None).expect("no endpoint");
        let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(Registry::default().with(spans), run)
    }

    fn trace_id(traceparent: &str) -> Option<&str> {
        traceparent.split('-').nth(1)
    }

    #[test]
    fn ids_flow_without_an_exporter() {
        with_ids(|| {
            let caller = tracing::info_span!("caller");
            let mut metadata = MetadataMap::new();
            caller.in_scope(|| inject(&mut metadata));
            let sent = metadata
                .get(TRACEPARENT)
                .expect("injected")
                .to_str()
                .expect("ASCII")
                .to_owned();
            assert_eq!(sent, traceparent_of(&caller));

            let server = tracing::info_span!("server");
            extract_parent(&metadata, &server);
            let stored = server.in_scope(traceparent);
            assert_eq!(trace_id(&stored), trace_id(&sent));
            assert_ne!(stored, sent);

            let worker = tracing::info_span!("worker");
            set_parent(&worker, &stored);
            assert_eq!(trace_id(&traceparent_of(&worker)), trace_id(&sent));
        });
    }

    #[test]
    fn unreadable_contexts_change_nothing() {
        with_ids(|| {
            let span = tracing::info_span!("lonely");
            set_parent(&span, "not a context");
            set_parent(&span, "");
            assert_eq!(traceparent_of(&span).len(), 55);
        });
        assert_eq!(traceparent(), "");
    }

    #[test]
    fn levels_of_the_original_are_taken() {
        for level in [
            "debug",
            "info",
            "warn",
            "WARN",
            "warning",
            "error",
            "fatal",
            "",
            "info,dm_worker=debug",
        ] {
            log_filter(level).expect(level);
        }
        assert!(log_filter("loud,=").is_err());
        assert!("xml".parse::<LogFormat>().is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_absent_receiver_delays_the_end_by_a_bounded_time() {
        let provider = provider("test", Some("http://127.0.0.1:1")).expect("connects lazily");
        let started = std::time::Instant::now();
        drop(Guard(provider));
        assert!(started.elapsed() < EXPORT_TIMEOUT * 2);
    }
}
