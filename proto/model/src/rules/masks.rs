//! Values that are hidden from the target.
//!
//! `hash` and `keep-length` are keyed by a secret that never stands in the task, and depend on nothing
//! else than secret and value: equal values stay equal in all tables, so joins still work.

use sha2::{Digest, Sha256};

use super::pattern::Pattern;
use crate::config::{MaskFunction, MaskRule, Named};
use crate::error::{DmError, codes};
use crate::table_name::TableName;

/// Length of HMAC's block for SHA-256 (RFC 2104).
const BLOCK_BYTES: usize = 64;
/// Characters of a whole hash.
pub const HASH_CHARS: usize = 64;
/// A secret that is shorter can be guessed.
const SECRET_BYTES_MIN: usize = 16;

/// The compiled `masks` of one source.
#[derive(Debug, Clone, Default)]
pub struct Masks {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    name: String,
    schema: Pattern,
    table: Option<Pattern>,
    function: MaskFunction,
    rule: MaskRule,
}

/// Where a worker finds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretPlace {
    /// A file; a newline at its end doesn't count.
    File(String),
    /// An environment variable.
    Env(String),
}

/// The mask of one column of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMask {
    /// The rule.
    pub rule: String,
    /// The column.
    pub column: String,
    /// How values are hidden.
    pub function: MaskFunction,
    /// Where the key is, for the functions that have one.
    pub secret: Option<SecretPlace>,
    value: String,
    keep_first: usize,
    keep_last: usize,
}

/// A secret as HMAC-SHA256 takes it.
#[derive(Clone)]
pub struct MaskKey {
    inner: Sha256,
    outer: Sha256,
}

impl Masks {
    /// Compiles rules.
    pub fn new(rules: &[Named<MaskRule>], case_sensitive: bool) -> Result<Self, DmError> {
        let rules = rules
            .iter()
            .map(|named| {
                Rule::new(named, case_sensitive).map_err(|problem| {
                    DmError::new(
                        &codes::CONFIG_MASK,
                        format!("masks {}: {problem}", named.name),
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// True without rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Every place of a secret.
    pub fn secrets(&self) -> impl Iterator<Item = SecretPlace> + '_ {
        self.rules.iter().filter_map(|rule| secret(&rule.rule))
    }

    /// The masks of a table; two for one column are an error.
    pub fn for_table(&self, table: &TableName) -> Result<Vec<ColumnMask>, DmError> {
        let matching = self.rules.iter().filter(|rule| {
            rule.schema.matches(&table.schema)
                && rule
                    .table
                    .as_ref()
                    .is_none_or(|pattern| pattern.matches(&table.table))
        });
        let mut masks: Vec<ColumnMask> = Vec::new();
        for rule in matching {
            for column in &rule.rule.columns {
                let twice = masks
                    .iter()
                    .find(|other| other.column.eq_ignore_ascii_case(column));
                if let Some(other) = twice {
                    let message = format!(
                        "masks {} and {} are both for column {column} of {table}",
                        other.rule, rule.name
                    );
                    return Err(DmError::new(&codes::CONFIG_MASK, message));
                }
                masks.push(ColumnMask {
                    rule: rule.name.clone(),
                    column: column.clone(),
                    function: rule.function,
                    secret: secret(&rule.rule),
                    value: rule.rule.value.clone(),
                    keep_first: rule.rule.keep_first as usize,
                    keep_last: rule.rule.keep_last as usize,
                });
            }
        }
        Ok(masks)
    }
}

impl Rule {
    fn new(named: &Named<MaskRule>, case_sensitive: bool) -> Result<Self, String> {
        let rule = &named.rule;
        if rule.columns.is_empty() || rule.columns.iter().any(String::is_empty) {
            return Err("columns: at least one name is needed, and none may be empty".to_owned());
        }
        let function = rule.function.ok_or("function is missing")?;
        let keyed = matches!(function, MaskFunction::Hash | MaskFunction::KeepLength);
        match (keyed, secret(rule)) {
            (true, None) => {
                return Err(
                    "secret-file or secret-env is missing: the function needs a key".to_owned(),
                );
            }
            (false, Some(_)) => {
                return Err("the function needs no secret-file and no secret-env".to_owned());
            }
            _ => {}
        }
        if !rule.secret_file.is_empty() && !rule.secret_env.is_empty() {
            return Err("both secret-file and secret-env are set".to_owned());
        }
        if function != MaskFunction::Fixed && !rule.value.is_empty() {
            return Err("value is for the function fixed".to_owned());
        }
        if function != MaskFunction::Partial && (rule.keep_first, rule.keep_last) != (0, 0) {
            return Err("keep-first and keep-last are for the function partial".to_owned());
        }
        let pattern = |key: &str, text: &str| {
            Pattern::new(text, case_sensitive).map_err(|problem| format!("{key}: {problem}"))
        };
        Ok(Self {
            name: named.name.clone(),
            schema: pattern("schema-pattern", &rule.schema_pattern)?,
            table: match rule.table_pattern.as_str() {
                "" => None,
                text => Some(pattern("table-pattern", text)?),
            },
            function,
            rule: rule.clone(),
        })
    }
}

fn secret(rule: &MaskRule) -> Option<SecretPlace> {
    if !rule.secret_file.is_empty() {
        Some(SecretPlace::File(rule.secret_file.clone()))
    } else if !rule.secret_env.is_empty() {
        Some(SecretPlace::Env(rule.secret_env.clone()))
    } else {
        None
    }
}

impl ColumnMask {
    /// Whether two different texts never become one, in a column of so many characters.
    pub fn is_injective(&self, chars: usize) -> bool {
        self.function == MaskFunction::Hash && chars >= HASH_CHARS
    }

    /// The hidden form of a text for a column of so many characters; `None` is NULL. Needs the key when
    /// [`ColumnMask::secret`] says so.
    pub fn text(&self, text: &str, chars: usize, key: Option<&MaskKey>) -> Option<String> {
        match (self.function, key) {
            (MaskFunction::Fixed, _) => Some(self.value.clone()),
            (MaskFunction::Partial, _) => Some(self.partial(text)),
            (MaskFunction::Hash, Some(key)) => {
                let mut hash = String::with_capacity(HASH_CHARS);
                for byte in key.digest(text.as_bytes()) {
                    hash.push(hex(byte >> 4));
                    hash.push(hex(byte & 15));
                }
                hash.truncate(chars);
                Some(hash)
            }
            (MaskFunction::KeepLength, Some(key)) => Some(key.same_shape(text)),
            (MaskFunction::Null, _) | (_, None) => None,
        }
    }

    /// The hidden form of a whole number: from 0 to `most`.
    pub fn number(&self, text: &str, most: u64, key: &MaskKey) -> u64 {
        let number = key
            .digest(text.as_bytes())
            .iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number % most.saturating_add(1).max(1)
    }

    fn partial(&self, text: &str) -> String {
        let count = text.chars().count();
        // A text that is too short to hide anything is hidden whole.
        let all = self.keep_first + self.keep_last >= count;
        text.chars()
            .enumerate()
            .map(|(index, c)| {
                let shown = !all && (index < self.keep_first || index + self.keep_last >= count);
                if shown { c } else { '*' }
            })
            .collect()
    }
}

impl MaskKey {
    /// From the bytes of a secret.
    pub fn new(secret: &[u8]) -> Result<Self, String> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(format!(
                "the secret has {} bytes, and at least {SECRET_BYTES_MIN} are needed",
                secret.len()
            ));
        }
        let mut block = [0_u8; BLOCK_BYTES];
        let shortened;
        let key = if secret.len() > BLOCK_BYTES {
            shortened = Sha256::digest(secret);
            shortened.as_slice()
        } else {
            secret
        };
        block
            .iter_mut()
            .zip(key)
            .for_each(|(own, byte)| *own = *byte);
        let padded = |pad: u8| Sha256::new().chain_update(block.map(|byte| byte ^ pad));
        Ok(Self {
            inner: padded(0x36),
            outer: padded(0x5c),
        })
    }

    /// HMAC-SHA256 (RFC 2104).
    fn digest(&self, data: &[u8]) -> [u8; 32] {
        let inner = self.inner.clone().chain_update(data).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
    }

    /// Letters become letters of their case and digits digits; what is neither stays.
    fn same_shape(&self, text: &str) -> String {
        let seed = self.digest(text.as_bytes());
        let mut stream: Vec<u8> = Vec::new();
        let mut block = 0_u32;
        let mut next = |stream: &mut Vec<u8>| loop {
            match stream.pop() {
                Some(byte) => return byte,
                None => {
                    let mut data = seed.to_vec();
                    data.extend(block.to_be_bytes());
                    block = block.wrapping_add(1);
                    stream.extend(self.digest(&data));
                }
            }
        };
        let mut draw = |base: u8, count: u8| {
            // So that no letter or digit is likelier than another.
            let fair = u8::MAX - (u8::MAX % count);
            loop {
                let byte = next(&mut stream);
                if byte < fair {
                    return char::from(base + byte % count);
                }
            }
        };
        text.chars()
            .map(|c| match c {
                'a'..='z' => draw(b'a', 26),
                'A'..='Z' => draw(b'A', 26),
                '0'..='9' => draw(b'0', 10),
                c if c.is_alphabetic() => draw(b'a', 26),
                c => c,
            })
            .collect()
    }
}

impl std::fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MaskKey(…)")
    }
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(function: MaskFunction) -> MaskRule {
        let keyed = matches!(function, MaskFunction::Hash | MaskFunction::KeepLength);
        MaskRule {
            schema_pattern: "s".to_owned(),
            columns: vec!["c".to_owned()],
            function: Some(function),
            secret_env: if keyed { "SECRET" } else { "" }.to_owned(),
            ..MaskRule::default()
        }
    }

    fn compiled(rule: MaskRule) -> ColumnMask {
        Masks::new(&[Named::new("m", rule)], false)
            .unwrap()
            .for_table(&TableName::new("s", "t"))
            .unwrap()
            .remove(0)
    }

    #[test]
    fn hmac_agrees_with_rfc_4231() {
        // Test case 3 (20 bytes 0xaa, 50 bytes 0xdd).
        let key = MaskKey::new(&[0xaa; 20]).unwrap();
        let hash = compiled(mask(MaskFunction::Hash));
        // A text cannot hold 0xdd; the digest itself is compared.
        let digest: String = key
            .digest(&[0xdd; 50])
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            digest,
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        );
        // Test case 6: a key longer than a block.
        let key = MaskKey::new(&[0xaa; 131]).unwrap();
        assert_eq!(
            hash.text(
                "Test Using Larger Than Block-Size Key - Hash Key First",
                200,
                Some(&key)
            )
            .unwrap(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn shapes_and_ends_stay() {
        let key = MaskKey::new(b"0123456789abcdef").unwrap();
        let keep = compiled(mask(MaskFunction::KeepLength));
        let hidden = keep.text("Ab-12 é", 10, Some(&key)).unwrap();
        assert_eq!(hidden.chars().count(), 7);
        assert_eq!(keep.text("Ab-12 é", 10, Some(&key)).unwrap(), hidden);
        let classes: Vec<bool> = hidden.chars().map(|c| c.is_ascii_digit()).collect();
        assert_eq!(classes, [false, false, false, true, true, false, false]);
        assert!(hidden.chars().nth(2) == Some('-') && hidden.chars().nth(5) == Some(' '));

        let partial = compiled(MaskRule {
            keep_first: 2,
            keep_last: 1,
            ..mask(MaskFunction::Partial)
        });
        assert_eq!(partial.text("abcdé", 9, None).unwrap(), "ab**é");
        assert_eq!(partial.text("abc", 9, None).unwrap(), "***");
    }

    #[test]
    fn incomplete_and_contradicting_rules_are_refused() {
        let spoil: [fn(&mut MaskRule); 6] = [
            |rule| rule.columns.clear(),
            |rule| rule.secret_env.clear(),
            |rule| rule.secret_file = "f".to_owned(),
            |rule| rule.value = "x".to_owned(),
            |rule| rule.keep_first = 1,
            |rule| rule.schema_pattern.clear(),
        ];
        for spoil in spoil {
            let mut rule = mask(MaskFunction::Hash);
            spoil(&mut rule);
            let error = Masks::new(&[Named::new("m", rule.clone())], false).unwrap_err();
            assert_eq!(error.code, 60_060, "{rule:?}");
        }
        assert!(MaskKey::new(b"short").is_err());
        let twice = [
            Named::new("a", mask(MaskFunction::Null)),
            Named::new("b", mask(MaskFunction::Null)),
        ];
        assert!(
            Masks::new(&twice, false)
                .unwrap()
                .for_table(&TableName::new("s", "t"))
                .is_err()
        );
    }
}
