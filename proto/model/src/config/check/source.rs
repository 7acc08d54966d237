//! Rules of `source.yaml`.

use crate::config::source::BACKOFF_MIN;
use crate::config::{Named, SourceConfig};
use crate::error::{DmError, codes};
use crate::position::{BinlogPosition, GtidSet};
use crate::rules::EventFilter;

pub(in crate::config) fn source(source: &SourceConfig) -> Result<(), DmError> {
    if source.from.host.is_empty() {
        return Err(DmError::new(
            &codes::CONFIG_YAML_TRANSFORM,
            "source configuration: the key from.host is missing or empty",
        )
        .with_workaround("Set from.host to the address of the server."));
    }
    let filters: Vec<Named<_>> = source
        .filters
        .iter()
        .enumerate()
        .map(|(index, rule)| Named::new(format!("[{index}]"), rule.clone()))
        .collect();
    EventFilter::new(&filters, source.is_case_sensitive())?;
    let name = &source.relay_binlog_name;
    if !name.is_empty() && BinlogPosition::new(name.as_str(), 0).sequence().is_none() {
        return Err(DmError::new(
            &codes::WORKER_RELAY_BINLOG_NAME,
            format!("relay-binlog-name: {name:?} is not the name of a binlog file"),
        ));
    }
    let gtid = &source.relay_binlog_gtid;
    match source.flavor {
        Some(flavor) => GtidSet::parse_for(flavor, gtid),
        None => GtidSet::parse(gtid),
    }
    .map_err(|error| error.annotate("relay-binlog-gtid"))?;
    if source.checker.backoff_max < BACKOFF_MIN {
        return Err(DmError::new(
            &codes::CONFIG_CHECKER_MAX_TOO_SMALL,
            "checker.backoff-max is below 1s, the shortest wait",
        ));
    }
    Ok(())
}
