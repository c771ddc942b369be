//! YAML for readers of 1.1 and 1.2, and compose files for Compose itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use redisgen::encode;
use serde_json::{Value, json};

use crate::common::{Room, text_of, yaml_1_1, yaml_1_2};
use crate::nasty::{batches, same, taken};

/// As values and as keys.
fn document(pairs: &[(String, String)]) -> String {
    let values: String = pairs.iter().map(|(_, written)| format!("  - {written}\n")).collect();
    // In flow style, and as the key of a mapping of its own.
    let keys: String = pairs.iter().map(|(_, written)| format!("  - {{ {written}: {written} }}\n")).collect();
    format!("values:\n{values}keys:\n{keys}")
}

#[test]
fn readers_of_both_versions_agree() {
    let room = Room::new();
    batches(|texts| {
        let pairs = taken(texts, |text| Ok(encode::yaml(text)))?;
        let text = document(&pairs);
        room.file("a.yaml", &text);
        let read = [yaml_1_2(&text), yaml_1_1(&[room.path("a.yaml")]).remove(0)];
        for read in read {
            let strings = |value: &Value| value.as_str().unwrap_or("no string").to_owned();
            let values: Vec<String> = read["values"].as_array().into_iter().flatten().map(strings).collect();
            same(&pairs, &values)?;
            for ((text, _), pair) in pairs.iter().zip(read["keys"].as_array().into_iter().flatten()) {
                prop_assert_eq!(pair, &json!({ text: text }));
            }
        }
        Ok(())
    });
}

/// Compose of the lowest version that we know to work, as tests/containers runs it.
fn compose() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docker/compose.sh");
    PathBuf::from(text_of(Command::new(script).arg("--fetch")).trim())
}

#[test]
fn compose_expands_nothing() {
    let (room, compose) = (Room::new(), compose());
    batches(|texts| {
        // No variable of a process can hold a zero, and Compose prints its own `$` doubled again.
        let texts: Vec<String> = texts.iter().filter(|text| !text.contains('\0')).cloned().collect();
        let pairs = taken(&texts, |text| Ok(encode::compose(text)))?;
        let lines: String = pairs.iter().map(|(_, written)| format!("      - {written}\n")).collect();
        room.file("c.yml", format!("services:\n  a:\n    image: a\n    command:\n{lines}"));
        let file = room.path("c.yml");
        let out = text_of(
            Command::new(&compose).arg("--file").arg(file).args(["config", "--format", "json"]).env("x", "expanded"),
        );
        let read: Value = serde_json::from_str(&out).expect("JSON of Compose");
        let words = read["services"]["a"]["command"].as_array().expect("a command").iter();
        let words: Vec<String> = words.map(|word| word.as_str().expect("a word").replace("$$", "$")).collect();
        same(&pairs, &words)
    });
}
