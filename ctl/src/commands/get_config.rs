//! `get-config <type> <name>` and `get-task-config <name>`: the older forms of `config`.

use super::get_cfg::{CfgKind, Wanted};

/// What is typed after `get-config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which kind of configuration.
    #[arg(value_enum)]
    pub kind: CfgKind,
    /// Its name.
    pub name: String,
    /// File to write it to.
    #[arg(short = 'f', long)]
    pub file: Option<String>,
}

/// What is typed after `get-task-config`.
#[derive(Debug, clap::Args)]
pub struct TaskArgs {
    /// The task.
    pub name: String,
    /// File to write it to.
    #[arg(short = 'f', long)]
    pub file: Option<String>,
}

impl Args {
    /// What is wanted.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            kind: self.kind,
            name: self.name.clone(),
            file: self.file.clone(),
        }
    }
}

impl TaskArgs {
    /// What is wanted.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            kind: CfgKind::Task,
            name: self.name.clone(),
            file: self.file.clone(),
        }
    }
}
