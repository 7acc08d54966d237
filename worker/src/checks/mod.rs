//! stub
use dm_model::DmError;
use dm_proto::v1::{CheckSourceCall, CheckTaskCall, CheckTaskReply};
/// stub
pub async fn check_source(_c: &CheckSourceCall, _key: &[u8]) -> Result<String, DmError> { Ok(String::new()) }
/// stub
pub async fn check_task(_c: &CheckTaskCall, _key: &[u8]) -> Result<CheckTaskReply, DmError> { Ok(CheckTaskReply::default()) }
