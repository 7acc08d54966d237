//! Clients that write and read sources' configurations, and note what they saw.

use std::time::Duration;

use dm_proto::v1::{Command, PutSource, command::Kind};
use openraft::AsyncRuntime;
use openraft_rt_sim::SimRuntime;

use crate::{
    bug::Bug,
    linear::{Op, Seen},
    world::Shared,
};

const TRIES: u64 = 4;
const PAUSE_MS: (u64, u64) = (5, 120);
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// One client; runs until the world is told to be quiet.
pub async fn run(shared: Shared, number: u64) {
    let mut count = 0;
    while !shared.quiet() {
        count += 1;
        let key = shared.dice.below(shared.keys.len() as u64) as usize;
        if shared.dice.once_in(2) {
            // Unique in the whole run.
            write(&shared, number, key, number * 1_000_000 + count).await;
        } else {
            read(&shared, number, key).await;
        }
        let pause = shared.dice.between(PAUSE_MS.0, PAUSE_MS.1);
        SimRuntime::sleep(Duration::from_millis(pause)).await;
    }
}

async fn write(shared: &Shared, number: u64, key: usize, value: u64) {
    let called = shared.oracle.tick();
    let mut done = false;
    for attempt in 0..TRIES {
        let id = match shared.bug {
            Some(Bug::DedupeForgets) => format!("w{value}-{attempt}/put"),
            _ => format!("w{value}/put"),
        };
        let command = Command {
            request_id: id,
            kind: Some(Kind::PutSource(PutSource {
                source_id: shared.keys[key].clone(),
                yaml: value.to_string(),
                create_only: false,
                relay_only: false,
            })),
            ..Command::default()
        };
        let node = shared.any_node();
        if shared.net.passes(number, node.id).await {
            let answer = node.propose(command).await;
            if shared.net.passes(node.id, number).await && answer.is_some_and(|answer| answer.ok) {
                done = true;
                break;
            }
        }
        SimRuntime::sleep(RETRY_PAUSE).await;
    }
    let returned = done.then(|| shared.oracle.tick());
    shared.oracle.note(
        key,
        Op {
            called,
            returned,
            seen: Seen::Wrote(value),
        },
    );
}

async fn read(shared: &Shared, number: u64, key: usize) {
    let called = shared.oracle.tick();
    let node = shared.any_node();
    if !shared.net.passes(number, node.id).await {
        return;
    }
    let name = &shared.keys[key];
    let found = node
        .read(|state| {
            let source = state.sources.get(name);
            source.map_or(0, |source| source.yaml.parse().unwrap_or(0))
        })
        .await;
    if let Some(value) = found
        && shared.net.passes(node.id, number).await
    {
        let returned = Some(shared.oracle.tick());
        shared.oracle.note(
            key,
            Op {
                called,
                returned,
                seen: Seen::Read(value),
            },
        );
    }
}
