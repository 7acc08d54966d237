//! Seeds without bugs must pass, and seeds with a planted bug must fail.

use std::{panic::AssertUnwindSafe, time::Instant};

use crate::{
    bug::Bug,
    world::{self, Report},
};

/// Seeds of the default run, and of the long one (`DM_SOAK=1`; `DM_SIM_SEEDS=N` says how many).
const SEEDS: u64 = 8;
const SEEDS_SOAK: u64 = 5_000;
/// Seeds that are run twice and compared.
const SEEDS_TWICE: u64 = 2;
const SEEDS_TWICE_SOAK: u64 = 10;
/// A planted bug is found within so many seeds.
const SEEDS_PLANTED: u64 = 60;

fn soak() -> bool {
    std::env::var("DM_SOAK").is_ok_and(|value| value == "1")
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// A panic of openraft or of ours is a violation too.
fn run(seed: u64, bug: Option<Bug>) -> Result<Report, String> {
    let ran = std::panic::catch_unwind(AssertUnwindSafe(|| world::run(seed, bug)));
    ran.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

fn failed(seed: u64, why: &str) -> String {
    format!(
        "seed {seed}: {why}\nto repeat it: DM_SIM_SEED={seed} cargo test -p dm-master --test sim one_seed -- --nocapture"
    )
}

#[test]
fn one_seed() {
    let seed = number("DM_SIM_SEED").unwrap_or(1);
    let report = run(seed, None).unwrap_or_else(|why| panic!("{}", failed(seed, &why)));
    println!(
        "seed {seed}: {} entries, {} operations, {} writes under a lease",
        report.entries, report.operations, report.writes
    );
}

#[test]
fn seeds_keep_every_invariant_and_heal() {
    let seeds = number("DM_SIM_SEEDS").unwrap_or(if soak() { SEEDS_SOAK } else { SEEDS });
    let begun = Instant::now();
    let (mut entries, mut operations, mut writes) = (0, 0, 0);
    for seed in 1..=seeds {
        let report = run(seed, None).unwrap_or_else(|why| panic!("{}", failed(seed, &why)));
        assert!(
            report.operations > 0 && report.writes > 0,
            "seed {seed} did nothing"
        );
        entries += report.entries;
        operations += report.operations;
        writes += report.writes;
    }
    println!(
        "{seeds} seeds: {entries} entries, {operations} operations, {writes} writes under a lease, {:?}",
        begun.elapsed()
    );
}

#[test]
fn a_seed_decides_everything() {
    let seeds = if soak() {
        SEEDS_TWICE_SOAK
    } else {
        SEEDS_TWICE
    };
    for seed in 1..=seeds {
        let (first, second) = (run(seed, None).unwrap(), run(seed, None).unwrap());
        assert!(
            first.text == second.text,
            "seed {seed} ran differently the second time"
        );
    }
}

/// How many seeds it takes until the bug is found.
fn found(bug: Bug) -> (u64, String) {
    for seed in 1..=SEEDS_PLANTED {
        if let Err(why) = run(seed, Some(bug)) {
            return (seed, why);
        }
    }
    panic!("{bug:?} was not found within {SEEDS_PLANTED} seeds");
}

macro_rules! planted {
    ($($name:ident = $bug:ident, $prefix:literal, $always:literal;)+) => {
        $(#[test]
        fn $name() {
            if !$always && !soak() {
                println!("skipped: {}: set DM_SOAK=1", stringify!($name));
                return;
            }
            let (seeds, why) = found(Bug::$bug);
            println!("{:?} found with seed {seeds}: {}", Bug::$bug, why.lines().next().unwrap_or(""));
            assert!(why.starts_with($prefix) || why.starts_with("panic"), "{why}");
        })+
    };
}

planted! {
    r31_planted_renewal_after_replacement = RenewalAfterReplacement, "R31", false;
    r31_planted_renewal_unproved = RenewalUnproved, "R31", false;
    r31_planted_no_wait_for_inherited_leases = NoInheritedWait, "R31", false;
    r30_planted_incarnation_ignored = IncarnationIgnored, "R31", false;
    r28_planted_dedupe_forgets = DedupeForgets, "I", false;
    planted_stale_read = StaleRead, "I1", false;
    planted_vote_not_synced = VoteNotSynced, "", false;
    planted_append_not_synced = AppendNotSynced, "", true;
}
