//! `encrypt`, and encryption of passwords before they enter the log.

use dm_model::{DmError, Secret, codes};
use dm_proto::pb::{EncryptRequest, EncryptResponse};

use super::{ApiError, led::Led};

impl Led {
    pub(super) async fn encrypt(
        &self,
        request: EncryptRequest,
    ) -> Result<EncryptResponse, ApiError> {
        let Some(key) = &self.api.config.secret_key else {
            let message = "this cluster has no secret key";
            return Err(DmError::new(&codes::CONFIG_SECRET_KEY_PATH, message)
                .with_workaround(
                    "Create a file with 64 hexadecimal characters (`openssl rand -hex 32 > key`) and set `secret-key-path` on all masters.",
                )
                .into());
        };
        let ciphertext = key.encrypt(rand::random(), &request.plaintext);
        Ok(EncryptResponse {
            result: true,
            msg: String::new(),
            ciphertext,
        })
    }

    /// The password encrypted, unless it is already, is empty, or there is no key.
    pub(super) fn encrypted(&self, password: &Secret) -> Secret {
        match &self.api.config.secret_key {
            Some(key) if !password.is_empty() && key.try_decrypt(password.expose()).is_none() => {
                Secret::new(key.encrypt(rand::random(), password.expose()))
            }
            _ => password.clone(),
        }
    }
}
