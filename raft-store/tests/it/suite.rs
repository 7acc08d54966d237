//! openraft's own storage tests.

use dm_raft_store::{LogStore, StateMachine, Store, TypeConfig};
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};

use crate::support;

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, StateMachine, tempfile::TempDir> for Builder {
    async fn build(
        &self,
    ) -> Result<(tempfile::TempDir, LogStore, StateMachine), StorageError<TypeConfig>> {
        let folder = support::folder();
        let store = Store::open(folder.path()).expect("the store opens");
        Ok((folder, store.log(), store.state_machine(support::tape())))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_openrafts_suite() {
    Suite::test_all(Builder).await.expect("the suite passes");
}
