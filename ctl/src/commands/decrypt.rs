//! `decrypt`: reads a password back, for who has the key file.
//!
//! No master is asked: it never gives a password away. Without a key file the key that DM 1.0 to 2.0 had built in is used, which
//! old configuration files may need.

use dm_model::SecretKey;

use crate::{CtlError, output::Format, task_file};

/// The key of DM 1.0 to 2.0; public, so it protects nothing.
const OLD_BUILT_IN_KEY: &str = "a529b7665997f043a30ac8fadcb51d6aa032c226ab5b7750530b12b8c1a16a48";

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The encrypted password.
    #[arg(value_name = "cipher-text")]
    pub ciphertext: String,
    /// The key file of the masters: 64 hexadecimal digits.
    #[arg(long, value_name = "file")]
    pub secret_key_path: Option<String>,
}

/// A password in clear.
#[derive(Debug, PartialEq, Eq)]
pub struct Plaintext(pub String);

/// Decrypts here.
pub fn call(args: &Args) -> Result<Plaintext, CtlError> {
    let key = match &args.secret_key_path {
        Some(path) => SecretKey::from_hex_file(&task_file::read(path)?)?,
        None => SecretKey::from_hex_file(OLD_BUILT_IN_KEY)?,
    };
    key.try_decrypt(&args.ciphertext)
        .map(Plaintext)
        .ok_or_else(|| {
            let advice = if args.secret_key_path.is_some() {
                ""
            } else {
                "; give the masters' key with --secret-key-path"
            };
            CtlError::message(format!(
                "this text cannot be decrypted with this key{advice}"
            ))
        })
}

/// Only the password, in every format.
pub fn print(plaintext: &Plaintext, _format: Format) -> String {
    plaintext.0.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_key_and_key_file() {
        let key = SecretKey::from_hex_file(OLD_BUILT_IN_KEY).expect("a valid key");
        let ciphertext = key.encrypt([7; 16], "s3cret");
        let args = Args {
            ciphertext: ciphertext.clone(),
            secret_key_path: None,
        };
        assert_eq!(call(&args).expect("decrypted"), Plaintext("s3cret".into()));

        let file = tempfile::NamedTempFile::new().expect("temporary file");
        std::fs::write(file.path(), format!("{OLD_BUILT_IN_KEY}\n")).expect("key written");
        let secret_key_path = Some(file.path().display().to_string());
        assert_eq!(
            call(&Args {
                ciphertext,
                secret_key_path
            })
            .expect("decrypted"),
            Plaintext("s3cret".into())
        );
        assert!(
            call(&Args {
                ciphertext: "plain".into(),
                secret_key_path: None
            })
            .is_err()
        );
    }
}
