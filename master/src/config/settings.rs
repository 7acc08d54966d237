//! Flags and file, merged into one map of texts.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use clap::{Arg, ArgAction, Command};
use dm_model::{DmError, codes};
use toml::Value;

use super::keys::{KEYS, Key, Place, Treatment};

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Print this and exit 0.
    Print(String),
    /// Run with these settings.
    Run(Settings),
}

/// Values by key, and what there is to say about them.
#[derive(Debug, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, String>,
    /// Keys that were given and have no effect, each with its reason.
    pub notices: Vec<String>,
}

impl Settings {
    /// Reads a command line (the first word is the program) and the file that it names.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, DmError> {
        let matches = match command().try_get_matches_from(two_dashes(args)) {
            Ok(matches) => matches,
            Err(error) if error.exit_code() == 0 => {
                return Ok(Invocation::Print(error.to_string()));
            }
            Err(error) => {
                return Err(DmError::new(
                    &codes::MASTER_CONFIG_INVALID_FLAG,
                    error.to_string().trim_end(),
                ));
            }
        };
        if matches.get_flag("V") {
            return Ok(Invocation::Print(dm_proto::version::block()));
        }
        if matches.get_flag("print-sample-config") {
            return Ok(Invocation::Print(super::sample()));
        }
        let mut settings = Settings::default();
        if let Some(path) = matches.get_one::<String>("config") {
            settings.read_file(Path::new(path))?;
        }
        for key in KEYS.iter().filter(|key| key.place == Place::Both) {
            if let Some(values) = matches.get_many::<String>(key.name) {
                let joined = values.cloned().collect::<Vec<_>>().join(",");
                settings.values.insert(key.name, joined);
            }
        }
        settings.check_treatment()?;
        Ok(Invocation::Run(settings))
    }

    /// The value, or the key's default.
    pub fn get(&self, name: &str) -> &str {
        let default = || {
            KEYS.iter()
                .find(|key| key.name == name)
                .map_or("", |key| key.default)
        };
        self.values.get(name).map_or_else(default, String::as_str)
    }

    /// Keys and values that were given.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    fn read_file(&mut self, path: &Path) -> Result<(), DmError> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            DmError::new(
                &codes::MASTER_CONFIG_PARSE_FLAG_SET,
                format!("can't read {shown}"),
            )
            .with_cause(error)
        })?;
        let table: toml::Table = text.parse().map_err(|error| {
            DmError::new(
                &codes::MASTER_CONFIG_PARSE_FLAG_SET,
                format!("{shown} is not valid TOML"),
            )
            .with_cause(error)
        })?;
        for (name, value) in flatten(table) {
            let Some(key) = KEYS.iter().find(|key| key.name == name) else {
                let message = format!("{shown}: the key `{name}` is unknown");
                return Err(DmError::new(&codes::MASTER_CONFIG_UNKNOWN_ITEM, message)
                    .with_workaround(
                        "Remove the key; `dm-master --print-sample-config` shows all keys.",
                    ));
            };
            self.values.insert(key.name, as_text(key, &value)?);
        }
        Ok(())
    }

    fn check_treatment(&mut self) -> Result<(), DmError> {
        for (name, value) in &self.values {
            let Some(key) = KEYS.iter().find(|key| key.name == *name) else {
                continue;
            };
            if value == key.default {
                continue;
            }
            match key.treatment {
                Treatment::Honoured => {}
                Treatment::Notice(why) => {
                    self.notices.push(format!("`{name}` has no effect: {why}"))
                }
                Treatment::Refused(why) => {
                    return Err(DmError::new(
                        &codes::NOT_YET_SUPPORTED,
                        format!("`{name}` can't be used: {why}"),
                    ));
                }
            }
        }
        Ok(())
    }
}

fn command() -> Command {
    let mut command = Command::new("dm-master")
        .about("Data Migration master: agrees with its peers on what shall run where")
        .disable_version_flag(true)
        .args_override_self(true)
        .arg(
            Arg::new("V")
                .short('V')
                .long("version")
                .action(ArgAction::SetTrue)
                .help("print the version and exit"),
        )
        .arg(
            Arg::new("print-sample-config")
                .long("print-sample-config")
                .action(ArgAction::SetTrue)
                .help("print a sample dm-master.toml and exit"),
        )
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .help("path of dm-master.toml"),
        );
    for key in KEYS.iter().filter(|key| key.place == Place::Both) {
        let mut arg = Arg::new(key.name).long(key.name).help(key.doc);
        if key.is_switch {
            arg = arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true");
        }
        if key.name == "log-level" {
            arg = arg.short('L');
        }
        if key.name == "cert-allowed-cn" {
            arg = arg.action(ArgAction::Append);
        }
        command = command.arg(arg);
    }
    command
}

/// DM's programs take long flags with one dash too.
fn two_dashes(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let rewrite = |arg: OsString| match arg.to_str() {
        Some(text) if is_long_with_one_dash(text) => OsString::from(format!("-{text}")),
        _ => arg,
    };
    args.into_iter().map(rewrite).collect()
}

fn is_long_with_one_dash(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('-') else {
        return false;
    };
    let name = rest.split('=').next().unwrap_or_default();
    let known = |name: &str| {
        matches!(name, "config" | "print-sample-config" | "version" | "help")
            || KEYS.iter().any(|key| key.name == name)
    };
    !rest.starts_with('-') && name.len() > 1 && known(name)
}

/// `[experimental] openapi = x` becomes `experimental.openapi`.
fn flatten(table: toml::Table) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) => flat.extend(
                inner
                    .into_iter()
                    .map(|(key, value)| (format!("{name}.{key}"), value)),
            ),
            value => flat.push((name, value)),
        }
    }
    flat
}

fn as_text(key: &Key, value: &Value) -> Result<String, DmError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(flag) => Ok(flag.to_string()),
        Value::Array(items) => Ok(items
            .iter()
            .map(|item| as_text(key, item))
            .collect::<Result<Vec<_>, _>>()?
            .join(",")),
        Value::Datetime(_) | Value::Table(_) => {
            let message = format!("`{}` takes a text, a number or a list of texts", key.name);
            Err(DmError::new(&codes::MASTER_CONFIG_PARSE_FLAG_SET, message))
        }
    }
}
