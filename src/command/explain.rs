//! `redisgen explain`: a rule, or where the values of a profile come from. A rule id wins over a file.

mod command;
pub(super) mod profile;
mod source;

use super::{Exit, place};
use crate::console;
use crate::finding::Report;
use crate::format::Address;
use crate::input::{self, DiskParents, Projects, Work};
use crate::load;
use crate::output::human;
use crate::path::{Path, Segment};
use crate::resolve;
use crate::rules::examples::{self, Example};
use crate::rules::{self, Rule};
use crate::schema;
use crate::source::Sources;
use crate::tree::{Node, Value};

/// `asked` is a command and the user that would send it.
pub(super) fn run(
    subject: &str,
    path: Option<&str>,
    source: Option<Address>,
    asked: Option<(&str, &str)>,
) -> Result<Exit, String> {
    let of_profile = source.is_some() || asked.is_some();
    if let Some(rule) = rules::find(subject) {
        if of_profile || path.is_some() {
            return Err(format!("`{subject}` is a rule; a path, --source and --user are questions about a profile"));
        }
        let example = examples::all()?.remove(rule.id);
        console::out(&format!("{}{}", explain_rule(rule), example.as_ref().map_or(String::new(), show)));
        return Ok(Exit::Fine);
    }
    if subject != input::STDIN && !std::path::Path::new(subject).exists() {
        let nearest = schema::nearest(subject, rules::all().map(|rule| rule.id));
        let hint = nearest.map_or(String::new(), |meant| format!("; did you mean the rule `{meant}`?"));
        return Err(format!("{}: no rule and no file of this name{hint}", subject.escape_debug()));
    }
    if std::path::Path::new(subject).extension().is_some_and(|extension| extension == "acl") {
        return Err(format!("{subject}: explain takes a profile; `redisgen access` reads ACL files"));
    }
    // A project file that cannot be used is never passed over.
    let work = Projects::new()?.work(&[subject.to_owned()])?;
    let [Work { path: profile, .. }] = work.as_slice() else { return Err("explain takes one profile".to_owned()) };
    let (typed, loaded) = match load::load(input::read(profile)?, &mut DiskParents::new(profile)) {
        Ok(loaded) => loaded,
        Err(report) => return Ok(refuse(&report)),
    };
    if of_profile {
        let model = match resolve::resolve(&loaded, typed, &input::base_name(profile)?) {
            Ok(model) => model,
            Err(finding) => return Ok(refuse(&Report::new(vec![finding], loaded.sources))),
        };
        return match (source, asked) {
            (Some(source), _) => source::run(&loaded, &model, source),
            (None, Some((command, user))) => command::run(&loaded, &model, user, command),
            (None, None) => Ok(Exit::Fine),
        };
    }
    let Some(text) = path else {
        console::out(&profile::yaml(&loaded.tree, &loaded.sources));
        return Ok(Exit::Fine);
    };
    let path = Path::parse(text).map_err(|rest| format!("{}: not a profile path", rest.escape_debug()))?;
    let located = loaded.tree.locate(&path);
    let meaning = schema::PROFILE.as_ref().ok().and_then(|schema| schema::describe(schema, &path));
    if !located.complete && meaning.is_none() {
        return Err(format!("{path}: the profile format has no such place"));
    }
    let mut out = String::new();
    if located.complete {
        lines(located.node, located.key, &mut path.clone(), &loaded.sources, &mut out);
    } else {
        out.push_str(&format!("{path} is not set\n"));
    }
    if let Some(meaning) = meaning {
        out.push_str(&format!("\n{meaning}\n"));
    }
    console::out(&out);
    Ok(Exit::Fine)
}

fn refuse(report: &Report) -> Exit {
    console::out(&human::findings(report));
    Exit::Found
}

/// One line per value, with its origin.
fn lines(node: &Node, key: Option<crate::source::Span>, path: &mut Path, sources: &Sources, out: &mut String) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                path.push(Segment::Key(entry.key.to_string()));
                lines(&entry.value, Some(entry.key_span), path, sources, out);
                path.pop();
            }
        }
        Value::Seq(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                path.push(Segment::Index(index));
                lines(item, None, path, sources, out);
                path.pop();
            }
        }
        _ => out.push_str(&format!("{path}: {}  # {}\n", node.to_json(), place(sources, key.unwrap_or(node.span)))),
    }
}

fn explain_rule(rule: &Rule) -> String {
    let [development, production] = rule.severity;
    let mut text = human::wrapped("", &format!("{}: {}", rule.id, rule.title), 0);
    text.push('\n');
    text.push_str(&human::wrapped("", rule.why, 0));
    text.push('\n');
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&human::wrapped(label, value, 0));
        }
    };
    let topic = rule.topic;
    let threats: Vec<String> = topic.threats.iter().map(|threat| threat.name().to_lowercase()).collect();
    let controls: Vec<String> = topic.controls.iter().map(|control| control.name()).collect();
    line("Fix: ", rule.fix);
    line("Severity: ", &format!("{} in development, {} in production", development.word(), production.word()));
    line("Source: ", rule.source);
    line("Security guide: ", &topic.guide.join(", "));
    line("Against: ", &threats.join(", "));
    line("Maps to: ", &controls.join(", "));
    if rule.waivable {
        line("To accept it: ", &format!("waivers: [{{ rule: {}, reason: \"why it is fine here\" }}]", rule.id));
    } else {
        line("", "It cannot be waived.");
    }
    text
}

/// The example behind a rule's explanation.
fn show(example: &Example) -> String {
    let indented = |lines: &str| lines.lines().fold(String::new(), |text, line| format!("{text}    {line}\n"));
    match example {
        Example::Mend { before, after, as_of } => {
            let day = as_of.map_or(String::new(), |day| format!(" of {day}"));
            format!("\nExample{day}, before:\n{}after:\n{}", indented(before), indented(after))
        }
        Example::Absent { none } => format!("\nNo example: {none}.\n"),
    }
}
