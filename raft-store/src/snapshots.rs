//! Snapshots on disk: written in pieces, made real by a header, a bounded number kept.

use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::kv::{Change, SNAPSHOT};
use crate::record::Place;
use crate::store::{SNAPSHOT_END, Store};
use crate::types::{Snapshot, SnapshotMeta};

/// Bounds what one write batch holds beside the snapshot itself.
const PIECE_BYTES: usize = 256 << 10;
/// Part number of the header, which sorts behind all pieces.
const HEADER: u32 = u32::MAX;

#[derive(Serialize, Deserialize)]
struct Header {
    meta: SnapshotMeta,
    pieces: u32,
    bytes: u64,
}

fn key(sequence: u64, part: u32) -> [u8; 12] {
    let mut key = [0; 12];
    let (head, tail) = key.split_at_mut(8);
    head.copy_from_slice(&sequence.to_be_bytes());
    tail.copy_from_slice(&part.to_be_bytes());
    key
}

fn split(key: &[u8]) -> Option<(u64, u32)> {
    let (sequence, part) = key.split_first_chunk::<8>()?;
    Some((
        u64::from_be_bytes(*sequence),
        u32::from_be_bytes(part.try_into().ok()?),
    ))
}

/// Stores a snapshot, synced, and removes the older ones: only the newest is ever read. One that is older than what is stored
/// changes nothing, or a build that was overtaken by the leader's snapshot would bring back a state whose log is gone.
pub(crate) async fn save(
    store: &Store,
    meta: &SnapshotMeta,
    data: &[u8],
) -> Result<(), StoreError> {
    let _one_at_a_time = store.saving_snapshot.lock().await;
    if newest_meta(store)?.is_some_and(|stored| stored.last_log_id > meta.last_log_id) {
        return Ok(());
    }
    let sequence = newest_key(store)?.map_or(0, |(sequence, _)| sequence.saturating_add(1));
    write(store, sequence, meta, data)?;
    store.sync().await?;
    let remove = Change::RemoveRange {
        family: SNAPSHOT,
        from: key(0, 0).to_vec(),
        to: key(sequence, 0).to_vec(),
    };
    store.kv().write("can't remove old snapshots", vec![remove])
}

fn write(store: &Store, sequence: u64, meta: &SnapshotMeta, data: &[u8]) -> Result<(), StoreError> {
    let put = |key: [u8; 12], value: Vec<u8>| {
        let put = Change::Put {
            family: SNAPSHOT,
            key: key.to_vec(),
            value,
        };
        store.kv().write("can't write a snapshot", vec![put])
    };
    let mut pieces = 0u32;
    for piece in data.chunks(PIECE_BYTES) {
        let key = key(sequence, pieces);
        let framed = Place {
            family: SNAPSHOT,
            key: &key,
        }
        .seal(piece);
        put(key, framed)?;
        pieces = pieces.saturating_add(1);
    }
    let header = Header {
        meta: meta.clone(),
        pieces,
        bytes: data.len() as u64,
    };
    let key = key(sequence, HEADER);
    let framed = Place {
        family: SNAPSHOT,
        key: &key,
    }
    .encode(&header)?;
    put(key, framed)
}

/// The newest finished snapshot.
pub(crate) fn load(store: &Store) -> Result<Option<Snapshot>, StoreError> {
    let Some((sequence, header)) = newest(store)? else {
        return Ok(None);
    };
    let mut data = Vec::new();
    for part in 0..header.pieces {
        let key = key(sequence, part);
        let place = Place {
            family: SNAPSHOT,
            key: &key,
        };
        let found = store.kv().get(SNAPSHOT, &key)?;
        let framed = found.ok_or_else(|| StoreError::Damaged {
            record: place.name(),
            reason: "this piece of the snapshot is missing".to_string(),
        })?;
        data.extend_from_slice(place.open(&framed)?);
    }
    if data.len() as u64 != header.bytes {
        return Err(StoreError::Damaged {
            record: format!("snapshot/{sequence}"),
            reason: format!("{} bytes instead of {}", data.len(), header.bytes),
        });
    }
    Ok(Some(Snapshot {
        meta: header.meta,
        snapshot: data,
    }))
}

/// What the newest finished snapshot covers.
pub(crate) fn newest_meta(store: &Store) -> Result<Option<SnapshotMeta>, StoreError> {
    Ok(newest(store)?.map(|(_, header)| header.meta))
}

fn newest(store: &Store) -> Result<Option<(u64, Header)>, StoreError> {
    // A crash while writing leaves pieces without a header behind the newest finished one.
    let mut below = newest_key(store)?;
    while let Some((sequence, part)) = below {
        if part == HEADER {
            let key = key(sequence, HEADER);
            let place = Place {
                family: SNAPSHOT,
                key: &key,
            };
            return match store.kv().get(SNAPSHOT, &key)? {
                Some(framed) => Ok(Some((sequence, place.decode(&framed)?))),
                None => Ok(None),
            };
        }
        below = match sequence.checked_sub(1) {
            Some(previous) => key_upto(store, &key(previous, HEADER))?,
            None => None,
        };
    }
    Ok(None)
}

fn newest_key(store: &Store) -> Result<Option<(u64, u32)>, StoreError> {
    key_upto(store, &SNAPSHOT_END)
}

fn key_upto(store: &Store, bound: &[u8]) -> Result<Option<(u64, u32)>, StoreError> {
    let Some((key, _)) = store.kv().last_upto(SNAPSHOT, bound)? else {
        return Ok(None);
    };
    let parsed = split(&key).ok_or_else(|| StoreError::Damaged {
        record: Place {
            family: SNAPSHOT,
            key: &key,
        }
        .name(),
        reason: "its key is no snapshot key".to_string(),
    })?;
    Ok(Some(parsed))
}
