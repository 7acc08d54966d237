//! Who this data folder is: written once, locked while in use.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use dm_model::{DmError, codes};
use serde::{Deserialize, Serialize};

const IDENTITY_FILE: &str = "identity.json";
const LOCK_FILE: &str = "LOCK";
const STORE_FOLDER: &str = "raft";
const VERSION: u32 = 1;

/// What a folder knows about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    version: u32,
    /// Random, never reused.
    pub node_id: u64,
    /// Name of the master.
    pub name: String,
    /// 0 while the folder belongs to no cluster.
    pub cluster_id: u64,
    /// `cluster_id` was chosen or learned, but the raft store may still be empty.
    pub forming: bool,
}

/// A data folder that this process holds alone.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    identity: Identity,
    // Released by the kernel when closed, also after kill -9.
    _lock: File,
}

impl DataFolder {
    /// Locks the folder and reads its identity; an empty folder gets one.
    pub fn open(path: &Path, name: &str) -> Result<Self, DmError> {
        fs::create_dir_all(path)
            .map_err(|error| trouble(path, "can't create the data folder", error))?;
        let lock = lock(path)?;
        let identity = match read(path)? {
            Some(identity) => identity,
            None => create(path, name)?,
        };
        if identity.name != name {
            let text = format!(
                "data folder {} belongs to master `{}`, not to `{name}`",
                path.display(),
                identity.name
            );
            return Err(
                DmError::new(&codes::MASTER_START_SERVICE, text).with_workaround(
                    "Start with the name that the folder belongs to, or with another --data-dir.",
                ),
            );
        }
        Ok(Self {
            path: path.to_path_buf(),
            identity,
            _lock: lock,
        })
    }

    /// Locks a folder that a master has used before; its name is what the folder says.
    pub fn open_existing(path: &Path) -> Result<Self, DmError> {
        let lock = lock(path)?;
        let Some(identity) = read(path)? else {
            let text = format!(
                "{} is no data folder of a master: it has no {IDENTITY_FILE}",
                path.display()
            );
            return Err(DmError::new(&codes::MASTER_START_SERVICE, text));
        };
        Ok(Self {
            path: path.to_path_buf(),
            identity,
            _lock: lock,
        })
    }

    /// The identity now.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Folder of the raft store.
    pub fn store_path(&self) -> PathBuf {
        self.path.join(STORE_FOLDER)
    }

    /// Records the cluster, on disk before it returns. A folder never changes its cluster.
    pub fn set_cluster(&mut self, cluster_id: u64, forming: bool) -> Result<(), DmError> {
        let known = self.identity.cluster_id;
        if known != 0 && known != cluster_id {
            let text = format!("this folder belongs to cluster {known:x}, not to {cluster_id:x}");
            return Err(DmError::new(&codes::MASTER_INVALID_CLUSTER_ID, text));
        }
        let changed = Identity {
            cluster_id,
            forming,
            ..self.identity.clone()
        };
        if changed != self.identity {
            write(&self.path, &changed)?;
            self.identity = changed;
        }
        Ok(())
    }
}

fn lock(path: &Path) -> Result<File, DmError> {
    let failed = |error: io::Error| trouble(path, "can't lock the data folder", error);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join(LOCK_FILE))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let text = format!(
                "data folder {} is in use by another process",
                path.display()
            );
            Err(DmError::new(&codes::MASTER_START_SERVICE, text)
                .with_workaround("Stop that process, or start with another --data-dir."))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn read(path: &Path) -> Result<Option<Identity>, DmError> {
    let file = path.join(IDENTITY_FILE);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(trouble(&file, "can't read", error)),
    };
    let damaged = |cause: String| {
        DmError::new(&codes::MASTER_START_SERVICE, format!("{} is damaged", file.display())).with_cause(cause).with_workaround(
            "Remove this master with `dmctl offline-member --master --name NAME`, empty its data folder and let it join again with --join.",
        )
    };
    let identity: Identity =
        serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if identity.version != VERSION || identity.node_id == 0 {
        return Err(damaged(format!(
            "version {}, node id {}",
            identity.version, identity.node_id
        )));
    }
    Ok(Some(identity))
}

fn create(path: &Path, name: &str) -> Result<Identity, DmError> {
    if path.join(STORE_FOLDER).exists() {
        let text = format!(
            "data folder {} has a raft log but no {IDENTITY_FILE}",
            path.display()
        );
        return Err(DmError::new(&codes::MASTER_START_SERVICE, text).with_workaround(
            "Restore the file from a backup of this folder, or empty the folder and let it join again.",
        ));
    }
    let identity = Identity {
        version: VERSION,
        node_id: random_id(),
        name: name.to_string(),
        cluster_id: 0,
        forming: false,
    };
    write(path, &identity)?;
    Ok(identity)
}

/// A random number that is not 0, which means "none" everywhere.
pub(super) fn random_id() -> u64 {
    rand::random::<u64>().max(1)
}

/// Replaces the file as a whole: after a crash it is the old one or the new one.
fn write(path: &Path, identity: &Identity) -> Result<(), DmError> {
    let failed = |error: io::Error| trouble(path, "can't write the identity", error);
    let text =
        serde_json::to_vec_pretty(identity).map_err(|error| failed(io::Error::other(error)))?;
    let draft = path.join(format!("{IDENTITY_FILE}.new"));
    let mut file = File::create(&draft).map_err(failed)?;
    file.write_all(&text).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&draft, path.join(IDENTITY_FILE)).map_err(failed)?;
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

fn trouble(path: &Path, what: &str, error: io::Error) -> DmError {
    DmError::new(
        &codes::MASTER_START_SERVICE,
        format!("{what} {}", path.display()),
    )
    .with_cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_kept_and_locked() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut first = DataFolder::open(folder.path(), "m1").expect("opens");
        let node_id = first.identity().node_id;
        assert!(
            DataFolder::open(folder.path(), "m1")
                .expect_err("locked")
                .message
                .contains("in use")
        );
        first.set_cluster(7, false).expect("recorded");
        first
            .set_cluster(8, false)
            .expect_err("a folder keeps its cluster");
        drop(first);
        let again = DataFolder::open(folder.path(), "m1").expect("opens");
        assert_eq!(
            (again.identity().node_id, again.identity().cluster_id),
            (node_id, 7)
        );
        drop(again);
        assert!(
            DataFolder::open(folder.path(), "m2")
                .expect_err("other name")
                .message
                .contains("belongs to master `m1`")
        );
    }

    #[test]
    fn a_damaged_identity_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(IDENTITY_FILE), b"{\"node_id\":").expect("written");
        assert!(
            DataFolder::open(folder.path(), "m1")
                .expect_err("damaged")
                .message
                .contains("damaged")
        );
        fs::remove_file(folder.path().join(IDENTITY_FILE)).expect("removed");
        fs::create_dir(folder.path().join(STORE_FOLDER)).expect("created");
        assert!(
            DataFolder::open(folder.path(), "m1")
                .expect_err("no identity")
                .message
                .contains("has a raft log")
        );
    }
}
