//! Flags, report, and the new folder.

use std::{ffi::OsString, fmt::Write as _, path::PathBuf};

use clap::Parser;
use dm_model::{ClusterId, DmError, codes};
use dm_raft_store::{PeerNode, Store};

use super::survivor::Survivor;
use crate::{
    config::{Config, Invocation, Settings},
    raft::DataFolder,
    state::{Snapshot, State},
};

/// The new log begins so far behind the old one's end. The lost masters would have needed years to write as many entries.
const INDEX_JUMP: u64 = 1 << 40;

/// Goes on from surviving data folders after the majority of the masters is lost for good.
#[derive(Debug, Parser)]
#[command(name = "dm-master recover")]
struct Args {
    /// Data folders of masters that are left, none of them running; the most advanced is taken. Nothing in them is changed.
    #[arg(long, required = true, value_delimiter = ',', value_name = "FOLDER")]
    from_data_dir: Vec<PathBuf>,
    /// Really do it; without this only the report is printed.
    #[arg(long)]
    confirm: bool,
    /// Flags of the one master of the recovered cluster: --name, --data-dir (a new, empty folder), --master-addr, --peer-urls …
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "FLAGS OF DM-MASTER"
    )]
    master: Vec<OsString>,
}

/// Runs `dm-master recover …`; `args` begins behind the word `recover`. Gives the text to print.
pub async fn run(args: impl IntoIterator<Item = OsString>) -> Result<String, DmError> {
    let program = std::iter::once(OsString::from("dm-master recover"));
    let args = match Args::try_parse_from(program.chain(args)) {
        Ok(args) => args,
        Err(error) if error.exit_code() == 0 => return Ok(error.to_string()),
        Err(error) => {
            let text = error.to_string();
            return Err(DmError::new(
                &codes::MASTER_CONFIG_INVALID_FLAG,
                text.trim_end(),
            ));
        }
    };
    let master = std::iter::once(OsString::from("dm-master")).chain(args.master);
    let config = match Settings::read(master)? {
        Invocation::Run(settings) => Config::new(&settings)?,
        Invocation::Print(text) => return Ok(text),
    };
    let survivor = newest(&args.from_data_dir).await?;
    let cluster_id = successor(&survivor)?;
    let mut report = report(&survivor, &config, cluster_id);
    if !args.confirm {
        report.push_str(
            "\nNothing was done. If these masters are lost for good, run the same command again with --confirm.\n",
        );
        return Ok(report);
    }
    found(&survivor, &config, cluster_id).await?;
    let _ = write!(
        report,
        "\nDone: {} is a cluster of one now. Start it with\n  dm-master --name {} --data-dir {} --master-addr {} --peer-urls {}\n\
         then let the others join it, each with an empty data folder: dm-master --name NAME --join {} …\n",
        config.data_dir.display(),
        config.name,
        config.data_dir.display(),
        config.master_addr,
        config.peer_addr,
        config.advertise_addr,
    );
    Ok(report)
}

async fn newest(paths: &[PathBuf]) -> Result<Survivor, DmError> {
    let mut found: Option<Survivor> = None;
    for path in paths {
        let survivor = Survivor::read(path).await?;
        if let Some(known) = &found
            && known.identity.cluster_id != survivor.identity.cluster_id
        {
            let text = format!(
                "{} belongs to cluster {:x}, {} to {:x}",
                known.path.display(),
                known.identity.cluster_id,
                path.display(),
                survivor.identity.cluster_id
            );
            return Err(DmError::new(&codes::MASTER_INVALID_CLUSTER_ID, text));
        }
        if found
            .as_ref()
            .is_none_or(|known| known.rank() < survivor.rank())
        {
            found = Some(survivor);
        }
    }
    found.ok_or_else(|| DmError::new(&codes::MASTER_CONFIG_INVALID_FLAG, "no --from-data-dir"))
}

fn successor(survivor: &Survivor) -> Result<ClusterId, DmError> {
    let old = ClusterId(survivor.identity.cluster_id);
    let next = Some(old)
        .filter(|old| old.0 != 0)
        .and_then(ClusterId::successor);
    next.ok_or_else(|| {
        let text = format!(
            "{} belongs to cluster {:x}, which can't be recovered: it was never formed, or was recovered too often",
            survivor.path.display(),
            old.0
        );
        DmError::new(&codes::MASTER_INVALID_CLUSTER_ID, text)
    })
}

fn report(survivor: &Survivor, config: &Config, cluster_id: ClusterId) -> String {
    let state = &survivor.state;
    let mut text = format!(
        "Recovering from {} (master `{}`), cluster {:x} becomes {:x}.\n\
         Its log ends at entry {} of term {}; up to {} it knew that a majority had the entries.\n\
         Found: {} sources, {} tasks with {} subtasks, {} workers.\n",
        survivor.path.display(),
        survivor.identity.name,
        survivor.identity.cluster_id,
        cluster_id.0,
        survivor.last_index,
        survivor.term,
        survivor.committed_index,
        state.sources.len(),
        state.tasks.len(),
        state
            .tasks
            .values()
            .map(|task| task.subtasks.len())
            .sum::<usize>(),
        state.workers.len(),
    );
    for source in state.sources.keys() {
        let _ = writeln!(
            text,
            "  source {source}: tasks {}",
            state.tasks_of(source).join(", ")
        );
    }
    text.push_str(
        "What may be lost: changes (sources, tasks, pauses) that other masters acknowledged and this one had not received. What may come \
         back: changes after the entry above that were never acknowledged. Progress of migrations is in the targets and is not lost.\n",
    );
    let others: Vec<&str> = survivor
        .others
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    let _ = writeln!(
        text,
        "Never start these masters with their old data folders again: {}. They and their workers are fenced off as soon as a worker of the \
         recovered cluster has taken their sources over.",
        if others.is_empty() {
            survivor.identity.name.clone()
        } else {
            format!("{}, {}", survivor.identity.name, others.join(", "))
        }
    );
    let _ = writeln!(
        text,
        "New data folder: {} (master `{}`).",
        config.data_dir.display(),
        config.name
    );
    text
}

async fn found(survivor: &Survivor, config: &Config, cluster_id: ClusterId) -> Result<(), DmError> {
    let folder = DataFolder::open(&config.data_dir, &config.name)?;
    let trouble = |error: &dyn std::fmt::Display| {
        let text = format!("can't write {}", config.data_dir.display());
        DmError::new(&codes::MASTER_START_SERVICE, text)
            .with_cause(error)
            .with_workaround("Give an empty folder as --data-dir.")
    };
    if folder.identity().cluster_id != 0 {
        let text = format!(
            "{} belongs to cluster {:x} already",
            config.data_dir.display(),
            folder.identity().cluster_id
        );
        return Err(DmError::new(&codes::MASTER_INVALID_CLUSTER_ID, text)
            .with_workaround("Give an empty folder as --data-dir."));
    }
    let index = survivor.last_index.saturating_add(INDEX_JUMP);
    let data =
        Snapshot::write(&inherited(&survivor.state, index)).map_err(|error| trouble(&error))?;
    let node = PeerNode {
        name: config.name.clone(),
        peer_addr: config.advertise_peer_addr.clone(),
        client_addr: config.advertise_addr.clone(),
    };
    let store = Store::open(&folder.store_path()).map_err(|error| trouble(&error))?;
    store
        .begin_from(
            survivor.term.saturating_add(1),
            index,
            folder.identity().node_id,
            node,
            &data,
        )
        .await
        .map_err(|error| trouble(&error))?;
    // Last: a folder without cluster id is not taken for a recovered one after a crash.
    let mut folder = folder;
    folder.set_cluster(cluster_id.0, false)
}

/// The state without what only the lost cluster could keep: its leases are taken over under new epochs.
fn inherited(state: &State, index: u64) -> State {
    let mut state = state.clone();
    state.applied = index;
    state.orphaned_leases.clear();
    for source in state.sources.values_mut() {
        source.lease = None;
    }
    state
}
