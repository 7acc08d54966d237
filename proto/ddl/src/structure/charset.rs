//! Character sets: names, default collations, inheritance.

use crate::context::{Flavor, Server};
use crate::statement::CharsetClause;

/// Character set, its default collation (before MySQL 8.0 and MariaDB 11.5), bytes per character at most.
const CHARSETS: &[(&str, &str, u32)] = &[
    ("armscii8", "armscii8_general_ci", 1),
    ("ascii", "ascii_general_ci", 1),
    ("big5", "big5_chinese_ci", 2),
    ("binary", "binary", 1),
    ("cp1250", "cp1250_general_ci", 1),
    ("cp1251", "cp1251_general_ci", 1),
    ("cp1256", "cp1256_general_ci", 1),
    ("cp1257", "cp1257_general_ci", 1),
    ("cp850", "cp850_general_ci", 1),
    ("cp852", "cp852_general_ci", 1),
    ("cp866", "cp866_general_ci", 1),
    ("cp932", "cp932_japanese_ci", 2),
    ("dec8", "dec8_swedish_ci", 1),
    ("eucjpms", "eucjpms_japanese_ci", 3),
    ("euckr", "euckr_korean_ci", 2),
    ("gb18030", "gb18030_chinese_ci", 4),
    ("gb2312", "gb2312_chinese_ci", 2),
    ("gbk", "gbk_chinese_ci", 2),
    ("geostd8", "geostd8_general_ci", 1),
    ("greek", "greek_general_ci", 1),
    ("hebrew", "hebrew_general_ci", 1),
    ("hp8", "hp8_english_ci", 1),
    ("keybcs2", "keybcs2_general_ci", 1),
    ("koi8r", "koi8r_general_ci", 1),
    ("koi8u", "koi8u_general_ci", 1),
    ("latin1", "latin1_swedish_ci", 1),
    ("latin2", "latin2_general_ci", 1),
    ("latin5", "latin5_turkish_ci", 1),
    ("latin7", "latin7_general_ci", 1),
    ("macce", "macce_general_ci", 1),
    ("macroman", "macroman_general_ci", 1),
    ("sjis", "sjis_japanese_ci", 2),
    ("swe7", "swe7_swedish_ci", 1),
    ("tis620", "tis620_thai_ci", 1),
    ("ucs2", "ucs2_general_ci", 2),
    ("ujis", "ujis_japanese_ci", 3),
    ("utf16", "utf16_general_ci", 4),
    ("utf16le", "utf16le_general_ci", 4),
    ("utf32", "utf32_general_ci", 4),
    ("utf8mb3", "utf8mb3_general_ci", 3),
    ("utf8mb4", "utf8mb4_general_ci", 4),
];

/// MariaDB's newer default for its Unicode character sets, since 11.5.
const UCA1400: &[(&str, &str)] = &[
    ("ucs2", "ucs2_uca1400_ai_ci"),
    ("utf16", "utf16_uca1400_ai_ci"),
    ("utf32", "utf32_uca1400_ai_ci"),
    ("utf8mb3", "utf8mb3_uca1400_ai_ci"),
    ("utf8mb4", "utf8mb4_uca1400_ai_ci"),
];

/// A character set and a collation; none if unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Charset {
    pub(super) charset: Option<String>,
    pub(super) collation: Option<String>,
}

/// What a clause means where `inherited` would stand without it. A character set alone takes its default
/// collation, also when it is the inherited one.
pub(super) fn resolve(clause: &CharsetClause, inherited: &Charset, server: Server) -> Charset {
    let charset = clause.charset.as_deref().map(canonical_charset);
    match (&clause.collation, charset) {
        (None, None) => inherited.clone(),
        (None, Some(charset)) => Charset {
            collation: default_collation(&charset, server),
            charset: Some(charset),
        },
        (Some(collation), charset) => {
            let collation = canonical_collation(collation);
            let charset = charset
                .or_else(|| charset_of(&collation))
                .or_else(|| inherited.charset.clone());
            // MariaDB lets a collation go without its character set.
            let bare = collation.starts_with("uca1400_");
            let collation = match &charset {
                Some(charset) if bare => format!("{charset}_{collation}"),
                _ => collation,
            };
            Charset {
                charset,
                collation: Some(collation),
            }
        }
    }
}

/// The `_bin` collation of a character set.
pub(super) fn binary_collation(charset: &str) -> String {
    if charset == "binary" {
        String::from("binary")
    } else {
        format!("{charset}_bin")
    }
}

/// Bytes that a character takes at most; 1 if the character set is unknown.
pub(super) fn bytes_per_char_max(charset: Option<&str>) -> u32 {
    let known = CHARSETS.iter().find(|(name, ..)| Some(*name) == charset);
    known.map_or(1, |(_, _, bytes)| *bytes)
}

/// `utf8` is `utf8mb3` on every server that we read.
fn canonical_charset(name: &str) -> String {
    if name == "utf8" {
        String::from("utf8mb3")
    } else {
        name.to_owned()
    }
}

fn canonical_collation(name: &str) -> String {
    match name.strip_prefix("utf8_") {
        Some(rest) => format!("utf8mb3_{rest}"),
        None => name.to_owned(),
    }
}

fn default_collation(charset: &str, server: Server) -> Option<String> {
    let newer = match server.flavor {
        Flavor::Mysql if server.version >= 80_001 && charset == "utf8mb4" => {
            Some("utf8mb4_0900_ai_ci")
        }
        Flavor::Mariadb if server.version >= 110_500 => lookup(UCA1400, charset),
        _ => None,
    };
    newer
        .map(str::to_owned)
        .or_else(|| built_in_collation(charset))
}

/// The default collation that a character set had before servers chose newer ones.
pub(super) fn built_in_collation(charset: &str) -> Option<String> {
    let known = CHARSETS.iter().find(|(name, ..)| *name == charset);
    known.map(|(_, collation, _)| (*collation).to_owned())
}

fn lookup(pairs: &[(&str, &'static str)], charset: &str) -> Option<&'static str> {
    pairs
        .iter()
        .find(|(name, _)| *name == charset)
        .map(|(_, collation)| *collation)
}

/// The character set that a collation's name starts with.
fn charset_of(collation: &str) -> Option<String> {
    let name = collation.split('_').next().unwrap_or_default();
    CHARSETS
        .iter()
        .find(|(known, ..)| *known == name)
        .map(|(known, ..)| (*known).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(charset: &str, collation: &str) -> CharsetClause {
        let some = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        CharsetClause {
            charset: some(charset),
            collation: some(collation),
        }
    }

    #[test]
    fn inheritance_and_defaults() {
        let server = |flavor, version| Server { flavor, version };
        let inherited = Charset {
            charset: Some("latin1".into()),
            collation: Some("latin1_bin".into()),
        };
        let cases = [
            (
                "",
                "",
                server(Flavor::Mysql, 80_046),
                "latin1",
                "latin1_bin",
            ),
            (
                "latin1",
                "",
                server(Flavor::Mysql, 80_046),
                "latin1",
                "latin1_swedish_ci",
            ),
            (
                "utf8mb4",
                "",
                server(Flavor::Mysql, 80_046),
                "utf8mb4",
                "utf8mb4_0900_ai_ci",
            ),
            (
                "utf8mb4",
                "",
                server(Flavor::Mysql, 50_733),
                "utf8mb4",
                "utf8mb4_general_ci",
            ),
            (
                "utf8mb4",
                "",
                server(Flavor::Mariadb, 101_106),
                "utf8mb4",
                "utf8mb4_general_ci",
            ),
            (
                "utf8mb4",
                "",
                server(Flavor::Mariadb, 110_806),
                "utf8mb4",
                "utf8mb4_uca1400_ai_ci",
            ),
            (
                "utf8",
                "",
                server(Flavor::Mysql, 50_733),
                "utf8mb3",
                "utf8mb3_general_ci",
            ),
            (
                "",
                "utf8_bin",
                server(Flavor::Mysql, 50_733),
                "utf8mb3",
                "utf8mb3_bin",
            ),
            (
                "",
                "gbk_bin",
                server(Flavor::Mysql, 90_704),
                "gbk",
                "gbk_bin",
            ),
            (
                "",
                "uca1400_as_cs",
                server(Flavor::Mariadb, 110_806),
                "latin1",
                "latin1_uca1400_as_cs",
            ),
            (
                "binary",
                "",
                server(Flavor::Mysql, 90_704),
                "binary",
                "binary",
            ),
        ];
        for (charset, collation, server, wanted_charset, wanted_collation) in cases {
            let got = resolve(&clause(charset, collation), &inherited, server);
            assert_eq!(
                got.charset.as_deref(),
                Some(wanted_charset),
                "{charset} {collation}"
            );
            assert_eq!(
                got.collation.as_deref(),
                Some(wanted_collation),
                "{charset} {collation}"
            );
        }
    }
}
