//! A flipped bit is found, named, and nothing is served.

use std::fs;
use std::path::Path;

use dm_raft_store::Store;
use dm_raft_store::types::SnapshotMeta;
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use rocksdb::{ColumnFamilyDescriptor, DB, Options};

use crate::support::{append, folder, log_id, membership, open, tape};

/// Flips one bit of a stored value, below RocksDB's own checksums.
fn flip_value(folder: &Path, family: &str, key: &[u8]) {
    let names = ["default", "meta", "logs", "snapshot"];
    let families = names.map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
    let db = DB::open_cf_descriptors(&Options::default(), folder, families).expect("opens");
    let handle = db.cf_handle(family).expect("family");
    let mut value = db.get_cf(handle, key).expect("readable").expect("there");
    let middle = value.len() / 2;
    value[middle] ^= 0x10;
    db.put_cf(handle, key, value).expect("writable");
}

#[tokio::test]
async fn a_flipped_bit_in_a_log_record_is_named() {
    let folder = folder();
    append(&mut open(&folder).log(), 0..10).await;
    flip_value(folder.path(), "logs", &6u64.to_be_bytes());
    let error = Store::open(folder.path())
        .err()
        .expect("refused")
        .to_string();
    assert!(
        error.contains("logs/6") && error.contains("checksum"),
        "{error}"
    );
}

#[tokio::test]
async fn a_flipped_bit_in_a_snapshot_is_named() {
    let folder = folder();
    {
        let store = open(&folder);
        let meta = SnapshotMeta {
            last_log_id: Some(log_id(1, 3)),
            last_membership: membership(),
        };
        store
            .state_machine(tape())
            .install_snapshot(&meta, b"[]".to_vec())
            .await
            .expect("installed");
    }
    flip_value(folder.path(), "snapshot", &[0; 12]);
    let store = open(&folder);
    let error = store
        .state_machine(tape())
        .get_current_snapshot()
        .await
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("snapshot/") && error.contains("checksum"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_entry_is_named() {
    let folder = folder();
    {
        let store = open(&folder);
        append(&mut store.log(), 0..10).await;
    }
    let families = ["default", "meta", "logs", "snapshot"]
        .map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
    let db = DB::open_cf_descriptors(&Options::default(), folder.path(), families).expect("opens");
    db.delete_cf(db.cf_handle("logs").expect("family"), 4u64.to_be_bytes())
        .expect("writable");
    drop(db);
    let error = Store::open(folder.path())
        .err()
        .expect("refused")
        .to_string();
    assert!(error.contains("lacks entry 4"), "{error}");
}

/// Every byte of the write-ahead log in turn: either all entries come back, or a tail that was never
/// acknowledged as more than the log says is impossible and the store refuses to open. Never a shorter
/// log without an error, except for the torn last record.
#[tokio::test]
async fn a_flipped_bit_in_the_write_ahead_log_never_shortens_the_log_silently() {
    let folder = folder();
    append(&mut open(&folder).log(), 0..10).await;
    let wal = newest_wal(folder.path());
    let original = fs::read(&wal).expect("readable");
    let (mut refused, mut whole) = (0, 0);
    // Not the last record: a torn end is what a crash leaves and can't be told from this damage.
    let step = (original.len() / 40).max(1);
    for at in (0..original.len() / 2).step_by(step) {
        let copy = crate::support::folder();
        copy_folder(folder.path(), copy.path());
        let mut bytes = original.clone();
        bytes[at] ^= 0x04;
        fs::write(copy.path().join(wal.file_name().expect("name")), &bytes).expect("writable");
        match Store::open(copy.path()) {
            Err(_) => refused += 1,
            Ok(store) => {
                let last = store
                    .log()
                    .get_log_state()
                    .await
                    .expect("readable")
                    .last_log_id;
                assert_eq!(last, Some(log_id(1, 9)), "byte {at} of {}", original.len());
                whole += 1;
            }
        }
    }
    assert!(refused > 0, "refused {refused}, whole {whole}");
}

pub(crate) fn newest_wal(folder: &Path) -> std::path::PathBuf {
    let mut logs: Vec<_> = fs::read_dir(folder)
        .expect("readable")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .filter(|path| fs::metadata(path).is_ok_and(|meta| meta.len() > 0))
        .collect();
    logs.sort();
    logs.pop().expect("a write-ahead log")
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        if path.file_name().is_some_and(|name| name != "LOCK") {
            fs::copy(&path, to.join(path.file_name().expect("name"))).expect("copied");
        }
    }
}
