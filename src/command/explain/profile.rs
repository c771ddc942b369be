//! `redisgen explain PROFILE`: the whole resolved profile as YAML, each value with where it comes from as a comment. What is
//! printed is a profile itself, without parents and with nothing left to defaults.

use crate::access::human::shown;
use crate::encode;
use crate::source::{Sources, Span};
use crate::tree::{Entry, Node, Value};

/// The keys that every profile states, first; the others in the order of the defaults.
const FIRST: [&str; 3] = ["version", "name", "environment"];
/// Longest value that is written on one line.
const WIDTH: usize = 100;

/// The YAML of a resolved tree.
pub(in crate::command) fn yaml(tree: &Node, sources: &Sources) -> String {
    let Value::Map(entries) = &tree.value else { return String::new() };
    let named = |name: &&str| entries.iter().find(|entry| &*entry.key == *name);
    let first = FIRST.iter().filter_map(named);
    // What the parents say stands in it already.
    let rest = entries.iter().filter(|entry| !FIRST.contains(&&*entry.key) && &*entry.key != "extends");
    let mut writer = Writer { sources, out: String::new() };
    first.chain(rest).for_each(|entry| writer.entry(entry, 0));
    writer.out
}

struct Writer<'sources> {
    sources: &'sources Sources,
    out: String,
}

impl Writer<'_> {
    fn entry(&mut self, entry: &Entry, depth: usize) {
        self.indent(depth);
        self.out.push_str(&word(&entry.key));
        self.out.push(':');
        self.value(&entry.value, entry.key_span, depth + 1);
    }

    /// What follows a colon or a dash. A value from one line is written on one line.
    fn value(&mut self, node: &Node, at: Span, depth: usize) {
        let origin = self.place(at);
        let flow = flow(node);
        if flow.len() <= WIDTH && self.stands_in_one_line(node, &origin) {
            self.out.push_str(&format!(" {flow}  # {origin}\n"));
            return;
        }
        self.out.push('\n');
        match &node.value {
            Value::Map(entries) => entries.iter().for_each(|entry| self.entry(entry, depth)),
            Value::Seq(items) => {
                for item in items {
                    self.indent(depth);
                    self.out.push('-');
                    self.value(item, item.span, depth + 1);
                }
            }
            // A long text has no other form.
            _ => {
                self.out.pop();
                self.out.push_str(&format!(" {flow}  # {origin}\n"));
            }
        }
    }

    fn stands_in_one_line(&self, node: &Node, origin: &str) -> bool {
        match &node.value {
            Value::Map(entries) => entries
                .iter()
                .all(|entry| self.place(entry.key_span) == origin && self.stands_in_one_line(&entry.value, origin)),
            Value::Seq(items) => items.iter().all(|item| self.stands_in_one_line(item, origin)),
            _ => self.place(node.span) == origin,
        }
    }

    fn place(&self, span: Span) -> String {
        // A file's name may hold what ends a comment.
        shown(&crate::command::place(self.sources, span)).into_owned()
    }

    fn indent(&mut self, depth: usize) {
        (0..depth).for_each(|_| self.out.push_str("  "));
    }
}

fn flow(node: &Node) -> String {
    match &node.value {
        Value::Map(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Map(entries) => {
            let each = entries.iter().map(|entry| format!("{}: {}", word(&entry.key), flow(&entry.value)));
            format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))
        }
        Value::Seq(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Str(text) => word(text),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => node.to_json().to_string(),
    }
}

/// A text, quoted unless every reader takes it for text as it is: YAML 1.1 has more words for `true`.
fn word(text: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "_-./".contains(sign);
    let letter = text.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '_');
    let taken =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&text.to_ascii_lowercase().as_str());
    if letter && !taken && text.chars().all(plain) { text.to_owned() } else { encode::yaml(text) }
}
