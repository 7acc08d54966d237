//! Passwords in memory ([`Secret`]) and at rest ([`SecretKey`]).
//!
//! Format at rest: `base64(iv[16] '@' ciphertext)` with AES-256 in CFB mode. The mode has no
//! integrity check, so decrypting can only fail on the frame; what fails is taken as plain text,
//! which is what lets users write plain passwords in their files.

use std::fmt;

use aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cfb_mode::cipher::KeyIvInit;
use serde::{Deserialize, Serialize};

use crate::error::{DmError, codes};

/// What is shown in place of a secret.
pub const REDACTED: &str = "******";
const IV_BYTES: usize = 16;
const KEY_BYTES: usize = 32;

/// A text that must not reach logs. Serialises as it is; never prints itself.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it to a server.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What to show instead: nothing for an empty secret.
    pub fn redacted(&self) -> Secret {
        if self.is_empty() {
            Self::default()
        } else {
            Self::new(REDACTED)
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// The cluster's key for passwords in configurations.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey([u8; KEY_BYTES]);

impl SecretKey {
    /// Takes the key's 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DmError> {
        <[u8; KEY_BYTES]>::try_from(bytes).map(Self).map_err(|_| {
            DmError::new(
                &codes::CONFIG_SECRET_KEY_PATH,
                format!("the secret key has {} bytes, not {KEY_BYTES}", bytes.len()),
            )
        })
    }

    /// Reads the text of a key file: 64 hexadecimal digits, white space around them ignored.
    pub fn from_hex(text: &str) -> Result<Self, DmError> {
        let digits = text.trim().as_bytes();
        let bad = |what: String| DmError::new(&codes::CONFIG_SECRET_KEY_PATH, what);
        if digits.len() != KEY_BYTES * 2 {
            return Err(bad(format!(
                "the secret key file has {} characters, not {} hexadecimal digits",
                digits.len(),
                KEY_BYTES * 2
            )));
        }
        let digit = |byte: u8| {
            char::from(byte)
                .to_digit(16)
                .and_then(|n| u8::try_from(n).ok())
        };
        let bytes: Option<Vec<u8>> = digits
            .chunks_exact(2)
            .map(|pair| match pair {
                &[high, low] => Some(digit(high)? << 4 | digit(low)?),
                _ => None,
            })
            .collect();
        let bytes = bytes.ok_or_else(|| {
            bad("the secret key file has a character that is no hexadecimal digit".into())
        })?;
        Self::from_bytes(&bytes)
    }

    /// Same as [`Self::from_hex`]; the caller reads the file.
    pub fn from_hex_file(text: &str) -> Result<Self, DmError> {
        Self::from_hex(text)
    }

    /// The key's bytes, for handing it to a worker.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Encrypts a password. `iv` must be random and used once; this crate has no randomness.
    pub fn encrypt(&self, iv: [u8; IV_BYTES], plain: &str) -> String {
        let mut frame = Vec::with_capacity(IV_BYTES + 1 + plain.len());
        frame.extend_from_slice(&iv);
        frame.push(b'@');
        let mut text = plain.as_bytes().to_vec();
        cfb_mode::Encryptor::<Aes256>::new(&self.0.into(), &iv.into()).encrypt(&mut text);
        frame.extend_from_slice(&text);
        BASE64.encode(frame)
    }

    /// Decrypts a password; a text that is not one of ours is returned as it is.
    pub fn decrypt(&self, text: &str) -> String {
        self.try_decrypt(text).unwrap_or_else(|| text.to_owned())
    }

    /// Decrypts a password; `None` when the text is not one of ours.
    pub fn try_decrypt(&self, text: &str) -> Option<String> {
        let frame = BASE64.decode(text.trim()).ok()?;
        let (iv, rest) = frame.split_at_checked(IV_BYTES)?;
        let iv = <[u8; IV_BYTES]>::try_from(iv).ok()?;
        let mut cipher_text = rest.strip_prefix(b"@")?.to_vec();
        cfb_mode::Decryptor::<Aes256>::new(&self.0.into(), &iv.into()).decrypt(&mut cipher_text);
        String::from_utf8(cipher_text).ok()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
#[path = "secret_test.rs"]
mod tests;
