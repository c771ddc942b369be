//! In: the text of one YAML file. Out: its tree, or what is wrong with it. A profile may come from a
//! stranger's pull request, so everything here is bounded and nothing recurses.
//!
//! granit-parser gives the events; of YAML's features we take mappings, lists and scalars only, because
//! anchors and aliases multiply, tags construct, and merge keys are read differently by different tools.

mod unquoted;

use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle};

use crate::finding::{Finding, Fix};
use crate::source::{FileId, Span, floor_boundary};
use crate::tree::{Entry, Node, Value};

/// Largest file in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most nodes (keys and values) in one file, and in a profile with its parents.
pub const MAX_NODES: usize = 600_000;
/// Longest key in bytes; YAML has the same bound for keys without `?`. Findings repeat keys and paths of keys.
const MAX_KEY: usize = 1024;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// A collection under construction.
enum Open {
    Seq(Vec<Node>, usize),
    Map { entries: Vec<Entry>, pending: Option<(Box<str>, Span)>, start: usize },
}

struct Builder<'text> {
    text: &'text str,
    file: FileId,
    stack: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    findings: Vec<Finding>,
}

/// Reads one document.
///
/// # Errors
/// Every finding that stands between this text and a tree; a syntax error ends the reading.
pub fn parse(text: &str, file: FileId) -> Result<Node, Vec<Finding>> {
    if let Some(finding) = forbidden_character(text, file) {
        return Err(vec![finding]);
    }
    let mut builder = Builder { text, file, stack: Vec::new(), root: None, nodes: 0, findings: Vec::new() };
    if let Err(finding) = builder.run() {
        builder.findings.push(finding);
    }
    match builder.root {
        Some(root) if builder.findings.is_empty() => Ok(root),
        None if builder.findings.is_empty() => Err(vec![
            Finding::structure("yaml-syntax", builder.span(0, 0), "the file is empty")
                .help("start with `version: 1`; `redisgen init` writes a profile"),
        ]),
        _ => Err(builder.findings),
    }
}

impl Builder<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        let start = floor_boundary(self.text, start);
        let end = floor_boundary(self.text, end.max(start));
        // MAX_BYTES keeps offsets far below u32::MAX.
        Span { file: self.file, start: u32::try_from(start).unwrap_or(0), end: u32::try_from(end).unwrap_or(0) }
    }

    fn run(&mut self) -> Result<(), Finding> {
        let mut options = Options::default();
        options.disallow_directives = true;
        options.emit_comments = false;
        options.emit_unresolved_aliases = true;
        let mut documents = 0_usize;
        for event in Parser::new_from_str_with_options(self.text, options) {
            let (event, at) = event.map_err(|error| self.syntax(&error))?;
            let start = at.start.byte_offset().unwrap_or(0);
            let end = at.end.byte_offset().unwrap_or(start);
            let span = self.span(start, end);
            match event {
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(Finding::structure(
                            "yaml-one-document",
                            span,
                            "a profile is one document, here starts a second",
                        )
                        .help("put it into a file of its own"));
                    }
                }
                Event::Alias(..) | Event::UnresolvedAlias(..) => return Err(self.alias(span)),
                Event::Scalar(text, style, anchor, tag) => {
                    self.plain_node(span, anchor, tag.is_some())?;
                    if style != ScalarStyle::Plain {
                        self.check_decoded(&text, span);
                    }
                    self.scalar(&text, style, span)?;
                }
                Event::SequenceStart(_, anchor, tag) => {
                    self.plain_node(span, anchor, tag.is_some())?;
                    self.open(Open::Seq(Vec::new(), start), span)?;
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.plain_node(span, anchor, tag.is_some())?;
                    self.open(Open::Map { entries: Vec::new(), pending: None, start }, span)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(end)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn syntax(&self, error: &granit_parser::ScanError) -> Finding {
        let offset = error.marker().byte_offset().unwrap_or(0);
        let span = self.span(offset, offset + 1);
        let first = self.text.get(span.start as usize..).and_then(|rest| rest.chars().next());
        let finding = Finding::structure("yaml-syntax", span, format!("this is not valid YAML: {}", error.info()));
        match first {
            Some(sign @ ('*' | '%' | '@' | '`' | '&' | '!')) => self
                .quoted(finding.help(format!("a value that starts with `{sign}` must be quoted: \"{sign}…\"")), offset),
            _ => finding,
        }
    }

    fn alias(&self, span: Span) -> Finding {
        let finding = Finding::structure("yaml-alias", span, "aliases are not allowed: `*name` repeats another node");
        let finding = finding.help("for a pattern, quote it: \"*\"; to share settings, use `extends`");
        self.quoted(finding, span.start as usize)
    }

    /// With the fix that puts a pattern into quotes, where surely one was meant.
    fn quoted(&self, mut finding: Finding, offset: usize) -> Finding {
        if let Some(word) = unquoted::pattern(self.text, offset) {
            let span = self.span(offset, offset + word.len());
            finding.help = Some(format!("write \"{word}\", in quotes"));
            finding.fix = Some(Fix { span, text: format!("\"{word}\"") });
        }
        finding
    }

    /// No anchors, no tags, not too many nodes.
    fn plain_node(&mut self, span: Span, anchor: usize, tagged: bool) -> Result<(), Finding> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Finding::structure(
                "profile-too-big",
                span,
                format!("a profile has at most {MAX_NODES} keys and values"),
            ));
        }
        if tagged {
            self.report(
                Finding::structure("yaml-tag", span, "tags are not allowed: `!` gives a value another type")
                    .help("quote a value that starts with `!`"),
            );
        }
        if anchor != 0 {
            self.report(
                Finding::structure("yaml-anchor", span, "anchors are not allowed: `&` names a node for aliases")
                    .help("quote a channel pattern that starts with `&`; to share settings, use `extends`"),
            );
        }
        Ok(())
    }

    fn report(&mut self, finding: Finding) {
        // One more than the cap, so that the report still counts that something was dropped.
        if self.findings.len() <= crate::finding::CAP {
            self.findings.push(finding);
        }
    }

    /// Escapes can smuggle in what [`forbidden_character`] kept out of the text.
    fn check_decoded(&mut self, text: &str, span: Span) {
        if let Some(sign) = text.chars().find(|sign| is_forbidden(*sign) || sign.is_control()) {
            self.report(Finding::structure(
                "control-character",
                span,
                format!("values hold no control characters, here is {}", sign.escape_unicode()),
            ));
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<(), Finding> {
        if let Some(Open::Map { pending: pending @ None, .. }) = self.stack.last_mut() {
            *pending = Some((text.into(), span));
            if text.len() > MAX_KEY {
                return Err(Finding::structure("yaml-syntax", span, format!("a key has at most {MAX_KEY} bytes")));
            }
            if text == "<<" && style == ScalarStyle::Plain {
                self.report(
                    Finding::structure("yaml-alias", span, "merge keys are not allowed")
                        .help("use `extends` to share settings"),
                );
            }
            return Ok(());
        }
        let value = if style == ScalarStyle::Plain { core_schema(text) } else { Value::Str(text.into()) };
        self.place(Node { value, span })
    }

    fn open(&mut self, open: Open, span: Span) -> Result<(), Finding> {
        if let Some(Open::Map { pending: None, .. }) = self.stack.last() {
            return Err(Finding::structure("yaml-syntax", span, "a key must be plain text, not a list or a mapping"));
        }
        if self.stack.len() >= MAX_DEPTH {
            return Err(Finding::structure("profile-too-deep", span, format!("values nest at most {MAX_DEPTH} deep")));
        }
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self, end: usize) -> Result<(), Finding> {
        match self.stack.pop() {
            Some(Open::Seq(items, start)) => {
                let end = items.last().map_or(end, |last| end.max(last.span.end as usize));
                let span = self.span(start, end);
                self.place(Node { value: Value::Seq(items), span })
            }
            Some(Open::Map { entries, start, .. }) => {
                self.duplicates(&entries);
                let span = self.span(start, end);
                self.place(Node { value: Value::Map(entries), span })
            }
            None => Ok(()),
        }
    }

    fn place(&mut self, node: Node) -> Result<(), Finding> {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open::Seq(items, _)) => items.push(node),
            Some(Open::Map { entries, pending, .. }) => match pending.take() {
                Some((key, key_span)) => entries.push(Entry { key, key_span, value: node }),
                None => return Err(Finding::structure("yaml-syntax", node.span, "a value without a key")),
            },
        }
        Ok(())
    }

    fn duplicates(&mut self, entries: &[Entry]) {
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        for entry in entries {
            match seen.get(&*entry.key) {
                Some(first) => self.report(
                    Finding::structure("duplicate-key", entry.key_span, "this key stands here for the second time")
                        .help("readers disagree on which one counts; keep one")
                        .related(*first, "first here"),
                ),
                None => {
                    seen.insert(&entry.key, entry.key_span);
                }
            }
        }
    }
}

/// The YAML 1.2 core schema: `yes`, `on` and `017` are text here, which the schema walk then explains.
fn core_schema(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::Str(text.into())),
    }
}

fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let first = digits.bytes().next()?;
    if !(first.is_ascii_digit() || first == b'.')
        || digits.bytes().any(|byte| !(byte.is_ascii_digit() || b".eE+-".contains(&byte)))
    {
        return None;
    }
    if digits.len() > 1 && first == b'0' && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // `017` is 17 to YAML 1.2 and 15 to YAML 1.1; text is what neither takes it for.
        return None;
    }
    if let Ok(value) = text.parse::<i64>() {
        return Some(Value::Int(value));
    }
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    // JSON Schema takes 1.0 for a whole number, so it is one everywhere.
    #[expect(clippy::cast_possible_truncation, reason = "below 2^53 a whole f64 is exact")]
    let whole = (value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0).then_some(value as i64);
    Some(whole.map_or(Value::Float(value), Value::Int))
}

/// Characters that hide text from a reviewer: C0 and C1 controls, DEL, line separators, direction marks.
pub const fn is_forbidden(sign: char) -> bool {
    matches!(sign,
        '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn forbidden_character(text: &str, file: FileId) -> Option<Finding> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return None;
    }
    // A lone carriage return is a line break to YAML, and hides what stands before it on a terminal.
    let lone = |offset: usize| text.as_bytes().get(offset + 1) != Some(&b'\n');
    let (offset, sign) =
        text.char_indices().find(|(offset, sign)| is_forbidden(*sign) || (*sign == '\r' && lone(*offset)))?;
    let start = u32::try_from(offset).unwrap_or(0);
    let end = u32::try_from(offset + sign.len_utf8()).unwrap_or(start);
    let span = Span { file, start, end };
    Some(
        Finding::structure(
            "control-character",
            span,
            format!("{} is not allowed in a profile: it hides text from a reader", sign.escape_unicode()),
        )
        .help("remove it"),
    )
}
