//! `encrypt`: a password in the form that configuration files may hold.

use dm_proto::pb::{EncryptRequest, EncryptResponse};

use crate::{CtlError, commands::Context, output::Format};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The password.
    #[arg(value_name = "plain-text")]
    pub plaintext: Vec<String>,
}

impl Args {
    /// The one argument; otherwise the help is printed.
    pub fn plaintext(&self) -> Option<&str> {
        match self.plaintext.as_slice() {
            [plaintext] => Some(plaintext),
            _ => None,
        }
    }
}

/// Asks the master, which has the key.
pub async fn call(plaintext: &str, ctx: &Context) -> Result<EncryptResponse, CtlError> {
    let message = EncryptRequest {
        plaintext: plaintext.to_owned(),
    };
    let response = ctx
        .client
        .query(message, async |mut master, request| {
            master.encrypt(request).await
        })
        .await?;
    if response.result {
        Ok(response)
    } else {
        Err(CtlError::message(response.msg))
    }
}

/// Only the cipher text, in every format: it is made for pasting.
pub fn print(response: &EncryptResponse, _format: Format) -> String {
    response.ciphertext.clone()
}
