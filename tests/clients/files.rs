//! The files as such, for every profile of `fixtures/ok`: their compilers and linters accept them, and strings of each
//! language are read back as they were.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::lab::{printed, tool};
use crate::languages::go;

fn built(profile: &Path, out: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redisgen"));
    printed(command.args(["build", "--no-secrets", "--deny", "error", "--out"]).arg(out).arg(profile));
}

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_profile_gives_sound_modules() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut python, mut node, mut formatted) = (Vec::new(), Vec::new(), Vec::new());
    let mut sessions = 0;
    for profile in files(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ok")) {
        if profile.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let out = folder.path().join(profile.file_stem().expect("name"));
        built(&profile, &out);
        let client = out.join("client");
        python.extend(files(client.join("python")));
        node.extend(files(client.join("node")));
        formatted.extend(files(client.join("go")));
        sessions += usize::from(client.join("python/redis_sessions.py").exists());
        // Each go/ is a package of its own; the other file needs go-redis.
        printed(go("go").args(["vet", "settings.go"]).current_dir(client.join("go")).env("GO111MODULE", "off"));
        printed(
            Command::new("sh")
                .args(["-euc", "set -a; . \"$1\"; [ \"$REDIS_HOST\" = redis ]", "sh"])
                .arg(client.join("environment")),
        );
        let text = fs::read_to_string(client.join("config.yaml")).expect("config.yaml");
        let config: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
        let redis = &config["redis"];
        let (host, port) = (redis["host"].as_str().expect("host"), redis["port"].as_u64().expect("port"));
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        assert!(redis["url"].as_str().expect("url").ends_with(&format!("://{host}:{port}")), "{text}");
    }
    assert!(sessions > 10 && python.len() > 2 * sessions - 1 && node.len() > sessions, "{sessions}");
    printed(Command::new(tool("python")).args(["-m", "pyflakes"]).args(&python));
    for module in &node {
        printed(Command::new(tool("node")).arg("--check").arg(module));
    }
    assert_eq!(printed(go("gofmt").arg("-l").args(&formatted)), "");
    // The controls: each of them sees a mistake.
    let broken = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let (py, mjs) = (broken("a.py", "import os\n"), broken("a.mjs", "const a = ;\n"));
    let (misplaced, wrong) =
        (broken("a.go", "package a\nimport  \"os\"\n"), broken("b.go", "package a\n\nvar x int = \"a\"\n"));
    let fails = |command: &mut Command| !command.output().expect("runs").status.success();
    assert!(fails(Command::new(tool("python")).args(["-m", "pyflakes"]).arg(py)));
    assert!(fails(Command::new(tool("node")).arg("--check").arg(mjs)));
    assert!(!printed(go("gofmt").arg("-l").arg(misplaced)).is_empty());
    assert!(fails(go("go").arg("vet").arg(wrong).env("GO111MODULE", "off")));
}

/// What ends a string, escapes, expands or hides somewhere.
const TEXTS: &[&str] = &[
    "",
    "user:",
    "\"",
    "\\",
    "\\\"",
    "\\u0041",
    "\\x41",
    "'",
    "`",
    "${x}",
    "$(id)",
    "#{x}",
    "{x}",
    "{}",
    "%s",
    "\n",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{7}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "é",
    "e\u{301}",
    "\u{2028}",
    "\u{202e}",
    "\u{feff}",
    "\u{1f512}",
    "\u{10ffff}",
    "*/",
    "//",
    "\"\"\"",
    "?? /",
    "</script>",
    "N{DIGIT ONE}",
    "\\N{DIGIT ONE}",
];

#[test]
fn strings_are_read_back_as_they_were() {
    let folder = tempfile::tempdir().expect("folder");
    let list = |encode: fn(&str) -> String| TEXTS.iter().map(|text| encode(text)).collect::<Vec<_>>().join(", ");
    let expected = Value::from(TEXTS.to_vec());
    let check = |language: &str, said: String| {
        let read: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{language}: {error}: {said}"));
        assert_eq!(read, expected, "{language}");
    };
    let path = |name: &str, text: String| {
        let path = folder.path().join(name);
        assert!(text.is_ascii(), "{name}");
        fs::write(&path, text).expect("written");
        path
    };
    let python = path("a.py", format!("import json\nprint(json.dumps([{}]))\n", list(redisgen::encode::python)));
    check("Python", printed(Command::new(tool("python")).arg(python)));
    let node = path("a.mjs", format!("console.log(JSON.stringify([{}]));\n", list(redisgen::encode::javascript)));
    check("JavaScript", printed(Command::new(tool("node")).arg(node)));
    let text = format!(
        "package main\n\nimport (\n\t\"encoding/json\"\n\t\"os\"\n)\n\nfunc main() {{\n\tjson.NewEncoder(os.Stdout).Encode([]string{{{}}})\n}}\n",
        list(redisgen::encode::go)
    );
    let program = folder.path().join("a");
    printed(go("go").arg("build").arg("-o").arg(&program).arg(path("a.go", text)).env("GO111MODULE", "off"));
    check("Go", printed(&mut Command::new(&program)));
    let text = format!(
        "fn main() {{\n    for text in [{}] {{\n        print!(\"{{text}}\\u{{1}}\");\n    }}\n}}\n",
        list(redisgen::encode::rust)
    );
    printed(Command::new("rustc").arg("-o").arg(&program).arg(path("a.rs", text)));
    let output = Command::new(&program).output().expect("runs").stdout;
    let read: Vec<&str> = std::str::from_utf8(&output).expect("UTF-8").split_terminator('\u{1}').collect();
    assert_eq!(read, TEXTS, "Rust");
}
