//! Text → tokens.

use super::Decimal;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// An unquoted word.
    Word(String),
    /// A name in backticks.
    Name(String),
    Text(String),
    Bytes(Vec<u8>),
    Int(i128),
    Decimal(Decimal),
    Double(f64),
    Symbol(&'static str),
}

/// Longest first.
const SYMBOLS: &[&str] = &[
    "<=>", "<=", ">=", "<>", "!=", "&&", "||", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")",
    ",", "!", ".",
];

/// Tokens with the byte where each begins.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) =
            token(rest, first).map_err(|problem| format!("{problem} at byte {at}"))?;
        found.push((at, token));
        at += length;
    }
    Ok(found)
}

fn token(rest: &str, first: char) -> Result<(Token, usize), String> {
    let mut chars = rest.chars();
    chars.next();
    let second = chars.next();
    match first {
        '\'' | '"' => text(rest, first),
        '`' => name(rest),
        'x' | 'X' if second == Some('\'') => hex_text(rest),
        '0'..='9' => number(rest),
        '.' if second.is_some_and(|c| c.is_ascii_digit()) => number(rest),
        _ if first.is_alphabetic() || first == '_' || first == '$' || first == '@' => {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$' || c == '@'))
                .unwrap_or(rest.len());
            let word = rest.get(..end).unwrap_or_default();
            Ok((Token::Word(word.to_owned()), end))
        }
        _ => SYMBOLS
            .iter()
            .find(|symbol| rest.starts_with(**symbol))
            .map(|symbol| (Token::Symbol(symbol), symbol.len()))
            .ok_or_else(|| format!("{first:?} is not understood")),
    }
}

/// A quoted text: doubled quotes and backslash escapes as MySQL reads them without NO_BACKSLASH_ESCAPES.
fn text(rest: &str, quote: char) -> Result<(Token, usize), String> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            if chars.next_if(|(_, next)| *next == quote).is_some() {
                value.push(quote);
                continue;
            }
            return Ok((Token::Text(value), at + quote.len_utf8()));
        }
        if c != '\\' {
            value.push(c);
            continue;
        }
        match chars.next() {
            Some((_, 'n')) => value.push('\n'),
            Some((_, 't')) => value.push('\t'),
            Some((_, 'r')) => value.push('\r'),
            Some((_, 'b')) => value.push('\u{8}'),
            Some((_, '0')) => value.push('\0'),
            Some((_, 'Z')) => value.push('\u{1a}'),
            // LIKE needs these as they are.
            Some((_, escaped @ ('%' | '_'))) => value.extend(['\\', escaped]),
            Some((_, other)) => value.push(other),
            None => break,
        }
    }
    Err("a text does not end".to_owned())
}

fn name(rest: &str) -> Result<(Token, usize), String> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != '`' {
            value.push(c);
        } else if chars.next_if(|(_, next)| *next == '`').is_some() {
            value.push('`');
        } else {
            return Ok((Token::Name(value), at + 1));
        }
    }
    Err("a name does not end".to_owned())
}

fn hex_text(rest: &str) -> Result<(Token, usize), String> {
    let digits = rest.get(2..).unwrap_or_default();
    let end = digits.find('\'').ok_or("x'…' does not end")?;
    let bytes = hex(digits.get(..end).unwrap_or_default())?;
    Ok((Token::Bytes(bytes), end + 3))
}

fn hex(digits: &str) -> Result<Vec<u8>, String> {
    let padded = if digits.len() % 2 == 1 {
        format!("0{digits}")
    } else {
        digits.to_owned()
    };
    padded
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or_else(|| format!("{digits:?} is not hexadecimal"))
        })
        .collect()
}

fn number(rest: &str) -> Result<(Token, usize), String> {
    if let Some(digits) = rest.strip_prefix("0x") {
        let end = digits
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(digits.len());
        let bytes = hex(digits.get(..end).unwrap_or_default())?;
        return Ok((Token::Bytes(bytes), end + 2));
    }
    let mut end = digits_end(rest, 0);
    let mut is_whole = true;
    if rest.get(end..).is_some_and(|tail| tail.starts_with('.')) {
        is_whole = false;
        end = digits_end(rest, end + 1);
    }
    let tail = rest.get(end..).unwrap_or_default();
    if tail.starts_with(['e', 'E']) {
        let sign = usize::from(tail.get(1..).is_some_and(|t| t.starts_with(['+', '-'])));
        let exponent = digits_end(rest, end + 1 + sign);
        if exponent > end + 1 + sign {
            let text = rest.get(..exponent).unwrap_or_default();
            let value = text
                .parse()
                .map_err(|_| format!("{text:?} is not a number"))?;
            return Ok((Token::Double(value), exponent));
        }
    }
    let text = rest.get(..end).unwrap_or_default();
    let too_long = || format!("the number {text} is too long");
    if is_whole {
        let value = text.parse::<i128>().map_err(|_| too_long())?;
        return Ok((Token::Int(value), end));
    }
    let value = Decimal::parse(text).ok_or_else(too_long)?;
    Ok((Token::Decimal(value), end))
}

fn digits_end(text: &str, from: usize) -> usize {
    text.bytes()
        .enumerate()
        .skip(from)
        .find(|(_, byte)| !byte.is_ascii_digit())
        .map_or(text.len(), |(at, _)| at)
}
