//! From parser events to the tree.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::{Body, Entry, Node, Place};
use crate::error::{DmError, codes};

/// Far above any real file; bounds memory.
const TEXT_BYTES_MAX: usize = 4 << 20;
/// Bounds what aliases can multiply to.
const NODES_MAX: usize = 100_000;
/// Bounds recursion.
const DEPTH_MAX: usize = 32;

/// Reads one document. An empty text is an empty block.
pub(in crate::config) fn parse(text: &str) -> Result<Node, DmError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(bad(format!(
            "the text has {} bytes; at most {TEXT_BYTES_MAX} are read",
            text.len()
        )));
    }
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut document = None;
    loop {
        let (event, place) = builder.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event if document.is_none() => document = Some(builder.node(event, place, 0)?),
            _ => {
                return Err(at(
                    place,
                    "a second document starts here; one file is one document",
                ));
            }
        }
    }
    let empty = Node {
        place: Place { line: 1, column: 1 },
        body: Body::Map(Vec::new()),
    };
    Ok(document.filter(|node| !node.is_null()).unwrap_or(empty))
}

struct Builder<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Builder<'a> {
    /// The next event that is not a comment.
    fn next(&mut self) -> Result<(Event<'a>, Place), DmError> {
        loop {
            match self.parser.next() {
                None => return Ok((Event::StreamEnd, Place { line: 1, column: 1 })),
                Some(Err(error)) => return Err(at(place(error.marker()), &error.info())),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => return Ok((event, place(&span.start))),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, DmError> {
        if depth > DEPTH_MAX {
            return Err(at(place, &format!("more than {DEPTH_MAX} levels")));
        }
        self.take_nodes(1, place)?;
        let (anchor, body) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !is_text_tag(tag.as_deref());
                let text = text.into_owned();
                (anchor, Body::Scalar { text, plain })
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map(depth)?),
            Event::Alias(id) => return self.alias(id, place),
            _ => return Err(at(place, "a value is expected here")),
        };
        let node = Node { place, body };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, place: Place) -> Result<Node, DmError> {
        let target = self.anchors.get(&id).cloned();
        let target = target.ok_or_else(|| at(place, "this alias refers to a value around it"))?;
        self.take_nodes(target.count(), place)?;
        Ok(target)
    }

    fn take_nodes(&mut self, count: usize, place: Place) -> Result<(), DmError> {
        self.nodes = self.nodes.saturating_add(count);
        if self.nodes > NODES_MAX {
            return Err(at(place, &format!("more than {NODES_MAX} values")));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Body, DmError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Body::List(items)),
                (event, place) => items.push(self.node(event, place, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Body, DmError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut first_seen: HashMap<String, Place> = HashMap::new();
        let mut merged = Vec::new();
        loop {
            let (event, key_place) = match self.next()? {
                (Event::MappingEnd, _) => break,
                next => next,
            };
            let key_node = self.node(event, key_place, depth + 1)?;
            let Body::Scalar { text: key, plain } = key_node.body else {
                return Err(at(key_place, "a key must be a single value"));
            };
            let (event, value_place) = self.next()?;
            let value = self.node(event, value_place, depth + 1)?;
            if plain && key == "<<" {
                merged.extend(merge_sources(value)?);
                continue;
            }
            if let Some(first) = first_seen.insert(key.clone(), key_place) {
                return Err(at(
                    key_place,
                    &format!("key {key} stands here a second time; the first is at {first}"),
                ));
            }
            entries.push(Entry {
                key,
                place: key_place,
                value,
            });
        }
        for entry in merged {
            // Own keys win over merged ones, and earlier merged blocks over later ones.
            if !first_seen.contains_key(&entry.key) {
                first_seen.insert(entry.key.clone(), entry.place);
                entries.push(entry);
            }
        }
        Ok(Body::Map(entries))
    }
}

/// The entries that `<<` brings: of one block, or of a list of blocks.
fn merge_sources(value: Node) -> Result<Vec<Entry>, DmError> {
    match value.body {
        Body::Map(entries) => Ok(entries),
        Body::List(items) => {
            let mut all = Vec::new();
            for item in items {
                match item.body {
                    Body::Map(entries) => all.extend(entries),
                    _ => return Err(at(item.place, "<< takes blocks of keys only")),
                }
            }
            Ok(all)
        }
        Body::Scalar { .. } => Err(at(value.place, "<< takes a block of keys, such as *name")),
    }
}

fn is_text_tag(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"))
}

fn place(marker: &Marker) -> Place {
    Place {
        line: marker.line(),
        column: marker.col().saturating_add(1),
    }
}

fn at(place: Place, problem: &str) -> DmError {
    bad(format!("{place}: {problem}"))
}

fn bad(message: String) -> DmError {
    DmError::new(&codes::CONFIG_YAML_TRANSFORM, message)
}

#[cfg(test)]
#[path = "build_test.rs"]
mod tests;
