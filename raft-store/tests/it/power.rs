//! Torn writes, a full disk, and power that goes away.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use dm_raft_store::Store;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt};

use crate::{
    damage::{copy_folder, newest_wal},
    support::{append, entry, folder, log_id, open},
};

/// The number of entries that a store holds, which must be the first ones without a hole.
async fn held(path: &Path) -> u64 {
    let store = Store::open(path).expect("a torn end is what a crash leaves");
    let state = store.log().get_log_state().await.expect("readable");
    let held = state.last_log_id.map_or(0, |id| id.index + 1);
    let entries = openraft::RaftLogReader::try_get_log_entries(&mut store.log(), ..)
        .await
        .expect("readable");
    assert_eq!(entries, (0..held).map(entry).collect::<Vec<_>>());
    held
}

/// The write-ahead log cut off at every length: what is left is always a prefix of what was appended, and never an error.
#[tokio::test]
async fn every_prefix_of_a_torn_write_is_recovered() {
    let folder = folder();
    append(&mut open(&folder).log(), 0..6).await;
    let wal = newest_wal(folder.path());
    let original = fs::read(&wal).expect("readable");
    let mut before = 0;
    for length in 0..=original.len() {
        // Every length near the end, where records are torn; a sample of the rest.
        if length % 7 != 0 && length + 300 < original.len() {
            continue;
        }
        let copy = crate::support::folder();
        copy_folder(folder.path(), copy.path());
        let torn = copy.path().join(wal.file_name().expect("name"));
        fs::write(torn, &original[..length]).expect("writable");
        let now = held(copy.path()).await;
        assert!(
            now >= before,
            "{length} bytes hold {now}, fewer held {before}"
        );
        before = now;
    }
    assert_eq!(before, 6);
}

/// A file system of its own; unmounted when dropped.
struct Mount {
    at: PathBuf,
    _folder: tempfile::TempDir,
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.at).status();
    }
}

fn run(program: &str, args: &[&str]) -> Option<()> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then_some(())
}

fn said(name: &str, why: &str) {
    println!("skipped: {name}: {why}");
}

fn tmpfs() -> Option<Mount> {
    let folder = folder();
    let at = folder.path().join("small");
    fs::create_dir(&at).ok()?;
    run(
        "mount",
        &["-t", "tmpfs", "-o", "size=24m", "tmpfs", at.to_str()?],
    )?;
    Some(Mount {
        at,
        _folder: folder,
    })
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_with_room_again_nothing_acknowledged_is_missing() {
    let name = "a_full_disk_is_an_error_and_with_room_again_nothing_acknowledged_is_missing";
    let Some(mount) = tmpfs() else {
        return said(name, "tmpfs can't be mounted here");
    };
    let path = mount.at.join("raft");
    let mut acknowledged = 0;
    {
        let store = Store::open(&path).expect("opens");
        let mut log = store.log();
        append(&mut log, 0..10).await;
        acknowledged += 10;
        // All the room that is left but a little.
        let _ = fs::write(mount.at.join("ballast"), vec![0u8; 23 << 20]);
        loop {
            let next = acknowledged..acknowledged + 10;
            match log.blocking_append(next.map(entry)).await {
                Ok(()) => acknowledged += 10,
                Err(error) => {
                    println!("after {acknowledged} entries: {error}");
                    break;
                }
            }
            assert!(acknowledged < 1_000_000, "the disk is never full");
        }
        // The first failure is the last word: nothing is acknowledged behind it.
        let next = acknowledged..acknowledged + 1;
        log.blocking_append(next.map(entry))
            .await
            .expect_err("stays failed");
    }
    fs::remove_file(mount.at.join("ballast")).expect("removed");
    let store = Store::open(&path).expect("opens again");
    let state = store.log().get_log_state().await.expect("readable");
    let last = state.last_log_id.map_or(0, |id| id.index + 1);
    assert!(last >= acknowledged, "{last} of {acknowledged}");
    append(&mut store.log(), last..last + 10).await;
}

/// An ext4 in a file.
fn ext4(image: &Path, at: &Path) -> Option<()> {
    run("mount", &["-o", "loop", image.to_str()?, at.to_str()?])
}

/// EXT4_IOC_SHUTDOWN without flushing the journal: from here on nothing reaches the disk, as when the power goes.
fn cut_power(at: &Path) -> Option<()> {
    let program = "import fcntl, os, struct, sys\n\
                   fd = os.open(sys.argv[1], os.O_RDONLY)\n\
                   fcntl.ioctl(fd, 0x8004587d, struct.pack('I', 2))\n";
    run("python3", &["-c", program, at.to_str()?])
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_power_loss() {
    let name = "what_was_acknowledged_survives_a_power_loss";
    // Not in memory: the image must be a file that a loop device takes.
    let folder = tempfile::tempdir().expect("a folder");
    let (image, at) = (folder.path().join("image"), folder.path().join("disk"));
    fs::create_dir(&at).expect("created");
    let made = fs::File::create(&image).and_then(|file| file.set_len(64 << 20));
    made.expect("a sparse file");
    let text = image.to_str().expect("text");
    if run("mkfs.ext4", &["-q", text]).is_none() || ext4(&image, &at).is_none() {
        return said(name, "ext4 can't be mounted from a file here");
    }
    let mut mount = Mount {
        at: at.clone(),
        _folder: folder,
    };
    let path = at.join("raft");
    {
        let store = Store::open(&path).expect("opens");
        append(&mut store.log(), 0..50).await;
        // Written and not synced: it may be lost, and nothing else.
        let unsynced = Some(log_id(1, 49));
        store.log().save_committed(unsynced).await.expect("written");
        if cut_power(&at).is_none() {
            return said(name, "python3 or the ioctl is missing");
        }
        let after = store.log().blocking_append([entry(50)]).await;
        after.expect_err("nothing reaches the disk any more");
    }
    assert!(run("umount", &[at.to_str().expect("text")]).is_some());
    assert!(ext4(&image, &at).is_some(), "the disk comes back");
    mount.at = at;
    assert_eq!(held(&path).await, 50);
}
