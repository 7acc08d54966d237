use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

/// The folder of the built programs.
///
/// `DM_BIN_DIR` when it is set. Else the folder of the running test's build, brought up to date by cargo once per
/// process, so that a bare `cargo test` never runs programs that are older than their source.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Finds, and if need be builds, them.
    pub fn find() -> Result<Self> {
        static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        match FOUND.get_or_init(|| locate().map_err(|error| format!("{error:#}"))) {
            Ok(folder) => Ok(Self {
                folder: folder.clone(),
            }),
            Err(error) => bail!("{error}"),
        }
    }

    /// Where they are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of one program.
    pub fn path(&self, program: &str) -> Result<PathBuf> {
        let path = self.folder.join(program);
        if !path.is_file() {
            bail!(
                "{program} is not in {}: cargo build --workspace --bins",
                self.folder.display()
            );
        }
        Ok(path)
    }
}

fn locate() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("DM_BIN_DIR").filter(|folder| !folder.is_empty()) {
        return Ok(folder.into());
    }
    let mut folder = std::env::current_exe()?
        .parent()
        .context("no folder")?
        .to_owned();
    if folder.ends_with("deps") {
        folder.pop();
    }
    build(&folder)?;
    Ok(folder)
}

fn build(folder: &Path) -> Result<()> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args([
        "build",
        "--quiet",
        "--workspace",
        "--bins",
        "--manifest-path",
    ]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let target = folder.parent().context("no target folder")?;
    let output = command
        .env("CARGO_TARGET_DIR", target)
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "building the programs failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
