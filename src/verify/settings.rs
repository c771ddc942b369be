//! In: the settings that a profile writes, those that it leaves to the engine, and those that a server runs with. Out: where
//! they differ. Used on servers of our own and on running ones.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Outcome, Trouble};
use super::reply::Reply;
use crate::artefact::redis_conf;
use crate::engine::{Line, memory};
use crate::model::Model;
use crate::profile::EngineKind;

/// Reads the answer of CONFIG GET.
pub fn read(reply: &Reply) -> Option<BTreeMap<String, String>> {
    let words: Option<Vec<String>> = reply.items()?.iter().map(Reply::text).collect();
    Some(words?.chunks_exact(2).filter_map(|pair| Some((pair.first()?.clone(), pair.get(1)?.clone()))).collect())
}

/// Judges the answer of `CONFIG GET *`.
///
/// # Errors
/// Settings differ, with their names and values.
pub fn judge(model: &Model, reply: &Reply) -> Outcome {
    let Some(running) = read(reply) else { return Trouble::failed(format!("CONFIG GET: {reply}")) };
    let (written, left) = (written(model), left(model));
    let different = differences(&written, &running).into_iter().chain(strangers(&left, &running));
    if let Some(told) = tell(different) {
        return Trouble::failed(told);
    }
    Ok(format!("{} settings as written, {} more as {} has them by default", written.len(), left.len(), model.line))
}

/// A setting that is not as the profile has it.
pub struct Change {
    /// Its name.
    pub name: String,
    /// How it differs.
    pub words: String,
    /// The value by which CONFIG SET mends it.
    pub value: String,
}

/// Every setting that is not as the profile has it, out of the answer of `CONFIG GET *`.
///
/// # Errors
/// The answer tells no settings.
pub fn changes(model: &Model, reply: &Reply) -> Result<Vec<Change>, Trouble> {
    let Some(running) = read(reply) else { return Trouble::failed(format!("CONFIG GET: {reply}")) };
    let (written, left) = (written(model), left(model));
    let value = |name: &str| match written.get(name) {
        Some(lines) => lines.join(" "),
        None => left.get(name).copied().unwrap_or_default().to_owned(),
    };
    let different = differences(&written, &running).into_iter().chain(strangers(&left, &running));
    Ok(different.map(|(name, words)| Change { value: value(&name), name, words }).collect())
}

/// Settings in words as far as they fit into a record, the rest by name; none if there are none.
fn tell(different: impl Iterator<Item = (String, String)>) -> Option<String> {
    const ROOM: usize = 400;
    let (mut told, mut names) = (String::new(), Vec::new());
    for (name, words) in different {
        if told.len() + words.len() > ROOM && !told.is_empty() {
            names.push(name);
            continue;
        }
        let gap = if told.is_empty() { "" } else { "; " };
        told.push_str(&format!("{gap}{name} {words}"));
    }
    match (told.is_empty(), names.is_empty()) {
        (true, _) => None,
        (false, true) => Some(told),
        (false, false) => Some(format!("{told}; others that differ: {}", names.join(", "))),
    }
}

/// Settings whose value is nobody's to read; whether they differ is told, and nothing else.
const SECRET: [&str; 4] = ["masterauth", "requirepass", "tls-client-key-file-pass", "tls-key-file-pass"];

fn shown(name: &str, value: &str) -> String {
    if SECRET.contains(&name) { "a value that is not shown here".to_owned() } else { format!("`{value}`") }
}

/// The one setting that has several lines.
const OUTPUT: &str = "client-output-buffer-limit";

/// The lines of redis.conf, by name.
fn written(model: &Model) -> BTreeMap<String, Vec<String>> {
    let mut written: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // What is renamed is seen by what the server answers to it.
    for (name, words) in redis_conf::settings(model).filter(|(name, _)| name != "rename-command") {
        written.entry(name).or_default().push(words.join(" "));
    }
    // Each class is a line of its own; those that are not written keep the engine's default.
    if let (Some(lines), Some(known)) = (written.get_mut(OUTPUT), model.line.directive(OUTPUT)) {
        let words: Vec<&str> = known.default.split(' ').collect();
        for class in words.chunks(4).filter(|class| !class.is_empty()) {
            if !lines.iter().any(|line| line.split(' ').next() == class.first().copied()) {
                lines.push(class.join(" "));
            }
        }
    }
    written
}

/// Settings that the profile does not write, with the line's default: a line more in redis.conf, or CONFIG SET, opens a
/// server as well as a line less. An alias is compared as what it stands for.
fn left(model: &Model) -> BTreeMap<&'static str, &'static str> {
    let line = model.line;
    let canonical = |name: &str| line.directive(name).and_then(|known| known.alias).map(str::to_owned);
    let names: BTreeSet<String> = written(model).into_keys().map(|name| canonical(&name).unwrap_or(name)).collect();
    let known = line.directive_names().filter_map(|name| Some((name, line.directive(name)?)));
    known
        .filter(|(name, known)| known.alias.is_none() && !known.ignored && !names.contains(*name))
        .map(|(name, known)| (name, known.default))
        .collect()
}

/// Each setting that is not as the profile writes it: its name, and how, in words.
fn differences(written: &BTreeMap<String, Vec<String>>, running: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let differs = |(name, lines): (&String, &Vec<String>)| {
        let words = match running.get(name) {
            None => "is not told".to_owned(),
            Some(actual) if holds(name, lines, actual) => return None,
            Some(actual) => {
                let (is, should) = (shown(name, actual), shown(name, &lines.join(" ")));
                format!("is {is}, the profile writes {should}")
            }
        };
        Some((name.clone(), words))
    };
    written.iter().filter_map(differs).collect()
}

/// Each setting that the profile does not write and that is not the engine's default. What a build does not tell, as TLS
/// without TLS, it does not have.
fn strangers(left: &BTreeMap<&'static str, &'static str>, running: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let told = left.iter().filter_map(|(name, default)| Some((*name, *default, running.get(*name)?)));
    told.filter(|(_, default, actual)| !same(default, actual))
        .map(|(name, default, actual)| {
            (name.to_owned(), format!("is {}, the profile leaves it at `{default}`", shown(name, actual)))
        })
        .collect()
}

fn same(wanted: &str, actual: &str) -> bool {
    wanted.eq_ignore_ascii_case(actual) || (memory(wanted).is_some() && memory(wanted) == memory(actual))
}

fn holds(name: &str, lines: &[String], actual: &str) -> bool {
    match name {
        // The server tells all classes in one line.
        OUTPUT => {
            let actual: Vec<&str> = actual.split(' ').collect();
            lines.iter().all(|line| {
                let wanted: Vec<&str> = line.split(' ').collect();
                actual.chunks(4).any(|class| {
                    class.len() == wanted.len()
                        && class.iter().zip(&wanted).all(|(actual, wanted)| same(wanted, actual))
                })
            })
        }
        _ => same(&lines.join(" "), actual),
    }
}

/// Judges `INFO replication`: no profile makes a replica, and one takes the data and the commands of its master.
///
/// # Errors
/// It follows somebody.
pub fn role(info: &str) -> Outcome {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    match field("role") {
        Some("master") => Ok("role:master".to_owned()),
        Some(role) => Trouble::failed(format!(
            "role:{role} of {}:{}",
            field("master_host").unwrap_or("?"),
            field("master_port").unwrap_or("?")
        )),
        None => Trouble::failed("INFO replication tells no role"),
    }
}

/// Judges `INFO modules`, which tells what MODULE LIST tells to everybody who may run INFO. Some lines bring a module along
/// in the server itself: Redis from 8.0 vector sets, Valkey from 9.1 Lua.
///
/// # Errors
/// There are others; code of a module may do all that the server may.
pub fn modules(line: &Line, info: &str) -> Outcome {
    let own = |name: &str| match line.kind {
        EngineKind::Redis => name == "vectorset" && line.number >= (8, 0),
        EngineKind::Valkey => name == "lua" && line.number >= (9, 1),
    };
    let names = info.lines().filter_map(|line| line.strip_prefix("module:name=")?.split(',').next());
    let (own, others): (Vec<&str>, Vec<&str>) = names.partition(|name| own(name));
    match (others.as_slice(), own.as_slice()) {
        ([], []) => Ok("none".to_owned()),
        ([], own) => Ok(format!("only the engine's own: {}", own.join(", "))),
        (others, _) => Trouble::failed(others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_classes_are_compared_by_meaning() {
        let line = |text: &str| [text.to_owned()];
        assert!(holds("maxmemory", &line("320mb"), "335544320"));
        assert!(!holds("maxmemory", &line("320mb"), "0"));
        assert!(holds("save", &["3600 1".to_owned(), "60 10000".to_owned()], "3600 1 60 10000"));
        assert!(!holds("save", &line("3600 1"), "3600 1 60 10000"));
        let all = "normal 67108864 33554432 60 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
        assert!(holds("client-output-buffer-limit", &line("normal 64mb 32mb 60"), all));
        assert!(!holds("client-output-buffer-limit", &line("normal 32mb 32mb 60"), all));
        assert!(!holds("protected-mode", &line("yes"), "no"));
    }

    #[test]
    fn what_is_left_to_the_engine_is_its_default() {
        let left =
            BTreeMap::from([("lua-time-limit", "5000"), ("masterauth", ""), ("proto-max-bulk-len", "536870912")]);
        let running = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        assert!(strangers(&left, &running(&[("masterauth", ""), ("proto-max-bulk-len", "512mb")])).is_empty());
        let different = strangers(&left, &running(&[("lua-time-limit", "0"), ("masterauth", "hunter2")]));
        let told = tell(different.into_iter()).expect("two");
        assert!(told.contains("lua-time-limit is `0`") && told.contains("masterauth is"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn what_differs_is_named_however_much_it_is() {
        assert_eq!(tell(std::iter::empty()), None);
        let many = (0..30).map(|place| (format!("setting-{place}"), "is `a`, the profile writes `b`".to_owned()));
        let told = tell(many).expect("many");
        assert!((0..30).all(|place| told.contains(&format!("setting-{place}"))) && told.len() < 900, "{told}");
    }

    #[test]
    fn replicas_and_modules_are_seen() {
        assert!(role("# Replication\r\nrole:master\r\nconnected_slaves:0\r\n").is_ok());
        let told = role("role:slave\r\nmaster_host:203.0.113.9\r\nmaster_port:6379\r\n");
        assert_eq!(told, Trouble::failed("role:slave of 203.0.113.9:6379"));
        assert!(role("").is_err());
        let line = |kind, text: &str| crate::engine::line(kind, text.parse().expect("a version")).expect("a line");
        let (old, new) = (line(EngineKind::Redis, "7.4.11"), line(EngineKind::Redis, "8.0.2"));
        let vectors = "# Modules\r\nmodule:name=vectorset,ver=1,api=1\r\n";
        assert!(modules(old, "# Modules\r\n").is_ok() && modules(new, vectors).is_ok());
        assert_eq!(modules(old, vectors), Trouble::failed("vectorset"));
        assert_eq!(modules(new, "module:name=system,ver=1\r\n"), Trouble::failed("system"));
        assert!(modules(line(EngineKind::Valkey, "9.1.2"), "module:name=lua,ver=1\r\n").is_ok());
    }
}
