//! What `config export` reads: all configurations as they are kept.

use dm_proto::pb::{ListSourceConfigsResponse, ListTaskConfigsResponse};

use super::{ApiError, led::Led};

impl Led {
    pub(super) async fn list_task_configs(
        &self,
        (): (),
    ) -> Result<ListTaskConfigsResponse, ApiError> {
        self.catch_up().await?;
        let task_configs = self.read(|state| {
            state
                .tasks
                .iter()
                .map(|(name, task)| (name.clone(), task.yaml().to_owned()))
                .collect()
        });
        Ok(ListTaskConfigsResponse {
            result: true,
            msg: String::new(),
            task_configs,
        })
    }

    pub(super) async fn list_source_configs(
        &self,
        (): (),
    ) -> Result<ListSourceConfigsResponse, ApiError> {
        self.catch_up().await?;
        let source_configs = self.read(|state| {
            state
                .sources
                .iter()
                .map(|(id, source)| (id.clone(), source.yaml.clone()))
                .collect()
        });
        Ok(ListSourceConfigsResponse {
            result: true,
            msg: String::new(),
            source_configs,
        })
    }
}
