//! What is done before a source is created: connect, recognise, complete the configuration.

use super::probe::Probe;
use super::server_id::IdsInUse;
use crate::database::{Role, ServerKind};
use crate::secrets;
use dm_model::{DmError, Flavor, SourceConfig, codes};
use dm_proto::v1::CheckSourceCall;

/// Connects to the upstream of a `source.yaml` and gives the file back with flavour, case sensitivity and server id
/// filled in; the password stays as it was written.
pub async fn check_source(call: &CheckSourceCall, key: &[u8]) -> Result<String, DmError> {
    let key = secrets::key(key)?;
    let mut config = SourceConfig::parse(&call.yaml)?.value;
    let readable = secrets::source(&call.yaml, key.as_ref())?.value;
    let mut probe = Probe::open(&readable.from, Role::Upstream).await?;
    let outcome = complete(&mut config, call, &mut probe).await;
    probe.close().await;
    outcome?;
    config.to_yaml()
}

async fn complete(
    config: &mut SourceConfig,
    call: &CheckSourceCall,
    probe: &mut Probe,
) -> Result<(), DmError> {
    config.flavor = Some(flavor(config, probe)?);
    if config.case_sensitive.is_none() {
        let folds = probe.variable("lower_case_table_names").await?;
        config.case_sensitive = Some(folds.is_some_and(|value| value == "0"));
    }
    if config.enable_gtid {
        check_gtid(probe).await?;
    }
    let in_use = IdsInUse::read(probe).await;
    if config.server_id == 0 {
        config.server_id = in_use.choose(&call.server_ids_taken, &mut rand::rng())?;
    } else if config.server_id != call.server_id_own {
        in_use.check(config.server_id, &probe.address)?;
    }
    Ok(())
}

fn flavor(config: &SourceConfig, probe: &Probe) -> Result<Flavor, DmError> {
    let (address, version) = (&probe.address, &probe.identity.version);
    if probe.identity.kind == ServerKind::Tidb {
        let message = format!(
            "{address} is a TiDB ({version}): it writes no MySQL binlog and can't be a source"
        );
        return Err(DmError::new(&codes::NOT_SUPPORTED_FLAVOR, message));
    }
    let found = probe.identity.flavor();
    match config.flavor {
        Some(given) if given != found => {
            let message =
                format!("flavor is {given}, but the server at {address} is {found} ({version})");
            Err(DmError::new(&codes::NOT_SUPPORTED_FLAVOR, message)
                .with_workaround("Leave flavor out: it is detected."))
        }
        _ => Ok(found),
    }
}

async fn check_gtid(probe: &mut Probe) -> Result<(), DmError> {
    if probe.identity.kind == ServerKind::Mariadb {
        return Ok(());
    }
    let mode = probe.variable("gtid_mode").await?.unwrap_or_default();
    if mode.eq_ignore_ascii_case("ON") {
        return Ok(());
    }
    let message = format!(
        "enable-gtid is true, but gtid_mode at {} is {mode:?}",
        probe.address
    );
    Err(DmError::new(&codes::SOURCE_CHECK_GTID, message))
}
