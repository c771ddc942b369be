//! The list of what the binary is made of, by `packaging/sbom.sh`, held against Cargo.lock and cargo's own tree.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use crate::ROOT;
use crate::common::{Room, text_of};

fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Dated by somebody, and by nobody.
static LISTS: LazyLock<[String; 2]> = LazyLock::new(|| [list(Some("1700000000")), list(None)]);

fn list(epoch: Option<&str>) -> String {
    let mut command = Command::new(Path::new(ROOT).join("packaging/sbom.sh"));
    command.arg(target()).env_remove("SOURCE_DATE_EPOCH");
    if let Some(epoch) = epoch {
        command.env("SOURCE_DATE_EPOCH", epoch);
    }
    text_of(&mut command)
}

/// Name and version of what these edges lead to.
fn tree(edges: &str) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["tree", "--locked", "--prefix", "none", "--format", "{p}", "--edges", edges, "--target", &target()]);
    let text = text_of(command.current_dir(ROOT));
    let two = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    text.lines().map(two).filter(|line| !line.starts_with("redisgen ")).collect()
}

#[test]
fn it_names_what_is_in_the_binary_and_nothing_else() {
    let [text, undated] = &*LISTS;
    let list: Value = serde_json::from_str(text).expect("JSON");
    let mut without = list.clone();
    without["metadata"].as_object_mut().expect("a mapping").remove("timestamp").expect("a date");
    let undated: Value = serde_json::from_str(undated).expect("JSON");
    assert_eq!(without, undated, "two lists of the same sources differ, and not by their date");
    assert_eq!((list["bomFormat"].as_str(), list["specVersion"].as_str()), (Some("CycloneDX"), Some("1.6")));
    assert_eq!(list["metadata"]["timestamp"], "2023-11-14T22:13:20+00:00");
    assert_eq!(list["metadata"]["component"]["version"], env!("CARGO_PKG_VERSION"));
    let folder = Path::new(ROOT).display().to_string();
    assert!(!text.contains(&folder), "it names a folder of this machine");

    let components = list["components"].as_array().expect("components");
    let named = |component: &Value| {
        format!(
            "{} v{}",
            component["name"].as_str().expect("a name"),
            component["version"].as_str().expect("a version")
        )
    };
    let all: BTreeSet<String> = components.iter().map(named).collect();
    assert_eq!(all.len(), components.len(), "something is named twice");
    assert_eq!(all, tree("normal,build"));
    // A macro and what it needs runs while building.
    let required: BTreeSet<String> = components.iter().filter(|it| it["scope"] == "required").map(named).collect();
    assert_eq!(required, tree("normal,no-proc-macro"));
    // The tests' own.
    for name in ["proptest", "serde_yaml", "insta", "jsonschema"] {
        assert!(!all.iter().any(|it| it.starts_with(&format!("{name} "))), "{name} is not shipped");
    }

    let lock: toml::Value =
        toml::from_str(&std::fs::read_to_string(Path::new(ROOT).join("Cargo.lock")).expect("Cargo.lock"))
            .expect("TOML");
    let lock = lock["package"].as_array().expect("packages");
    for component in components {
        let (name, version) = (&component["name"], &component["version"]);
        let locked =
            lock.iter().find(|it| it["name"].as_str() == name.as_str() && it["version"].as_str() == version.as_str());
        let locked = locked.unwrap_or_else(|| panic!("{name} {version} is not locked"));
        assert_eq!(component["hashes"][0]["content"].as_str(), locked["checksum"].as_str(), "{name}");
        let purl = format!("pkg:cargo/{}@{}", name.as_str().unwrap_or_default(), version.as_str().unwrap_or_default());
        let purl = purl.replace('+', "%2B");
        assert_eq!(component["purl"].as_str(), Some(purl.as_str()));
        let license =
            component["licenses"][0]["expression"].as_str().or(component["licenses"][0]["license"]["id"].as_str());
        assert!(license.is_some_and(|it| !it.is_empty()), "{name}: no licence");
    }
    // Each is reached from redisgen.
    let edges = list["dependencies"].as_array().expect("dependencies");
    let mut reached = BTreeSet::new();
    let mut next = vec![list["metadata"]["component"]["bom-ref"].as_str().expect("a reference")];
    while let Some(reference) = next.pop() {
        if reached.insert(reference) {
            let edge = edges.iter().find(|it| it["ref"] == reference).expect("its dependencies");
            next.extend(edge["dependsOn"].as_array().into_iter().flatten().filter_map(Value::as_str));
        }
    }
    assert_eq!(reached.len(), components.len() + 1);
}

/// The script judges its own work by the schema of CycloneDX; here that judge is tried.
#[test]
fn the_schema_refuses_what_is_wrong() {
    const JUDGE: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(1 if JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read()) else 0)
";
    let text = &LISTS[1];
    let room = Room::new();
    let cache =
        std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{}/.cache", std::env::var("HOME").expect("HOME")));
    let python = std::fs::read_dir(format!("{cache}/redisgen-tests/sbom")).expect("the script's cache");
    let python = python.filter_map(Result::ok).map(|it| it.path().join("bin/python")).find(|it| it.exists());
    let python = python.expect("the script's Python");
    let valid = |text: &str| {
        let file = room.file("list.json", text);
        Command::new(&python).args(["-c", JUDGE]).arg(file).status().expect("python").success()
    };
    assert!(valid(text));
    assert!(!valid(&text.replacen("\"SHA-256\"", "\"SHA-0\"", 1)));
    assert!(!valid(&text.replacen("\"type\": \"library\"", "\"typ\": \"library\"", 1)));
}
