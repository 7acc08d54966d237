use anyhow::Result;

use super::{Dumper, Ours, Tables};
use crate::bench::race::{SyncCost, load_average, show};
use crate::bench::{Measured, Options};
use crate::lab::Medium;

const PAIRS: usize = 5;
/// Readers and writers of us; mydumper and myloader get as many threads.
pub(in crate::bench) const THREADS: u32 = 4;

/// What a race is about.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Settings {
    /// The name of the benchmark.
    pub(in crate::bench) name: &'static str,
    pub(in crate::bench) tables: u32,
    pub(in crate::bench) rows_each: u64,
    pub(in crate::bench) reference: Dumper,
}

/// Ratios of our speed to that of the reference.
pub(in crate::bench) async fn race(settings: Settings, options: &Options) -> Result<Measured> {
    let reference = settings.reference;
    if !options.alone {
        reference.check()?;
    }
    let rows = options.rows.unwrap_or(settings.rows_each);
    let tables = Tables::fill(settings.tables, rows).await?;
    let mut ours = Ours::start(&tables, THREADS).await?;
    println!("{} tables of {rows} rows", settings.tables);
    show("source", &tables.server).await?;
    show("target", &tables.target().await?).await?;
    println!("{}", SyncCost::measure(Medium::Memory)?);
    let mut values = Vec::new();
    for pair in 1..=options.pairs(PAIRS) {
        println!("pair {pair}: load average {}", load_average());
        if options.alone {
            let us = ours.run(&tables).await?;
            println!("  ours {us}");
            values.push(us.rate());
            continue;
        }
        // Who begins changes, so that neither always finds the machine warm.
        let (them, us) = if pair % 2 == 1 {
            let them = reference.run(&tables).await?;
            (them, ours.run(&tables).await?)
        } else {
            let us = ours.run(&tables).await?;
            (reference.run(&tables).await?, us)
        };
        let ratio = us.rate() / them.rate();
        println!("  ours {us}\n  {reference} {them}\n  equal; ratio {ratio:.2}");
        values.push(ratio);
    }
    Ok(Measured {
        name: settings.name,
        unit: if options.alone { "rows/s" } else { "x" },
        values,
    })
}
