//! In: the bytes of a profile and a way to read its parents. Out: one tree whose every node knows its
//! origin, and the typed profile; or every structural error at once.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::finding::{CAP, Finding, Found, Report, Unlisted};
use crate::format::ProfileName;
use crate::profile::{Environment, Profile};
use crate::schema;
use crate::source::{FileId, Source, Sources, Span};
use crate::tree::{Entry, Node, Value};
use crate::yaml;

/// Most parents of one profile, theirs included.
const MAX_PARENTS: usize = 16;

/// Text of the embedded profile with an environment's defaults.
pub const fn defaults(environment: Environment) -> &'static str {
    match environment {
        Environment::Development => include_str!("../schema/defaults/development.yaml"),
        Environment::Production => include_str!("../schema/defaults/production.yaml"),
    }
}

/// The defaults always have this handle.
pub const DEFAULTS: FileId = FileId(0);

static DEVELOPMENT: LazyLock<Node> = LazyLock::new(|| parse_defaults(Environment::Development));
static PRODUCTION: LazyLock<Node> = LazyLock::new(|| parse_defaults(Environment::Production));

fn parse_defaults(environment: Environment) -> Node {
    let empty = Node { value: Value::Map(Vec::new()), span: Span { file: DEFAULTS, start: 0, end: 0 } };
    // A test parses both, so that the fallback is never taken; without defaults every key is "missing".
    yaml::parse(defaults(environment), DEFAULTS).unwrap_or(empty)
}

/// A file as someone read it: its name for findings and its bytes.
#[derive(Clone)]
pub struct Input {
    /// As the user names it.
    pub name: String,
    /// At most [`yaml::MAX_BYTES`] and one more byte.
    pub bytes: Vec<u8>,
}

/// Reads the file that `target` names in the `extends` of the file `from`. The core does no I/O itself.
pub trait Parents {
    /// Gives the file under a name that is the same for the same file.
    ///
    /// # Errors
    /// Why it cannot be read; never any of its content.
    fn read(&mut self, from: &str, target: &str) -> Result<Input, String>;
}

/// Where a profile without structural errors came from.
pub struct Loaded {
    /// The merged tree.
    pub tree: Node,
    /// All files that took part.
    pub sources: Sources,
    /// The profile's own file.
    pub file: FileId,
    /// SHA-256 of the resolved profile, in hex.
    pub digest: String,
}

struct Loader<'parents> {
    sources: Sources,
    findings: Vec<Finding>,
    parents: &'parents mut dyn Parents,
    read: usize,
    /// Bytes and nodes of all files so far: a profile and its parents share the limits of one file.
    bytes: usize,
    nodes: usize,
}

/// Loads one profile: typed, and where each value came from.
///
/// # Errors
/// A report with every structural error.
pub fn load(input: Input, parents: &mut dyn Parents) -> Result<(Profile, Loaded), Report> {
    let bytes = input.bytes.len();
    let mut loader = Loader { sources: Sources::default(), findings: Vec::new(), parents, read: 0, bytes, nodes: 0 };
    loader.sources.add(Source {
        name: "<defaults>".to_owned(),
        text: String::new(),
        echo: true,
        embedded: true,
        named_at: None,
    });
    let name = input.name.clone();
    let Some((file, own)) = loader.parse(input, None) else {
        return Err(loader.refuse());
    };
    loader.nodes = own.count();
    let user = loader.with_parents(own, &name, &mut vec![name.clone()]);
    let environment = environment(&user);
    let mut tree = loader.defaults(environment.unwrap_or(Environment::Production), &user);
    tree.merge(user);
    let profile = match &*schema::PROFILE {
        Err(broken) => {
            loader.findings.push(Finding::structure(
                "internal-error",
                tree.span,
                format!("the embedded schema: {broken}"),
            ));
            None
        }
        Ok(compiled) => {
            loader.findings.extend(schema::check(compiled, &tree));
            loader.typed(&tree)
        }
    };
    match profile {
        Some(profile) => Ok((profile, Loaded { digest: digest(&tree), tree, sources: loader.sources, file })),
        None => Err(loader.refuse()),
    }
}

fn environment(tree: &Node) -> Option<Environment> {
    match tree.get("environment")?.value.as_str()? {
        "development" => Some(Environment::Development),
        "production" => Some(Environment::Production),
        _ => None,
    }
}

impl Loader<'_> {
    /// All structural errors; beyond the cap nobody looked for more.
    fn refuse(self) -> Report {
        let mut found = Found::from(self.findings);
        if let Some(last) = found.findings.last().filter(|_| found.findings.len() > CAP) {
            found.beyond.push(Unlisted { rule: last.rule, severity: last.severity, count: 0, at_least: true });
        }
        Report::new(found, self.sources)
    }

    /// Parses one file. With `named_at`, it is a parent: a file that is no profile is not shown.
    fn parse(&mut self, input: Input, named_at: Option<Span>) -> Option<(FileId, Node)> {
        let too_big = input.bytes.len() > yaml::MAX_BYTES;
        let text = if too_big { Ok(String::new()) } else { String::from_utf8(input.bytes) };
        let (text, bad_utf8) = match text {
            Ok(text) => (text, None),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let mut bytes = error.into_bytes();
                bytes.truncate(valid);
                (String::from_utf8(bytes).unwrap_or_default(), Some(valid))
            }
        };
        let echo = looks_like_a_profile(&text);
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let file = self.sources.add(Source { name: input.name.clone(), text, echo, embedded: false, named_at });
        let findings = if too_big {
            let span = Span { file, start: 0, end: 0 };
            vec![Finding::structure(
                "profile-too-big",
                span,
                format!("a profile has at most {} MiB", yaml::MAX_BYTES >> 20),
            )]
        } else if bad_utf8.is_some() {
            let span = Span { file, start: end, end };
            vec![Finding::structure("invalid-utf8", span, "this byte is not UTF-8").help("save the file as UTF-8")]
        } else {
            let text = self.sources.get(file).map_or("", |source| source.text.as_str());
            match yaml::parse(text, file) {
                Ok(node) if matches!(node.value, Value::Map(_)) && (echo || named_at.is_none()) => {
                    return Some((file, node));
                }
                Ok(node) if named_at.is_none() => {
                    vec![
                        Finding::structure("wrong-type", node.span, "a profile is a mapping")
                            .help("start with `version: 1`; `redisgen init` writes a profile"),
                    ]
                }
                Ok(_) => Vec::new(),
                Err(findings) => findings,
            }
        };
        match named_at {
            Some(span) if !echo => self.findings.push(
                Finding::structure(
                    "extends-no-profile",
                    span,
                    "this file is no redisgen profile: it has no line `version: 1`",
                )
                .at(&"extends"),
            ),
            _ => self.findings.extend(findings),
        }
        None
    }

    /// Merges the parents that `extends` names from left to right, then the file itself.
    fn with_parents(&mut self, mut own: Node, name: &str, chain: &mut Vec<String>) -> Node {
        let targets = extends(&own);
        if targets.is_empty() {
            return own;
        }
        let mut merged: Option<Node> = None;
        for (target, span) in targets {
            if let Some(parent) = self.parent(&target, span, name, chain) {
                match &mut merged {
                    Some(tree) => tree.merge(parent),
                    None => merged = Some(parent),
                }
            }
        }
        if let Some(mut tree) = merged {
            std::mem::swap(&mut tree, &mut own);
            own.merge(tree);
        }
        own
    }

    fn parent(&mut self, target: &str, span: Span, from: &str, chain: &mut Vec<String>) -> Option<Node> {
        let refuse = |rule, message: String| Finding::structure(rule, span, message).at(&"extends");
        self.read += 1;
        if self.read > MAX_PARENTS {
            if self.read == MAX_PARENTS + 1 {
                self.findings.push(refuse(
                    "extends-too-many",
                    format!("a profile has at most {MAX_PARENTS} parents, theirs included"),
                ));
            }
            return None;
        }
        let input = match self.parents.read(from, target) {
            Ok(input) => input,
            Err(reason) => {
                self.findings.push(refuse("extends-unreadable", reason));
                return None;
            }
        };
        if chain.contains(&input.name) {
            self.findings.push(refuse("extends-cycle", format!("`{}` extends itself through this line", input.name)));
            return None;
        }
        self.bytes = self.bytes.saturating_add(input.bytes.len());
        if self.bytes > yaml::MAX_BYTES {
            let message = format!("a profile and its parents have at most {} MiB together", yaml::MAX_BYTES >> 20);
            self.findings.push(refuse("profile-too-big", message));
            return self.no_further();
        }
        let name = input.name.clone();
        let (_, tree) = self.parse(input, Some(span))?;
        self.nodes += tree.count();
        if self.nodes > yaml::MAX_NODES {
            let message =
                format!("a profile and its parents have at most {} keys and values together", yaml::MAX_NODES);
            self.findings.push(refuse("profile-too-big", message));
            return self.no_further();
        }
        chain.push(name.clone());
        let mut merged = self.with_parents(tree, &name, chain);
        chain.pop();
        if let Value::Map(entries) = &mut merged.value {
            entries.retain(|entry| &*entry.key != "extends");
        }
        Some(merged)
    }

    /// The limits are spent: the parents that are left are not even read.
    fn no_further(&mut self) -> Option<Node> {
        self.read = MAX_PARENTS + 1;
        None
    }

    /// The defaults of an environment, with the profile's name put in.
    fn defaults(&mut self, environment: Environment, user: &Node) -> Node {
        if let Some(source) = self.sources.get_mut(DEFAULTS) {
            source.name = format!("<{} defaults>", environment.word());
            defaults(environment).clone_into(&mut source.text);
        }
        let mut tree = match environment {
            Environment::Development => DEVELOPMENT.clone(),
            Environment::Production => PRODUCTION.clone(),
        };
        if let Some(name) = user.get("name").and_then(|entry| entry.value.as_str())
            && name.parse::<ProfileName>().is_ok()
        {
            tree.replace_text("<name>", name);
        }
        tree
    }

    /// The typed profile, if nothing was found. Schema and types are one, so serde has nothing to add.
    fn typed(&mut self, tree: &Node) -> Option<Profile> {
        if !self.findings.is_empty() {
            return None;
        }
        match Profile::deserialize(tree) {
            Ok(profile) => Some(profile),
            Err(error) => {
                let message = format!("the schema and the types disagree, which is a bug in redisgen: {error}");
                self.findings.push(Finding::structure("internal-error", tree.span, message));
                None
            }
        }
    }
}

/// The paths in `extends` that are well-formed; the schema walk reports the others.
fn extends(tree: &Node) -> Vec<(String, Span)> {
    match tree.get("extends").map(|entry| &entry.value.value) {
        Some(Value::Seq(items)) => items
            .iter()
            .filter_map(|item| Some((item.as_str()?.to_owned(), item.span)))
            .filter(|(target, _)| target.parse::<crate::format::RelativePath>().is_ok())
            .collect(),
        _ => Vec::new(),
    }
}

/// Only a text that could be a profile is ever quoted in a finding.
fn looks_like_a_profile(text: &str) -> bool {
    text.lines().any(|line| {
        let version = line.strip_prefix("version:").map(|value| value.split('#').next().unwrap_or("").trim());
        version == Some("1")
    })
}

/// SHA-256 over the merged tree in canonical form: keys sorted, `extends` left out.
fn digest(tree: &Node) -> String {
    let mut text = String::new();
    write_canonical(tree, &mut text, true);
    crate::lock::sha256(text.as_bytes())
}

fn write_canonical(node: &Node, out: &mut String, top: bool) {
    match &node.value {
        Value::Map(entries) => {
            let mut order: Vec<&Entry> = entries.iter().filter(|entry| !(top && &*entry.key == "extends")).collect();
            order.sort_by_key(|entry| &entry.key);
            out.push('{');
            for entry in order {
                write_text(&entry.key, out);
                write_canonical(&entry.value, out, false);
            }
            out.push('}');
        }
        Value::Seq(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out, false);
            }
            out.push(']');
        }
        Value::Str(text) => write_text(text, out),
        Value::Null => out.push('n'),
        Value::Bool(value) => out.push_str(&format!("b{value}")),
        Value::Int(value) => out.push_str(&format!("i{value};")),
        Value::Float(value) => out.push_str(&format!("f{value};")),
    }
}

/// Length first, so that no text can imitate structure.
fn write_text(text: &str, out: &mut String) {
    out.push('s');
    out.push_str(&text.len().to_string());
    out.push(':');
    out.push_str(text);
}
