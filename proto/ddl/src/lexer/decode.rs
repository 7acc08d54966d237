//! Values of quoted tokens.

/// The name in a quoted or unquoted name token.
pub(crate) fn decode_name(raw: &str) -> String {
    let Some(quote) = raw.chars().next().filter(|c| matches!(c, '`' | '"')) else {
        return raw.to_owned();
    };
    undouble(inner(raw), quote)
}

/// The value of a string token.
pub(crate) fn decode_string(raw: &str, no_backslash_escapes: bool) -> String {
    let body = raw.strip_prefix(['n', 'N']).unwrap_or(raw);
    let Some(quote) = body.chars().next() else {
        return String::new();
    };
    let body = inner(body);
    if no_backslash_escapes || !body.contains('\\') {
        return undouble(body, quote);
    }
    let mut out = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        if c == quote {
            chars.next();
            out.push(quote);
        } else if c == '\\' {
            match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('b') => out.push('\u{8}'),
                Some('0') => out.push('\0'),
                Some('Z') => out.push('\u{1a}'),
                // LIKE patterns keep their backslash.
                Some(escaped @ ('%' | '_')) => out.extend(['\\', escaped]),
                Some(other) => out.push(other),
                None => {}
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// The bytes of a hexadecimal literal as text; bytes that aren't UTF-8 are replaced.
pub(crate) fn decode_hex(raw: &str) -> String {
    let digits: Vec<u8> = raw
        .chars()
        .skip(2)
        .filter_map(|c| c.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap_or(0))
        .collect();
    let odd = digits.len() % 2;
    let mut bytes: Vec<u8> = digits.iter().take(odd).copied().collect();
    for pair in digits.get(odd..).unwrap_or_default().chunks_exact(2) {
        if let [high, low] = pair {
            bytes.push(high << 4 | low);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn inner(raw: &str) -> &str {
    raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()
}

fn undouble(body: &str, quote: char) -> String {
    let mut out = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == quote {
            chars.next();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (raw, name) in [
            ("a", "a"),
            ("`a``b`", "a`b"),
            ("\"x\"\"y\"", "x\"y"),
            ("``", ""),
            ("`é`", "é"),
        ] {
            assert_eq!(decode_name(raw), name);
        }
    }

    #[test]
    fn strings() {
        let cases = [
            ("'a''b'", "a'b"),
            (r"'a\'b'", "a'b"),
            (r"'\n\t\0\\\q'", "\n\t\0\\q"),
            (r"'\%\_'", r"\%\_"),
            ("\"a\"\"b'\"", "a\"b'"),
            ("N'x'", "x"),
            ("''", ""),
        ];
        for (raw, value) in cases {
            assert_eq!(decode_string(raw, false), value, "{raw}");
        }
        assert_eq!(decode_string(r"'a\'", true), r"a\");
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(decode_hex("x'4142'"), "AB");
        assert_eq!(decode_hex("0x142"), "\u{1}B");
    }
}
