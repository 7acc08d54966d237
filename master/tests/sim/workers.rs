//! Workers' sessions: what a process may believe about its leases, and what it writes under them.

use std::{collections::BTreeMap, time::Duration};

use dm_proto::v1::LeaseRef;
use openraft::AsyncRuntime;
use openraft_rt_sim::SimRuntime;

use crate::world::{Shared, now_ms};

/// As the worker: it gives a part of its TTL away.
const USABLE_PER_CENT: u64 = 95;
const TICK: Duration = Duration::from_millis(20);
const BEAT_MS: u64 = 200;

#[derive(Default)]
struct Held {
    epoch: u64,
    ttl_ms: u64,
    deadline_ms: u64,
    given_back: bool,
}

/// One process of a worker; runs until the world has no such incarnation any more.
pub async fn run(shared: Shared, name: String, number: u64, incarnation: u64) {
    let mut held: BTreeMap<String, Held> = BTreeMap::new();
    let mut revision = 0;
    let mut next_beat_ms = now_ms();
    while shared.worker_lives(&name, incarnation) {
        let now = now_ms();
        for (source, lease) in &held {
            if now < lease.deadline_ms && !lease.given_back {
                shared.oracle.wrote(source, lease.epoch, &name, incarnation);
            }
        }
        if now >= next_beat_ms {
            next_beat_ms = now + BEAT_MS;
            beat(
                &shared,
                &name,
                number,
                incarnation,
                &mut held,
                &mut revision,
            )
            .await;
        }
        SimRuntime::sleep(TICK).await;
    }
}

/// One heartbeat. While its answer is awaited nothing is written, which only makes overlaps rarer, so the wait is short.
async fn beat(
    shared: &Shared,
    name: &str,
    number: u64,
    incarnation: u64,
    held: &mut BTreeMap<String, Held>,
    revision: &mut u64,
) {
    let sent_ms = now_ms();
    let Some(node) = shared.any_leader() else {
        return;
    };
    let asked: Vec<LeaseRef> = held
        .iter()
        .filter(|(_, lease)| !lease.given_back)
        .map(|(source, lease)| LeaseRef {
            source_id: source.clone(),
            epoch: lease.epoch,
        })
        .collect();
    if !shared.net.passes(number, node.id).await || !node.register(name, incarnation).await {
        return;
    }
    let answer = node.heartbeat(name, incarnation, &asked).await;
    if !shared.net.passes(node.id, number).await {
        return;
    }
    let Some(answer) = answer else { return };
    // Older news than what is known: of a leader that was deposed.
    if answer.revision < *revision {
        return;
    }
    *revision = answer.revision;
    held.retain(|source, _| answer.owned.iter().any(|(owned, ..)| owned == source));
    for (source, epoch, ttl_ms) in answer.owned {
        let lease = held.entry(source).or_default();
        if lease.epoch < epoch {
            *lease = Held {
                epoch,
                ..Held::default()
            };
        }
        lease.ttl_ms = ttl_ms;
    }
    for renewed in answer.renewed {
        if let Some(lease) = held.get_mut(&renewed.source_id)
            && lease.epoch == renewed.epoch
            && !lease.given_back
        {
            let ttl_ms = answer.ttl_ms.min(lease.ttl_ms);
            let until = sent_ms + ttl_ms * USABLE_PER_CENT / 100;
            lease.deadline_ms = lease.deadline_ms.max(until);
        }
    }
    for (source, epoch) in answer.drain {
        if let Some(lease) = held.get_mut(&source).filter(|lease| lease.epoch == epoch) {
            lease.given_back = true;
            let lease = LeaseRef {
                source_id: source,
                epoch,
            };
            node.drained(name, incarnation, &lease);
        }
    }
}
