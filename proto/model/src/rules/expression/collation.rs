//! How texts compare.
//!
//! A collation without a table of its own is decided for ASCII and for ideographs, where weights are
//! known; anything else that the answer depends on is "not known", never a guess. Sources: MySQL manual,
//! "Unicode Character Sets" and "The binary Collation Compared to _bin Collations"; UTS #10 for what is
//! ignorable.

use std::cmp::Ordering;

/// A collation whose answers are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Collation {
    order: Order,
    /// Trailing spaces don't count.
    pads: bool,
    /// Bytes of the character set order as code points do.
    by_code_point: bool,
    /// For LENGTH.
    pub(super) bytes: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Binary,
    /// By upper case, then by code.
    General,
    /// By the Unicode Collation Algorithm's first level.
    Uca,
}

/// How many bytes a character takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bytes {
    Utf8,
    One,
    Unknown,
}

/// What depends on something that isn't known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotKnown(pub(super) char);

impl Collation {
    /// By the server's name.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let charset = name.split('_').next().unwrap_or_default();
        let order = if name == "binary" || name.ends_with("_bin") {
            Order::Binary
        } else if name.ends_with("_general_ci")
            || name.ends_with("_general_nopad_ci")
            || matches!(
                name.as_str(),
                "latin1_swedish_ci" | "gbk_chinese_ci" | "gb2312_chinese_ci"
            )
        {
            Order::General
        } else if name.ends_with("_unicode_ci")
            || name.ends_with("_unicode_nopad_ci")
            || name.ends_with("_unicode_520_ci")
            || name.ends_with("_0900_ai_ci")
            || name.ends_with("uca1400_ai_ci")
            || name.ends_with("uca1400_nopad_ai_ci")
        {
            Order::Uca
        } else {
            return None;
        };
        let pads = name != "binary" && !name.contains("_0900_") && !name.contains("_nopad_");
        Some(Self {
            order,
            pads,
            by_code_point: charset.starts_with("utf8")
                || matches!(charset, "ascii" | "uca1400" | "utf32" | "utf16" | "ucs2"),
            bytes: match charset {
                "utf8mb4" | "utf8mb3" | "utf8" | "uca1400" => Bytes::Utf8,
                "latin1" | "ascii" => Bytes::One,
                _ => Bytes::Unknown,
            },
        })
    }

    /// For texts that stand in the expression beside no column.
    pub(super) fn of_literals() -> Self {
        Self {
            order: Order::General,
            pads: true,
            by_code_point: true,
            bytes: Bytes::Utf8,
        }
    }

    /// As `=` and `<` see them.
    pub(super) fn compare(&self, a: &str, b: &str) -> Result<Ordering, NotKnown> {
        if a == b {
            return Ok(Ordering::Equal);
        }
        let (mut left, mut right) = (a.chars(), b.chars());
        loop {
            match (left.next(), right.next()) {
                (None, None) => return Ok(Ordering::Equal),
                (Some(x), Some(y)) => {
                    let order = self.order_of(x, y)?;
                    if order.is_ne() {
                        return Ok(order);
                    }
                }
                (Some(x), None) => return self.rest(x, left),
                (None, Some(y)) => return self.rest(y, right).map(Ordering::reverse),
            }
        }
    }

    /// As LIKE sees two characters.
    pub(super) fn same_char(&self, a: char, b: char) -> Result<bool, NotKnown> {
        self.order_of(a, b).map(Ordering::is_eq)
    }

    /// A text against its own beginning.
    fn rest(&self, first: char, more: std::str::Chars<'_>) -> Result<Ordering, NotKnown> {
        if !self.pads {
            if self.order == Order::Uca {
                // An ignorable rest adds nothing.
                self.known(first)?;
            }
            return Ok(Ordering::Greater);
        }
        for c in std::iter::once(first).chain(more) {
            let order = self.order_of(c, ' ')?;
            if order.is_ne() {
                return Ok(order);
            }
        }
        Ok(Ordering::Equal)
    }

    fn order_of(&self, a: char, b: char) -> Result<Ordering, NotKnown> {
        if a == b {
            return Ok(Ordering::Equal);
        }
        match self.order {
            Order::Binary if self.by_code_point || (a.is_ascii() && b.is_ascii()) => Ok(a.cmp(&b)),
            Order::Binary => Err(NotKnown(if a.is_ascii() { b } else { a })),
            Order::General => {
                let (x, y) = (self.known(a)?, self.known(b)?);
                if x != y && !self.by_code_point && !(x.is_ascii() && y.is_ascii()) {
                    // Different for certain, but not in this order.
                    return Err(NotKnown(if a.is_ascii() { b } else { a }));
                }
                Ok(x.cmp(&y))
            }
            Order::Uca => {
                let (x, y) = (self.known(a)?, self.known(b)?);
                let order = rank(x).cmp(&rank(y));
                if x == y || order.is_ne() {
                    return Ok(order);
                }
                match rank(x) {
                    Rank::Digit | Rank::Letter | Rank::Ideograph => Ok(x.cmp(&y)),
                    // Their order differs between versions of the algorithm.
                    Rank::Other => Err(NotKnown(a)),
                }
            }
        }
    }

    /// The character that stands for all that are equal to it.
    fn known(&self, c: char) -> Result<char, NotKnown> {
        let is_control = c.is_ascii_control() && !matches!(c, '\t'..='\r');
        if c.is_ascii() && !(is_control && self.order == Order::Uca) {
            return Ok(c.to_ascii_uppercase());
        }
        // Unified ideographs of the first block have a weight each, in their order.
        if ('\u{4e00}'..='\u{9fa5}').contains(&c) {
            return Ok(c);
        }
        Err(NotKnown(c))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Other,
    Digit,
    Letter,
    Ideograph,
}

fn rank(c: char) -> Rank {
    match c {
        '0'..='9' => Rank::Digit,
        'A'..='Z' => Rank::Letter,
        c if c.is_ascii() => Rank::Other,
        _ => Rank::Ideograph,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(name: &str, a: &str, b: &str) -> Result<Ordering, NotKnown> {
        Collation::by_name(name).unwrap().compare(a, b)
    }

    #[test]
    fn case_and_padding() {
        use Ordering::{Equal, Greater, Less};
        assert_eq!(compare("utf8mb4_general_ci", "aB ", "Ab"), Ok(Equal));
        assert_eq!(compare("utf8mb4_0900_ai_ci", "aB ", "Ab"), Ok(Greater));
        assert_eq!(compare("utf8mb4_bin", "a", "A"), Ok(Greater));
        assert_eq!(compare("utf8mb4_bin", "a  ", "a"), Ok(Equal));
        assert_eq!(compare("utf8mb4_0900_bin", "a ", "a"), Ok(Greater));
        assert_eq!(compare("binary", "a ", "a"), Ok(Greater));
        assert_eq!(compare("utf8mb4_general_ci", "a\t", "a"), Ok(Less));
        assert_eq!(compare("utf8mb4_general_ci", "_", "a"), Ok(Greater));
        assert_eq!(compare("utf8mb4_0900_ai_ci", "_", "a"), Ok(Less));
        assert_eq!(compare("utf8mb4_unicode_ci", "z", "9"), Ok(Greater));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        assert_eq!(compare("utf8mb4_general_ci", "é", "e"), Err(NotKnown('é')));
        assert_eq!(compare("utf8mb4_general_ci", "é", "é"), Ok(Ordering::Equal));
        // Decided before it matters.
        assert_eq!(
            compare("utf8mb4_general_ci", "aé", "be"),
            Ok(Ordering::Less)
        );
        assert_eq!(
            compare("utf8mb4_0900_ai_ci", "中", "文"),
            Ok(Ordering::Less)
        );
        assert_eq!(compare("utf8mb4_0900_ai_ci", "-", "_"), Err(NotKnown('-')));
        assert!(Collation::by_name("utf8mb4_de_pb_0900_as_cs").is_none());
    }
}
