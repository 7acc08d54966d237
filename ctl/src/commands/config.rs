//! `config task|source|master|worker|task-template`: shows a configuration.

use super::get_cfg::{CfgKind, Wanted};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which kind of configuration.
    #[command(subcommand)]
    pub kind: Option<Kind>,
}

/// Which kind of configuration.
#[derive(Debug, clap::Subcommand)]
pub enum Kind {
    /// Shows the configuration of a task.
    Task(Named),
    /// Shows the configuration of a source.
    Source(Named),
    /// Shows the configuration of a master.
    Master(Named),
    /// Shows the configuration of a worker.
    Worker(Named),
    /// Shows the configuration of a task template.
    TaskTemplate(Named),
}

/// Which one, and where to.
#[derive(Debug, clap::Args)]
pub struct Named {
    /// Its name.
    #[arg(value_name = "name")]
    pub names: Vec<String>,
    /// File to write it to.
    #[arg(short = 'p', long = "path", value_name = "file")]
    pub file: Option<String>,
}

impl Args {
    /// What is wanted; nothing when the arguments are too few or too many, which prints the help.
    pub fn wanted(&self) -> Option<Wanted> {
        let (kind, named) = match self.kind.as_ref()? {
            Kind::Task(named) => (CfgKind::Task, named),
            Kind::Source(named) => (CfgKind::Source, named),
            Kind::Master(named) => (CfgKind::Master, named),
            Kind::Worker(named) => (CfgKind::Worker, named),
            Kind::TaskTemplate(named) => (CfgKind::TaskTemplate, named),
        };
        match named.names.as_slice() {
            [name] => Some(Wanted {
                kind,
                name: name.clone(),
                file: named.file.clone(),
            }),
            _ => None,
        }
    }
}
