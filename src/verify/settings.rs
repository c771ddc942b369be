//! In: the settings that a profile writes and those that a server runs with. Out: where they differ. Used on servers of our
//! own and on running ones.

use std::collections::BTreeMap;

use super::wire::Reply;
use crate::artefact::redis_conf;
use crate::engine::memory;
use crate::model::Model;

/// Reads the answer of CONFIG GET.
pub fn read(reply: &Reply) -> Option<BTreeMap<String, String>> {
    let words: Option<Vec<String>> = reply.items()?.iter().map(Reply::text).collect();
    Some(words?.chunks_exact(2).filter_map(|pair| Some((pair.first()?.clone(), pair.get(1)?.clone()))).collect())
}

/// Each setting that is not as the profile writes it, in words; also how many were compared.
pub fn differences(model: &Model, running: &BTreeMap<String, String>) -> (Vec<String>, usize) {
    let mut written: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // What is renamed is seen by what the server answers to it.
    for (name, words) in redis_conf::settings(model).filter(|(name, _)| name != "rename-command") {
        written.entry(name).or_default().push(words.join(" "));
    }
    let mut different = Vec::new();
    for (name, lines) in &written {
        match running.get(name) {
            None => different.push(format!("{name} is not told")),
            Some(actual) if holds(name, lines, actual) => {}
            Some(actual) => different.push(format!("{name} is `{actual}`, the profile writes `{}`", lines.join(" "))),
        }
    }
    (different, written.len())
}

fn holds(name: &str, lines: &[String], actual: &str) -> bool {
    let same = |wanted: &str, actual: &str| {
        wanted.eq_ignore_ascii_case(actual) || (memory(wanted).is_some() && memory(wanted) == memory(actual))
    };
    match name {
        // Each class is a line of its own, and the server tells all classes.
        "client-output-buffer-limit" => {
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
}
