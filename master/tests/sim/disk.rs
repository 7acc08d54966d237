//! A disk that keeps what was synced, and of the rest any prefix.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex},
    time::Duration,
};

use dm_raft_store::{
    StoreError,
    kv::{Change, KeyValue, Synced, Visit},
};
use futures::{FutureExt, future::BoxFuture};
use openraft::AsyncRuntime;
use openraft_rt_sim::SimRuntime;

use crate::{bug::Bug, rng::Dice};

type Records = BTreeMap<(&'static str, Vec<u8>), Vec<u8>>;

#[derive(Default)]
struct Inner {
    /// What a reader sees.
    now: Records,
    /// What a crash can't take.
    durable: Records,
    /// Written since, in order.
    unsynced: Vec<Vec<Change>>,
    /// Counts crashes: what an older process still writes is lost.
    life: u64,
}

/// The disk of one master; outlives its processes.
#[derive(Clone)]
pub struct Disk {
    inner: Arc<Mutex<Inner>>,
    dice: Dice,
    bug: Option<Bug>,
}

impl Disk {
    pub fn new(dice: Dice, bug: Option<Bug>) -> Self {
        Disk {
            inner: Arc::default(),
            dice,
            bug,
        }
    }

    /// The power goes: of what was not synced a random prefix stays.
    pub fn crash(&self) {
        let mut inner = self.inner.lock().unwrap();
        let kept = self.dice.below(inner.unsynced.len() as u64 + 1) as usize;
        let mut durable = std::mem::take(&mut inner.durable);
        for changes in inner.unsynced.drain(..).take(kept) {
            apply(&mut durable, changes);
        }
        inner.now = durable.clone();
        inner.durable = durable;
        inner.life += 1;
    }

    /// As a process that starts now sees it.
    pub fn open(&self) -> Arc<dyn KeyValue> {
        let life = self.inner.lock().unwrap().life;
        Arc::new(Handle {
            disk: self.clone(),
            life,
        })
    }

    fn sync(&self, life: u64) -> bool {
        let mut inner = self.inner.lock().unwrap();
        if inner.life != life {
            return false;
        }
        let unsynced = std::mem::take(&mut inner.unsynced);
        for changes in unsynced {
            let lost = |change: &Change| match self.bug {
                Some(Bug::VoteNotSynced) => family(change) == "meta",
                Some(Bug::AppendNotSynced) => family(change) == "logs",
                _ => false,
            };
            let (later, kept): (Vec<Change>, Vec<Change>) = changes.into_iter().partition(lost);
            apply(&mut inner.durable, kept);
            if !later.is_empty() {
                inner.unsynced.push(later);
            }
        }
        true
    }
}

fn family(change: &Change) -> &'static str {
    match change {
        Change::Put { family, .. } | Change::RemoveRange { family, .. } => family,
    }
}

fn apply(records: &mut Records, changes: Vec<Change>) {
    for change in changes {
        match change {
            Change::Put { family, key, value } => {
                records.insert((family, key), value);
            }
            Change::RemoveRange { family, from, to } => {
                let range = (family, from)..(family, to);
                let gone: Vec<_> = records.range(range).map(|(key, _)| key.clone()).collect();
                for key in gone {
                    records.remove(&key);
                }
            }
        }
    }
}

/// What one process has open.
struct Handle {
    disk: Disk,
    life: u64,
}

impl KeyValue for Handle {
    fn get(&self, family: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let inner = self.disk.inner.lock().unwrap();
        Ok(inner.now.get(&(family, key.to_vec())).cloned())
    }

    fn write(&self, _: &'static str, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut inner = self.disk.inner.lock().unwrap();
        if inner.life != self.life {
            return Err(StoreError::Closed);
        }
        apply(&mut inner.now, changes.clone());
        inner.unsynced.push(changes);
        Ok(())
    }

    fn visit(&self, family: &'static str, from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        // A copy: the visitor may write.
        let found: Vec<(Vec<u8>, Vec<u8>)> = {
            let inner = self.disk.inner.lock().unwrap();
            let records = inner.now.range((family, from.to_vec())..);
            let own = records.take_while(|((of, _), _)| *of == family);
            own.map(|((_, key), value)| (key.clone(), value.clone()))
                .collect()
        };
        for (key, value) in found {
            if visit(&key, &value)? == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn last_upto(
        &self,
        family: &'static str,
        key: &[u8],
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError> {
        let inner = self.disk.inner.lock().unwrap();
        let range = (family, Vec::new())..=(family, key.to_vec());
        let found = inner.now.range(range).next_back();
        Ok(found.map(|((_, key), value)| (key.clone(), value.clone())))
    }

    fn sync_then(&self, then: Synced) -> BoxFuture<'_, Result<(), StoreError>> {
        let (disk, life) = (self.disk.clone(), self.life);
        async move {
            let takes_us = disk.dice.between(100, 3_000);
            drop(SimRuntime::spawn(async move {
                SimRuntime::sleep(Duration::from_micros(takes_us)).await;
                then(if disk.sync(life) {
                    Ok(())
                } else {
                    Err(StoreError::Closed)
                });
            }));
            Ok(())
        }
        .boxed()
    }

    fn disk_bytes(&self) -> u64 {
        0
    }
}
