use super::*;

/// A sample key; the expected text below was computed with another implementation.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn key() -> SecretKey {
    SecretKey::from_hex(KEY).unwrap()
}

#[test]
fn the_format_is_the_one_of_openssl_cfb() {
    let text = key().encrypt([7; 16], "p@ss word, 16+ bytes");
    assert_eq!(text, EXPECTED);
    assert_eq!(key().decrypt(&text), "p@ss word, 16+ bytes");
}
const EXPECTED: &str = "BwcHBwcHBwcHBwcHBwcHB0B3jpsXGTa+cN3wQCBDXyMQBDrLqA==";

#[test]
fn what_is_not_ours_is_plain_text() {
    for text in ["", "123456", "secret", "AAAA", "not base64 !"] {
        assert_eq!(key().decrypt(text), text);
        assert_eq!(key().try_decrypt(text), None);
    }
    let no_at = BASE64.encode([1u8; 40]);
    assert_eq!(key().decrypt(&no_at), no_at);
}

#[test]
fn empty_and_unicode_passwords_round_trip() {
    for plain in ["", "x", "пароль-密码"] {
        assert_eq!(key().decrypt(&key().encrypt([1; 16], plain)), plain);
    }
}

#[test]
fn key_files_are_64_digits() {
    assert!(SecretKey::from_hex_file(&format!(" {}\n", KEY.to_uppercase())).is_ok());
    for bad in ["", "00", &KEY[1..], &KEY.replace('0', "g")] {
        assert_eq!(SecretKey::from_hex(bad).unwrap_err().code, 20067);
    }
    assert_eq!(SecretKey::from_bytes(key().as_bytes()), Ok(key()));
}

#[test]
fn secrets_do_not_print_themselves() {
    let secret = Secret::new("hunter2");
    assert_eq!(
        format!("{secret} {secret:?} {:?}", key()),
        "****** ****** ******"
    );
    assert_eq!(serde_json::to_string(&secret).unwrap(), "\"hunter2\"");
}
