//! The grammar file, and random statements of it.

use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::StdRng;

/// Depth at which only the shortest alternatives are taken.
const DEPTH_MAX: usize = 24;
/// One in so many gaps between words gets a comment.
const COMMENT_ONE_IN: u32 = 60;

/// Which servers an alternative is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}

#[derive(Clone, Debug)]
enum Symbol {
    Word(String),
    Rule(String),
    List(String),
    Optional(Vec<Symbol>),
}

#[derive(Clone, Debug)]
struct Alternative {
    weight: u32,
    only: Option<Family>,
    symbols: Vec<Symbol>,
    text: String,
}

/// Rules by name.
#[derive(Clone, Debug)]
pub struct Grammar {
    rules: BTreeMap<String, Vec<Alternative>>,
}

/// A statement and the alternatives that it was made of, as `rule: alternative`.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The text.
    pub text: String,
    /// Productions.
    pub productions: Vec<String>,
}

impl Grammar {
    /// The grammar of this folder, for one family; `first` and `second` are names of databases.
    #[must_use]
    pub fn new(family: Family, first: &str, second: &str) -> Self {
        let mut rules = BTreeMap::new();
        for line in include_str!("grammar.txt").lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((name, body)) = line.split_once(" = ") else {
                continue;
            };
            let body = body.replace("@first", first).replace("@second", second);
            // A bar with spaces around it, or at an end: no statement has one.
            let alternatives = format!(" {body} ")
                .split(" | ")
                .flat_map(|text| text.split("| "))
                .map(alternative)
                .filter(|found| found.only.is_none_or(|only| only == family))
                .collect();
            rules.insert(name.to_owned(), alternatives);
        }
        Self { rules }
    }

    /// Every production, for coverage.
    #[must_use]
    pub fn productions(&self) -> Vec<String> {
        self.rules
            .iter()
            .flat_map(|(rule, alternatives)| {
                alternatives
                    .iter()
                    .map(move |one| format!("{rule}: {}", one.text))
            })
            .collect()
    }

    /// A random statement that starts at `rule`.
    pub fn generate(&self, rule: &str, random: &mut StdRng) -> Generated {
        let mut words = Vec::new();
        let mut productions = Vec::new();
        self.expand(rule, random, 0, &mut words, &mut productions);
        productions.sort();
        productions.dedup();
        Generated {
            text: joined(&words, random),
            productions,
        }
    }

    fn expand(
        &self,
        rule: &str,
        random: &mut StdRng,
        depth: usize,
        words: &mut Vec<String>,
        productions: &mut Vec<String>,
    ) {
        let Some(alternatives) = self.rules.get(rule) else {
            words.push(format!("<{rule}>"));
            return;
        };
        let chosen = if depth > DEPTH_MAX {
            alternatives.iter().min_by_key(|one| one.symbols.len())
        } else {
            let total: u32 = alternatives.iter().map(|one| one.weight).sum();
            let mut left = random.random_range(0..total.max(1));
            alternatives.iter().find(|one| {
                let here = left < one.weight;
                left = left.saturating_sub(one.weight);
                here
            })
        };
        let Some(chosen) = chosen else { return };
        productions.push(format!("{rule}: {}", chosen.text));
        self.symbols(&chosen.symbols, random, depth, words, productions);
    }

    fn symbols(
        &self,
        symbols: &[Symbol],
        random: &mut StdRng,
        depth: usize,
        words: &mut Vec<String>,
        productions: &mut Vec<String>,
    ) {
        for symbol in symbols {
            match symbol {
                Symbol::Word(word) => match word.find('<') {
                    // A name inside of a word: `<schema>.<t>`, `<c3>(3)`.
                    Some(_) => {
                        let mut text = String::new();
                        let mut rest = word.as_str();
                        while let Some((before, after)) = rest.split_once('<') {
                            let (inner, tail) = after.split_once('>').unwrap_or((after, ""));
                            let mut parts = Vec::new();
                            self.expand(inner, random, depth + 1, &mut parts, productions);
                            text.push_str(before);
                            text.push_str(&parts.join(" "));
                            rest = tail;
                        }
                        text.push_str(rest);
                        words.push(text);
                    }
                    None => words.push(word.clone()),
                },
                Symbol::Rule(rule) => self.expand(rule, random, depth + 1, words, productions),
                Symbol::List(rule) => {
                    for number in 0..random.random_range(1..=3) {
                        if number > 0 {
                            words.push(",".to_owned());
                        }
                        self.expand(rule, random, depth + 1, words, productions);
                    }
                }
                Symbol::Optional(inner) => {
                    if random.random_bool(0.5) {
                        self.symbols(inner, random, depth, words, productions);
                    }
                }
            }
        }
    }
}

fn alternative(text: &str) -> Alternative {
    let mut rest = text.trim();
    let (mut only, mut weight) = (None, 1);
    if let Some(after) = rest.strip_prefix("my:") {
        (only, rest) = (Some(Family::Mysql), after.trim_start());
    } else if let Some(after) = rest.strip_prefix("maria:") {
        (only, rest) = (Some(Family::Mariadb), after.trim_start());
    }
    if let Some((number, after)) = rest.split_once('*')
        && let Ok(number) = number.parse()
    {
        (weight, rest) = (number, after);
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    Alternative {
        weight,
        only,
        symbols: symbols(&mut words.into_iter().peekable()),
        text: rest.to_owned(),
    }
}

fn symbols<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Vec<Symbol> {
    let mut found = Vec::new();
    let mut inside: Option<Vec<&str>> = None;
    for word in words {
        let opens = word.starts_with('[') && inside.is_none();
        if opens || inside.is_some() {
            let group = inside.get_or_insert_default();
            let stripped = if opens {
                word.get(1..).unwrap_or_default()
            } else {
                word
            };
            match stripped.strip_suffix(']') {
                Some(last) => {
                    group.push(last);
                    let group = inside.take().unwrap_or_default();
                    found.push(Symbol::Optional(group.into_iter().map(symbol).collect()));
                }
                None => group.push(stripped),
            }
            continue;
        }
        found.push(symbol(word));
    }
    found
}

fn symbol(word: &str) -> Symbol {
    let inner = |open: char, close: char| {
        let text = word.strip_prefix(open)?.strip_suffix(close)?;
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            .then(|| text.to_owned())
    };
    if let Some(rule) = inner('<', '>').filter(|rule| !rule.is_empty()) {
        Symbol::Rule(rule)
    } else if let Some(rule) = inner('{', '}').filter(|rule| !rule.is_empty()) {
        Symbol::List(rule)
    } else {
        Symbol::Word(word.to_owned())
    }
}

/// Words with spaces, line ends and comments of every form between them, in random case.
fn joined(words: &[String], random: &mut StdRng) -> String {
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            text.push_str(match random.random_range(0..COMMENT_ONE_IN) {
                0 => " /* c ' */ ",
                1 => " -- `c`\n",
                2 => " # c\"\n",
                3 => " /*! */ ",
                4 => "\n\t",
                5 => " /*!99999 nothing */ ",
                _ => " ",
            });
        }
        let keyword = word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        if keyword && random.random_ratio(1, 12) {
            text.push_str(&word.to_lowercase());
        } else if keyword && random.random_ratio(1, 80) {
            // Active on every server that is tested.
            text.push_str(&format!("/*!50000 {word} */"));
        } else {
            text.push_str(word);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn every_rule_that_is_named_is_there() {
        for family in [Family::Mysql, Family::Mariadb] {
            let grammar = Grammar::new(family, "a", "b");
            let mut random = StdRng::seed_from_u64(1);
            for _ in 0..3_000 {
                let made = grammar.generate("statement", &mut random);
                assert!(
                    !made.text.contains("<c") && !made.text.contains("<t"),
                    "{}",
                    made.text
                );
            }
        }
    }
}
