//! The YAML tree: every key and value knows its file and byte span. Parents are merged by key here,
//! so an origin (this line, that parent, the default) is simply the span of the node.

mod deserialize;

use std::collections::BTreeMap;

use crate::path::{Path, Segment};
use crate::source::Span;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// From its first to its last byte.
    pub span: Span,
}

/// A value of the YAML 1.2 core schema.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~`, or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Str(Box<str>),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// One `key: value` of a mapping.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Box<str>,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl Node {
    /// The entry of a mapping.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| &*entry.key == key),
            _ => None,
        }
    }

    /// The text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The node at a path, or the nearest ancestor that exists, with the key that leads to it.
    pub fn locate(&self, path: &Path) -> Located<'_> {
        let mut found = Located { node: self, key: None, complete: true };
        for segment in path.segments() {
            match (segment, &found.node.value) {
                (Segment::Key(key), Value::Map(_)) => match found.node.get(key) {
                    Some(entry) => found = Located { node: &entry.value, key: Some(entry.key_span), complete: true },
                    None => return Located { complete: false, ..found },
                },
                (Segment::Index(index), Value::Seq(items)) => match items.get(*index) {
                    Some(node) => found = Located { node, key: None, complete: true },
                    None => return Located { complete: false, ..found },
                },
                _ => return Located { complete: false, ..found },
            }
        }
        found
    }

    /// Lays `over` on this tree: mappings merge by key, everything else is replaced.
    pub fn merge(&mut self, over: Node) {
        let Value::Map(new) = over.value else {
            *self = over;
            return;
        };
        let Value::Map(old) = &mut self.value else {
            *self = Node { value: Value::Map(new), span: over.span };
            return;
        };
        self.span = over.span;
        let index: BTreeMap<Box<str>, usize> =
            old.iter().enumerate().map(|(place, entry)| (entry.key.clone(), place)).collect();
        for entry in new {
            if let Some(existing) = index.get(&entry.key).and_then(|place| old.get_mut(*place)) {
                existing.key_span = entry.key_span;
                existing.value.merge(entry.value);
            } else {
                // No key stands twice in a parsed tree: what is new need not be found again.
                old.push(entry);
            }
        }
    }

    /// How many keys and values this is.
    pub fn count(&self) -> usize {
        match &self.value {
            Value::Seq(items) => 1 + items.iter().map(Node::count).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|entry| 1 + entry.value.count()).sum::<usize>(),
            _ => 1,
        }
    }

    /// The same value as JSON, for printing and for the oracle of the tests.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Str(value) => (&**value).into(),
            Value::Seq(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|entry| (entry.key.to_string(), entry.value.to_json())).collect(),
            ),
        }
    }

    /// Replaces text in every string value; used for `<name>` in the embedded defaults.
    pub fn replace_text(&mut self, from: &str, to: &str) {
        match &mut self.value {
            Value::Str(text) if text.contains(from) => *text = text.replace(from, to).into(),
            Value::Seq(items) => items.iter_mut().for_each(|node| node.replace_text(from, to)),
            Value::Map(entries) => entries.iter_mut().for_each(|entry| entry.value.replace_text(from, to)),
            _ => {}
        }
    }
}

/// What [`Node::locate`] found.
#[derive(Clone, Copy)]
pub struct Located<'tree> {
    /// The node, or its nearest existing ancestor.
    pub node: &'tree Node,
    /// The key that holds the node, if a mapping does.
    pub key: Option<Span>,
    /// True if the whole path exists.
    pub complete: bool,
}

impl Located<'_> {
    /// What to underline: a scalar itself, of a collection its key.
    pub fn span(&self) -> Span {
        match (&self.node.value, self.key) {
            (Value::Map(_) | Value::Seq(_), Some(key)) => key,
            _ => self.node.span,
        }
    }
}
