//! Addresses and durations as DM writes them.

use std::time::Duration;

use dm_model::{DmError, error::ErrorCode};

/// `host:port` or `:port`, a URL scheme in front is dropped.
pub(super) fn listen(text: &str, key: &str, code: &'static ErrorCode) -> Result<String, DmError> {
    let bare = bare(text);
    let valid = bare
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if !valid {
        return Err(DmError::new(
            code,
            format!("`{key}` is `{text}`, expected host:port or :port"),
        ));
    }
    Ok(match bare.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None => bare.to_owned(),
    })
}

/// `host:port` that others can connect to.
pub(super) fn advertised(
    text: &str,
    key: &str,
    code: &'static ErrorCode,
) -> Result<String, DmError> {
    let bare = bare(text);
    let (host, port) = bare.rsplit_once(':').unwrap_or((bare, ""));
    let everywhere = matches!(host, "" | "0.0.0.0" | "[::]" | "::");
    if everywhere || !port.parse::<u16>().is_ok_and(|port| port != 0) {
        let message =
            format!("`{key}` is `{text}`, expected host:port with a host that others can reach");
        return Err(DmError::new(code, message)
            .with_workaround(format!("Set `{key}` to an address of this machine.")));
    }
    Ok(bare.to_owned())
}

fn bare(text: &str) -> &str {
    let text = text.trim();
    text.split_once("://")
        .map_or(text, |(_, rest)| rest)
        .trim_end_matches('/')
}

/// Go's durations, one unit: `500ms`, `5s`, `2m`, `1h`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at_checked(split)?;
    let seconds_each = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * seconds_each).ok()
}
