//! In: a value and the types that the schema permits in its place. Out: the finding if it has none of them, and words.

use super::{Rules, Type, fix};
use crate::finding::Finding;
use crate::source::Span;
use crate::tree::{Node, Value};

/// What is wrong with a node whose type is not one of the schema's, with what to write instead.
pub(super) fn wrong(rules: &Rules, node: &Node, place: Span) -> Finding {
    let span = if matches!(node.value, Value::Map(_) | Value::Seq(_)) { place } else { node.span };
    let wanted: Vec<&str> = rules.types.iter().map(|wanted| wanted.word()).collect();
    let finding = Finding::structure(
        "wrong-type",
        span,
        format!("expected {}, found {}", wanted.join(" or "), found(&node.value)),
    );
    let wants = |wanted| rules.types.contains(&wanted);
    match &node.value {
        Value::Str(text) if wants(Type::Boolean) => match truth(text) {
            Some(meant) => finding.help(format!("write `{meant}`")).fix(meant),
            None => finding.help("write `true` or `false`, without quotes"),
        },
        Value::Str(text)
            if (wants(Type::Integer) || wants(Type::Number)) && text.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            let finding = finding.help("write the number in decimal, without quotes and leading zeros");
            match text.parse::<i64>().ok().filter(|number| number.to_string() == **text && within(rules, *number)) {
                Some(number) => finding.fix(number.to_string()),
                None => finding,
            }
        }
        Value::Bool(value) if wants(Type::String) && wants(Type::Integer) => {
            let word = if *value { "yes" } else { "no" };
            finding.help(format!("this is a word of redis.conf: write `{word}`"))
        }
        Value::Int(_) | Value::Float(_) if fix::is_word(rules, node) => {
            let word = node.to_json().to_string();
            finding.help(format!("put it in quotes: \"{word}\"")).fix(format!("\"{word}\""))
        }
        Value::Bool(false) if rules.words.iter().any(|word| word == "disabled") => {
            finding.help("did you mean `disabled`?")
        }
        Value::Int(_) | Value::Float(_) if rules.format.is_some() => {
            let wanted = rules.format.and_then(|format| (format.check)("").err());
            finding.help(wanted.unwrap_or_default())
        }
        Value::Int(_) | Value::Float(_) | Value::Bool(_) if !rules.words.is_empty() => {
            finding.help(format!("write {}", listed(&rules.words)))
        }
        Value::Int(_) | Value::Float(_) | Value::Bool(_) if wants(Type::String) => {
            finding.help("put the value in quotes")
        }
        Value::Str(_) | Value::Int(_) | Value::Map(_) if wants(Type::Array) => {
            finding.help("write a list: `[…]`, or one `- ` line an item")
        }
        _ if wants(Type::Object) && !rules.properties.is_empty() => {
            let known: Vec<String> = rules.properties.keys().map(|key| format!("`{key}`")).collect();
            finding.help(format!("write a mapping with {}", known.join(", ")))
        }
        _ => finding,
    }
}

/// A word of the schema as a profile writes it, but for quotes.
pub(super) fn bare(word: &serde_json::Value) -> String {
    word.as_str().map_or_else(|| word.to_string(), str::to_owned)
}

/// The words of a choice: `a` or `b`.
pub(super) fn listed(words: &[serde_json::Value]) -> String {
    words.iter().map(|word| format!("`{}`", bare(word))).collect::<Vec<_>>().join(" or ")
}

#[expect(clippy::cast_precision_loss, reason = "bounds of the schema are far below 2^53")]
fn within(rules: &Rules, number: i64) -> bool {
    let number = number as f64;
    rules.minimum.is_none_or(|least| number >= least) && rules.maximum.is_none_or(|most| number <= most)
}

/// True if a value is of a type of the schema.
pub(super) fn matches(value: &Value, wanted: Type) -> bool {
    std::matches!(
        (value, wanted),
        (Value::Bool(_), Type::Boolean)
            | (Value::Int(_), Type::Integer | Type::Number)
            | (Value::Float(_), Type::Number)
            | (Value::Str(_), Type::String)
            | (Value::Seq(_), Type::Array)
            | (Value::Map(_), Type::Object)
    )
}

impl Type {
    const fn word(self) -> &'static str {
        match self {
            Type::Boolean => "`true` or `false`",
            Type::Integer => "a whole number",
            Type::Number => "a number",
            Type::String => "text",
            Type::Array => "a list",
            Type::Object => "a mapping",
        }
    }
}

const fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::Float(_) => "a number",
        Value::Str(_) => "text",
        Value::Seq(_) => "a list",
        Value::Map(_) => "a mapping",
    }
}

/// What YAML 1.1 readers take for a boolean.
fn truth(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "on" | "true" => Some("true"),
        "no" | "n" | "off" | "false" => Some("false"),
        _ => None,
    }
}
