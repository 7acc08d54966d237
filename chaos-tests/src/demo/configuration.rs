//! The two files that a user writes.

use super::DataSet;
use crate::lab::Endpoint;

pub(crate) const SOURCE: &str = "demo-source";
pub(crate) const TASK: &str = "demo";

pub(crate) fn source_yaml(server: &Endpoint) -> String {
    format!(
        "source-id: {SOURCE}\nenable-gtid: true\nfrom:\n{}",
        login(server)
    )
}

pub(crate) fn task_yaml(target: &Endpoint, data: &DataSet, meta_schema: &str) -> String {
    let schemas: Vec<String> = data
        .schemas()
        .iter()
        .map(|schema| format!("{schema:?}"))
        .collect();
    format!(
        "name: {TASK}\ntask-mode: all\nmeta-schema: {meta_schema}\ntarget-database:\n{}\
         mysql-instances:\n  - source-id: {SOURCE}\n    block-allow-list: shop\n\
         block-allow-list:\n  shop:\n    do-dbs: [{}]\n",
        login(target),
        schemas.join(", ")
    )
}

/// JSON strings are YAML strings.
fn login(server: &Endpoint) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "  host: {}\n  port: {}\n  user: {}\n  password: {}\n",
        quoted(&server.host),
        server.port,
        quoted(&server.user),
        quoted(&server.password)
    )
}
