//! Wildcard patterns of table rules.

/// One position of a wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Char(char),
    Any,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// `?` is one character, `[a-c]`, `[abc]` and `[!a-c]` are one of a class, `*` is any run and may
/// only stand at the end. Nothing can be escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    items: Vec<Item>,
    /// Ends in `*`.
    open: bool,
}

impl Wildcard {
    /// True when the text has a character that means something here.
    pub fn is_wildcard(text: &str) -> bool {
        text.contains(['*', '?', '['])
    }

    /// Compiles a pattern; the error says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut items = Vec::new();
        let mut open = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '*' if chars.peek().is_some() => {
                    return Err(format!(
                        "{text:?} is not valid: * may only stand at the end"
                    ));
                }
                '*' => open = true,
                '?' => items.push(Item::Any),
                '[' => items.push(class(text, &mut chars)?),
                _ => items.push(Item::Char(c)),
            }
        }
        Ok(Self { items, open })
    }

    /// True when the whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        let mut chars = name.chars();
        for item in &self.items {
            match chars.next() {
                Some(c) if item.matches(c) => {}
                _ => return false,
            }
        }
        self.open || chars.next().is_none()
    }
}

impl Item {
    fn matches(&self, c: char) -> bool {
        match self {
            Item::Char(own) => *own == c,
            Item::Any => true,
            Item::Class { negated, ranges } => {
                ranges.iter().any(|&(from, to)| from <= c && c <= to) != *negated
            }
        }
    }
}

fn class(text: &str, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Item, String> {
    let negated = chars.next_if_eq(&'!').is_some();
    let mut ranges = Vec::new();
    loop {
        let Some(from) = chars.next() else {
            return Err(format!("{text:?} is not valid: [ without ]"));
        };
        if from == ']' {
            break;
        }
        let mut to = from;
        if chars.next_if_eq(&'-').is_some() {
            match chars.next() {
                Some(end) if end != ']' && from <= end => to = end,
                _ => return Err(format!("{text:?} is not valid: bad range after {from:?}")),
            }
        }
        ranges.push((from, to));
    }
    if ranges.is_empty() {
        return Err(format!("{text:?} is not valid: nothing between [ and ]"));
    }
    Ok(Item::Class { negated, ranges })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Wildcard::new(pattern).unwrap().matches(name)
    }

    #[test]
    fn star_is_any_run_and_only_at_the_end() {
        assert!(matches("shard_*", "shard_"));
        assert!(matches("shard_*", "shard_12"));
        assert!(matches("*", ""));
        assert!(!matches("shard_*", "sharp"));
        assert!(Wildcard::new("a*b").unwrap_err().contains("not valid"));
        assert!(Wildcard::new("**").is_err());
    }

    #[test]
    fn question_mark_is_one_character_of_any_length_in_bytes() {
        assert!(matches("t_?", "t_é"));
        assert!(!matches("t_?", "t_"));
        assert!(!matches("t_?", "t_12"));
    }

    #[test]
    fn classes() {
        assert!(matches("t[a-c]", "tb"));
        assert!(matches("t[xyz0-9]*", "t7_old"));
        assert!(!matches("t[!a-c]", "tb"));
        assert!(matches("t[!a-c]", "td"));
        for bad in ["t[", "t[]", "t[a-", "t[c-a]", "t[a-]"] {
            assert!(Wildcard::new(bad).is_err(), "{bad}");
        }
    }
}
