//! What the keys of a `mydumpers` entry mean without a dump program. Pure.

use dm_model::{DmError, codes, config::MydumperConfig};

use super::Consistency;

/// Flags that choose tables: the block-allow-list does that here.
const CHOOSE_TABLES: [&str; 6] = ["-B", "--database", "-T", "--tables-list", "-f", "--filter"];
/// Flags with a value that are about files or how a program reads: they have no effect.
const WITHOUT_EFFECT: [&str; 11] = [
    "-t",
    "--threads",
    "-F",
    "--filesize",
    "-s",
    "--statement-size",
    "-r",
    "--rows",
    "--ca",
    "--cert",
    "--key",
];
/// The same without a value, unless one follows `=`.
const SWITCHES: [&str; 4] = [
    "-W",
    "--no-views",
    "--escape-backslash",
    "--transactional-consistency",
];

/// What a load takes from a `mydumpers` entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DumpArgs {
    pub(crate) consistency: Consistency,
    /// Condition for the rows to copy, empty for all.
    pub(crate) condition: String,
    /// Tables or ranges that are read at the same time.
    pub(crate) readers: usize,
}

impl DumpArgs {
    /// Reads the entry. A flag that chooses tables, or that nobody knows, is an error that names it.
    pub(crate) fn parse(config: &MydumperConfig) -> Result<Self, DmError> {
        let mut args = Self {
            condition: config.where_clause.trim().to_owned(),
            readers: usize::try_from(config.threads).unwrap_or(1).max(1),
            ..Self::default()
        };
        let mut words = config.extra_args.split_whitespace().map(unquoted);
        while let Some(word) = words.next() {
            let (flag, attached) = match word.split_once('=') {
                Some((flag, value)) if flag.starts_with('-') => (flag, Some(unquoted(value))),
                _ => (word, None),
            };
            if flag == "--no-locks" {
                args.consistency = Consistency::None;
            } else if SWITCHES.contains(&flag) {
                continue;
            } else if CHOOSE_TABLES.contains(&flag) {
                return Err(refused(flag, "block-allow-list chooses the tables"));
            } else {
                let wanted = ["--consistency", "--where", "--snapshot"].contains(&flag)
                    || WITHOUT_EFFECT.contains(&flag);
                if !wanted {
                    return Err(refused(flag, "the flag is not known"));
                }
                let value = attached
                    .or_else(|| words.next())
                    .ok_or_else(|| refused(flag, "its value is missing"))?;
                match flag {
                    "--consistency" => args.consistency = Consistency::parse(value)?,
                    "--where" => value.clone_into(&mut args.condition),
                    "--snapshot" => {
                        return Err(refused(
                            flag,
                            "only TiDB can read the past; the sources are MySQL and MariaDB",
                        ));
                    }
                    "-t" | "--threads" => {
                        args.readers = value
                            .parse()
                            .map_err(|_| refused(flag, "its value is not a number"))?;
                    }
                    _ => {}
                }
            }
        }
        Ok(args)
    }
}

/// One pair of outer quotes belongs to the shell that there is not.
fn unquoted(word: &str) -> &str {
    for quote in ['\'', '"'] {
        if let Some(inner) = word
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
        {
            return inner;
        }
    }
    word
}

fn refused(flag: &str, why: &str) -> DmError {
    DmError::new(
        &codes::CONFIG_PARSE_FLAG_SET,
        format!("extra-args of a mydumpers entry: {flag}: {why}"),
    )
    .with_workaround("remove the flag from extra-args")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(extra: &str) -> Result<DumpArgs, DmError> {
        DumpArgs::parse(&MydumperConfig {
            extra_args: extra.to_owned(),
            ..MydumperConfig::default()
        })
    }

    #[test]
    fn flags_are_honoured_or_refused_by_name() {
        let args = parse("--consistency none -t 8 -W=false --where \"id>5\" -F 64MB").unwrap();
        assert_eq!(args.consistency, Consistency::None);
        assert_eq!((args.readers, args.condition.as_str()), (8, "id>5"));
        assert_eq!(parse("--no-locks").unwrap().consistency, Consistency::None);
        assert_eq!(
            parse("--consistency=flush").unwrap().consistency,
            Consistency::Flush
        );
        for (extra, named) in [
            ("-T a.b", "-T"),
            ("--filter x.*", "--filter"),
            ("--skip-tz-utc", "--skip-tz-utc"),
            ("--consistency snapshot", "TiDB"),
            ("--consistency exact", "exact"),
            ("--where", "value is missing"),
            ("--snapshot 2020-01-01", "--snapshot"),
        ] {
            let error = parse(extra).unwrap_err();
            assert!(error.to_string().contains(named), "{extra}: {error}");
        }
    }
}
