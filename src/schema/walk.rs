//! In: a merged tree and the compiled schema. Out: every structural error, each at its place.

use std::collections::BTreeSet;

use super::{Compiled, Rules, fix, nearest, types};
use crate::finding::{CAP, Finding};
use crate::load::DEFAULTS;
use crate::path::{Path, Segment};
use crate::source::Span;
use crate::tree::{Entry, Node, Value};

struct Walk<'schema> {
    schema: &'schema Compiled,
    path: Path,
    findings: Vec<Finding>,
}

/// An unknown key that is surely a known one, if nothing speaks against it.
struct Renamed<'tree> {
    /// Place of its finding.
    finding: usize,
    entry: &'tree Entry,
    meant: &'tree str,
}

/// Checks a whole tree. Stops collecting one past the cap.
pub fn check(schema: &Compiled, root: &Node) -> Vec<Finding> {
    let mut walk = Walk { schema, path: Path::default(), findings: Vec::new() };
    walk.node(&schema.root, root, root.span);
    walk.findings
}

/// The description of what stands at a path, for `explain`.
pub fn describe<'schema>(schema: &'schema Compiled, path: &Path) -> Option<&'schema str> {
    let mut rules = &schema.root;
    let mut description = rules.description.as_deref();
    for segment in path.segments() {
        rules = schema.resolve(rules);
        rules = match segment {
            Segment::Index(_) => rules.items.as_deref()?,
            Segment::Key(key) => rules.below(key)?,
        };
        description =
            rules.description.as_deref().or_else(|| schema.resolve(rules).description.as_deref()).or(description);
    }
    description
}

impl Compiled {
    fn definition(&self, reference: &str) -> Option<&Rules> {
        self.root.definitions.get(reference.strip_prefix("#/definitions/")?)
    }

    /// Follows `$ref` and a lone `allOf` to the object that has the properties.
    fn resolve<'schema>(&'schema self, mut rules: &'schema Rules) -> &'schema Rules {
        loop {
            if let Some(target) = rules.reference.as_deref().and_then(|name| self.definition(name)) {
                rules = target;
            } else if let [only] = rules.all_of.as_slice() {
                rules = only;
            } else {
                return rules;
            }
        }
    }
}

impl Walk<'_> {
    /// Looking for more would cost and show nothing: a suggestion per key of a hostile file is seconds.
    fn full(&self) -> bool {
        self.findings.len() > CAP
    }

    fn report(&mut self, finding: Finding) {
        if self.findings.len() <= CAP {
            self.findings.push(finding.at(&self.path));
        }
    }

    /// `place` is what to underline if the node is a collection: the key that holds it.
    fn node(&mut self, rules: &Rules, node: &Node, place: Span) {
        if node.value == Value::Null {
            let finding = Finding::structure(
                "null-value",
                if node.span.start == node.span.end { place } else { node.span },
                "there is no value here",
            );
            return self.report(finding.help("write a value, or remove the key to keep the default"));
        }
        let rules = self.schema.resolve(rules);
        if !rules.types.is_empty() && !rules.types.iter().any(|wanted| types::matches(&node.value, *wanted)) {
            return self.report(types::wrong(rules, node, place));
        }
        match &node.value {
            Value::Map(_) => self.mapping(rules, node, place),
            Value::Seq(items) => self.sequence(rules, items, place),
            Value::Str(text) => self.text(rules, text, node.span),
            Value::Int(number) => {
                #[expect(clippy::cast_precision_loss, reason = "bounds of the schema are far below 2^53")]
                self.number(rules, *number as f64, node.span);
            }
            Value::Float(number) => self.number(rules, *number, node.span),
            Value::Bool(_) | Value::Null => {}
        }
        self.word(rules, node);
    }

    fn mapping(&mut self, rules: &Rules, node: &Node, place: Span) {
        let Value::Map(entries) = &node.value else { return };
        if let Some(most) = rules.max_properties.filter(|most| entries.len() > *most) {
            let finding = Finding::structure("invalid-value", place, format!("this mapping has at most {most} keys"));
            return self.report(finding);
        }
        let mut renamed = Vec::new();
        for entry in entries {
            if self.full() {
                break;
            }
            self.path.push(Segment::Key(entry.key.to_string()));
            match rules.below(&entry.key) {
                Some(below) => self.node(below, &entry.value, entry.key_span),
                // Looking for what was meant costs; beyond the cap nobody reads it.
                None if rules.closed() && self.findings.len() <= CAP => {
                    let finding = self.unknown_key(rules, &entry.key, entry.key_span);
                    if let Some(meant) = fix::meant(&entry.key, rules.properties.keys().map(String::as_str)) {
                        renamed.push(Renamed { finding: self.findings.len(), entry, meant });
                    }
                    self.report(finding);
                }
                None => {}
            }
            self.path.pop();
        }
        self.rename(rules, entries, renamed);
        if self.full() {
            return;
        }
        for key in rules.required() {
            if !entries.iter().any(|entry| *entry.key == **key) {
                // Of the whole profile, the first key that its own file states.
                let own = entries.iter().map(|entry| entry.key_span).filter(|span| span.file == node.span.file).min();
                let place = if self.path.segments().is_empty() { own.unwrap_or(place) } else { place };
                let finding = Finding::structure("missing-key", place, format!("`{key}` is missing here"));
                let below = rules.properties.get(key).map(|below| self.schema.resolve(below));
                let words = below.map(|below| types::listed(&below.words)).filter(|words| !words.is_empty());
                let meaning = below.and_then(|below| below.description.as_deref());
                self.report(match (words, meaning) {
                    (Some(words), _) => finding.help(format!("add `{key}`: {words}")),
                    (None, Some(meaning)) => finding.help(format!("add `{key}`: {meaning}")),
                    (None, None) => finding,
                });
            }
        }
    }

    /// Gives the unknown keys a fix that are surely another one: the only one that is meant so, not there already, and
    /// with a value that fits.
    fn rename(&mut self, rules: &Rules, entries: &[Entry], mut renamed: Vec<Renamed<'_>>) {
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        taken.extend(renamed.iter().map(|key| key.meant).filter(|meant| !seen.insert(meant)));
        if !renamed.is_empty() {
            // Whatever the defaults say, a profile may say otherwise.
            let stated = entries.iter().filter(|entry| entry.key_span.file != DEFAULTS).map(|entry| &*entry.key);
            taken.extend(stated.filter(|key| seen.contains(key)));
        }
        renamed.retain(|key| !taken.contains(key.meant));
        for Renamed { finding, entry, meant } in renamed {
            let Some(below) = rules.properties.get(meant) else { continue };
            let mut value = Walk { schema: self.schema, path: Path::default(), findings: Vec::new() };
            value.node(below, &entry.value, entry.key_span);
            // What it does not state, the defaults may.
            let fits = value.findings.iter().all(|finding| finding.rule == "missing-key");
            if let Some(finding) = self.findings.get_mut(finding).filter(|_| fits) {
                finding.fix = Some(fix::word(entry.key_span, &entry.key, meant));
            }
        }
    }

    fn unknown_key(&self, rules: &Rules, key: &str, span: Span) -> Finding {
        let finding = Finding::structure(
            "unknown-key",
            span,
            format!("`{}` is no key of the profile format here", key.escape_debug()),
        );
        if let Some(meant) = nearest(key, rules.properties.keys().map(String::as_str)) {
            return finding.help(format!("did you mean `{meant}`?"));
        }
        let home = self
            .schema
            .root
            .properties
            .iter()
            .find(|(_, section)| self.schema.resolve(section).properties.contains_key(key));
        if let Some((section, _)) = home {
            finding.help(format!("`{key}` belongs into the section `{section}`"))
        } else {
            let known: Vec<String> = rules.properties.keys().map(|key| format!("`{key}`")).collect();
            finding.help(format!("known keys: {}", known.join(", ")))
        }
    }

    fn sequence(&mut self, rules: &Rules, items: &[Node], place: Span) {
        if items.len() < rules.min_items {
            let finding = Finding::structure("invalid-value", place, "this list must not be empty");
            self.report(finding);
        }
        if let Some(most) = rules.max_items.filter(|most| items.len() > *most) {
            self.report(Finding::structure("invalid-value", place, format!("this list has at most {most} items")));
        }
        if let Some(below) = &rules.items {
            for (index, item) in items.iter().enumerate() {
                if self.full() {
                    return;
                }
                self.path.push(Segment::Index(index));
                self.node(below, item, first_key(item));
                self.path.pop();
            }
        }
    }

    fn text(&mut self, rules: &Rules, text: &str, span: Span) {
        let length = text.chars().count();
        if length < rules.min_length || rules.max_length.is_some_and(|most| length > most) {
            self.report(Finding::structure("invalid-value", span, "this text is too short or too long"));
        }
        if let Some(Err(expected)) = rules.format.map(|format| (format.check)(text)) {
            self.report(Finding::structure("invalid-value", span, expected));
        }
    }

    fn number(&mut self, rules: &Rules, number: f64, span: Span) {
        let finding = match (rules.minimum, rules.maximum) {
            (Some(least), _) if number < least => {
                Finding::structure("invalid-value", span, format!("this number is below {least}"))
            }
            (_, Some(most)) if number > most => {
                Finding::structure("invalid-value", span, format!("this number is above {most}"))
            }
            _ => return,
        };
        self.report(match (rules.minimum, rules.maximum) {
            (Some(least), Some(most)) => finding.help(format!("write a number from {least} to {most}")),
            _ => finding,
        });
    }

    fn word(&mut self, rules: &Rules, node: &Node) {
        if rules.words.is_empty() || rules.words.contains(&node.to_json()) {
            return;
        }
        let words: Vec<String> = rules.words.iter().map(types::bare).collect();
        let finding =
            Finding::structure("invalid-value", node.span, format!("expected {}", types::listed(&rules.words)));
        let meant = node.as_str().and_then(|text| {
            // What a YAML 1.1 habit writes for our word.
            let off = matches!(text, "off" | "no" | "none" | "false") && words.iter().any(|word| word == "disabled");
            if off { Some("disabled") } else { nearest(text, words.iter().map(String::as_str)) }
        });
        let mut finding = match meant {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None => finding,
        };
        finding.fix = node.as_str().filter(|_| !self.widens()).and_then(|text| {
            let meant = fix::meant(text, words.iter().map(String::as_str))?;
            Some(fix::word(node.span, text, meant))
        });
        self.report(finding);
    }

    /// True of the words that say who may do what and who may connect: a wrong guess there would give rights away.
    fn widens(&self) -> bool {
        self.path.segments().last().is_some_and(|last| match last {
            Segment::Key(key) => key == "role" || key == "exposure",
            Segment::Index(_) => false,
        })
    }
}

/// For an item that is a mapping, its first key; a whole block would underline half the file.
fn first_key(item: &Node) -> Span {
    match &item.value {
        Value::Map(entries) => entries.first().map_or(item.span, |entry| entry.key_span),
        _ => item.span,
    }
}
