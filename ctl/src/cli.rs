//! The command line: global flags, and the spellings that DM took over the years.

use std::time::Duration;

use clap::{ArgAction, Parser};

use crate::{commands::Command, duration, output::Format};

/// Flags that may be written with a single dash.
const OLD_SPELLINGS: [&str; 7] = [
    "version",
    "config",
    "master-addr",
    "rpc-timeout",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
];

/// Controls a data migration cluster.
#[derive(Debug, Parser)]
#[command(
    name = "dmctl",
    disable_version_flag = true,
    subcommand_value_name = "command"
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do; nothing prints the help.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Source ids; may be repeated or separated by commas.
    #[arg(
        short = 's',
        long = "source",
        global = true,
        value_delimiter = ',',
        value_name = "source"
    )]
    pub sources: Vec<String>,
    /// Prints the version.
    #[arg(short = 'V', long, global = true, action = ArgAction::SetTrue)]
    pub version: bool,
    /// TOML file with the long flags below.
    #[arg(long, global = true, value_name = "file")]
    pub config: Option<String>,
    /// Addresses of masters, host:port separated by commas; any one is enough.
    #[arg(long, global = true, env = "DM_MASTER_ADDR", value_name = "addresses")]
    pub master_addr: Option<String>,
    /// Longest wait for an answer to a query [default: 10m].
    #[arg(long, global = true, value_parser = duration::parse, value_name = "duration")]
    pub rpc_timeout: Option<Duration>,
    /// Certificate of the authority that signed the masters' certificates.
    #[arg(long, global = true, value_name = "file")]
    pub ssl_ca: Option<String>,
    /// Our certificate.
    #[arg(long, global = true, value_name = "file")]
    pub ssl_cert: Option<String>,
    /// Key of our certificate.
    #[arg(long, global = true, value_name = "file")]
    pub ssl_key: Option<String>,
    /// How to print; a terminal gets tables, everything else DM's JSON.
    #[arg(short = 'o', long, global = true, value_enum)]
    pub output: Option<Format>,
    /// Where to send the trace of this call (OTLP over gRPC).
    #[arg(
        long,
        global = true,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "url"
    )]
    pub otlp_endpoint: Option<String>,
}

/// Rewrites what DM accepts and clap does not.
pub fn normalize(args: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut args = args.into_iter().peekable();
    while let Some(arg) = args.next() {
        if arg == "--" {
            out.push(arg);
            break;
        }
        // The interval of --watch is optional; it is one only if it reads as a duration.
        if arg == "--watch"
            && args
                .peek()
                .is_some_and(|next| duration::parse(next).is_ok())
        {
            out.push(format!("--watch={}", args.next().unwrap_or_default()));
        } else {
            out.push(if is_old_spelling(&arg) {
                format!("-{arg}")
            } else {
                arg
            });
        }
    }
    out.extend(args);
    out
}

fn is_old_spelling(arg: &str) -> bool {
    let name = arg.strip_prefix('-').unwrap_or_default();
    let name = name.split_once('=').map_or(name, |(name, _)| name);
    OLD_SPELLINGS.contains(&name)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Cli {
        Cli::try_parse_from(normalize(line.split(' ').map(str::to_owned))).expect(line)
    }

    #[test]
    fn the_command_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn old_spellings_are_taken() {
        let cli = parse("dmctl -master-addr 127.0.0.1:8261 -rpc-timeout=5s -version");
        assert_eq!(cli.global.master_addr.as_deref(), Some("127.0.0.1:8261"));
        assert_eq!(cli.global.rpc_timeout, Some(Duration::from_secs(5)));
        assert!(cli.global.version && cli.command.is_none());
    }

    #[test]
    fn sources_are_a_list_anywhere() {
        let cli = parse("dmctl query-status -s a -s b,c demo");
        assert_eq!(cli.global.sources, ["a", "b", "c"]);
        assert_eq!(parse("dmctl -sa query-status").global.sources, ["a"]);
        assert_eq!(parse("dmctl query-status --source=a").global.sources, ["a"]);
    }

    #[test]
    fn booleans_take_a_value() {
        for line in [
            "dmctl start-task --remove-meta=false t.yaml",
            "dmctl start-task t.yaml --remove-meta",
        ] {
            parse(line);
        }
    }

    #[test]
    fn the_interval_of_watch_is_optional() {
        for line in [
            "dmctl query-status --watch demo",
            "dmctl query-status --watch 2s demo",
            "dmctl query-status --watch",
        ] {
            parse(line);
        }
    }
}
