//! What someone meant who wrote a key that does not exist.

use crate::keys::{Key, Ty};

/// More edits than this apart is another word.
const EDITS_MAX: usize = 3;
/// Longest key compared; bounds the work on nonsense.
const KEY_CHARS_MAX: usize = 64;

/// The end of the sentence "this key is not known; …".
pub(super) fn hint(name: &str, here: &[Key], root: &'static [Key]) -> String {
    if let Some(near) = nearest(name, here.iter().map(|key| key.name)) {
        return format!("did you mean {near}?");
    }
    let elsewhere = paths_of(name, root, "");
    if let Some(path) = elsewhere.first() {
        return format!("it belongs to {path}");
    }
    let mut names: Vec<&str> = here.iter().map(|key| key.name).collect();
    names.sort_unstable();
    format!("known here: {}", names.join(", "))
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(name);
    if folded.chars().count() > KEY_CHARS_MAX {
        return None;
    }
    known
        .map(|candidate| (edits(&folded, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= EDITS_MAX.min(candidate.len() / 2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case, dashes and underscores are the commonest slips.
fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            let replace = diagonal + usize::from(from != *to);
            left = replace.min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Where else in the file a key of this name is known.
fn paths_of(name: &str, keys: &'static [Key], path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for key in keys {
        let here = if path.is_empty() {
            key.name.to_owned()
        } else {
            format!("{path}.{}", key.name)
        };
        if key.name == name {
            found.push(if path.is_empty() {
                "the top level".to_owned()
            } else {
                path.to_owned()
            });
        }
        match key.ty {
            Ty::Block(inner) => found.extend(paths_of(name, inner, &here)),
            Ty::BlockList(inner) => found.extend(paths_of(name, inner, &format!("{here}[]"))),
            Ty::NamedBlocks(inner) => found.extend(paths_of(name, inner, &format!("{here}.*"))),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "ab"), 2);
        assert_eq!(edits("ab", "ab"), 0);
    }
}
