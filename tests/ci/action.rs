//! `action.yml` as GitHub runs it: each step's script by the bash of its `shell`, inputs through `env` only, and the
//! files that the runner gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::{DEV, PROD, REDISGEN, Room, yaml_1_2};
use crate::installed::{ROOT, build_quickly, commit, quiet};

const PROJECT: &str =
    "version = 1\n[[profiles]]\npath = \"shop.yaml\"\nenvironment = \"production\"\nout = \"deploy\"\n";

/// What a run of the action gave.
struct Run {
    /// Name of the step that failed, and the code of its script.
    failed: Option<(String, i32)>,
    /// Standard output of all steps, with errors.
    log: String,
    outputs: BTreeMap<String, String>,
    summary: String,
}

fn action() -> Value {
    yaml_1_2(&std::fs::read_to_string(Path::new(ROOT).join("action.yml")).expect("action.yml"))
}

/// Puts inputs and the outputs of earlier steps into what stands in `env` or `if`.
fn value(text: &str, inputs: &BTreeMap<String, String>, outputs: &BTreeMap<String, String>) -> String {
    let Some(expression) = text.strip_prefix("${{ ").and_then(|text| text.strip_suffix(" }}")) else {
        return text.to_owned();
    };
    let of = |name: &str| match name.split('.').collect::<Vec<_>>()[..] {
        ["inputs", name] => inputs[name].clone(),
        ["steps", step, "outputs", name] => outputs.get(&format!("{step}.{name}")).cloned().unwrap_or_default(),
        _ => panic!("{text}"),
    };
    // Enough of GitHub's language for this file; anything else is a name that is not known.
    if let Some((name, wanted)) = expression.split_once(" == ") {
        return (of(name) == wanted.trim_matches('\'')).to_string();
    }
    if let Some((name, wanted)) = expression.split_once(" != ") {
        return (of(name) != wanted.trim_matches('\'')).to_string();
    }
    of(expression)
}

/// Runs the action in the folder `work` of a room.
fn run(room: &Room, given: &[(&str, &str)]) -> Run {
    let action = action();
    let declared = action["inputs"].as_object().expect("inputs");
    let mut inputs: BTreeMap<String, String> = declared
        .iter()
        .map(|(name, input)| (name.clone(), input["default"].as_str().expect("a default in words").to_owned()))
        .collect();
    for (name, text) in given {
        assert!(inputs.insert((*name).to_owned(), (*text).to_owned()).is_some(), "{name} is no input");
    }
    let (mut outputs, mut log, mut failed) = (BTreeMap::new(), String::new(), None);
    let temporary = room.path("runner");
    std::fs::create_dir_all(&temporary).expect("folder");
    let summary = room.file("summary.md", "");
    for step in action["runs"]["steps"].as_array().expect("steps") {
        let condition = step["if"].as_str().map_or("true".to_owned(), |text| value(text, &inputs, &outputs));
        if condition != "true" {
            continue;
        }
        assert_eq!(step["shell"], "bash");
        let script = step["run"].as_str().expect("a script");
        assert!(!script.contains("${{"), "an expression in a script is syntax there");
        let output_file = room.file("output.txt", "");
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(room.file("step.sh", script));
        quiet(build_quickly(&mut command))
            .current_dir(room.path("work"))
            .env("GITHUB_ACTION_PATH", ROOT)
            .env("GITHUB_OUTPUT", &output_file)
            .env("GITHUB_STEP_SUMMARY", &summary)
            .env("RUNNER_TEMP", &temporary);
        for (name, text) in step["env"].as_object().expect("env") {
            command.env(name, value(text.as_str().expect("text"), &inputs, &outputs));
        }
        let result = command.output().expect("bash");
        log.push_str(&format!(
            "{}{}",
            String::from_utf8_lossy(&result.stdout),
            String::from_utf8_lossy(&result.stderr)
        ));
        let id = step["id"].as_str().unwrap_or("");
        for line in std::fs::read_to_string(&output_file).expect("outputs").lines() {
            let (name, text) = line.split_once('=').expect("NAME=VALUE");
            outputs.insert(format!("{id}.{name}"), text.to_owned());
        }
        if !result.status.success() {
            failed = Some((step["name"].as_str().expect("a name").to_owned(), result.status.code().expect("a code")));
            break;
        }
    }
    let named = action["outputs"].as_object().expect("outputs").iter();
    let named =
        named.map(|(name, output)| (name.clone(), value(output["value"].as_str().expect("text"), &inputs, &outputs)));
    Run { failed, log, outputs: named.collect(), summary: std::fs::read_to_string(summary).expect("summary") }
}

fn project() -> Room {
    let room = Room::new();
    room.file("work/shop.yaml", PROD);
    room.file("work/redisgen.toml", PROJECT);
    room.shell("cd work && \"$REDISGEN\" build --no-secrets").ended(0);
    room
}

const HERE: (&str, &str) = ("binary", REDISGEN);

#[test]
fn findings_and_drift_fail_the_job() {
    let room = project();
    let fine = run(&room, &[HERE]);
    assert_eq!(fine.failed, None, "{}", fine.log);
    assert!(fine.log.contains("::notice file=shop.yaml,line="), "{}", fine.log);
    room.file("work/shop.yaml", format!("{PROD}netwrok: {{}}\n"));
    let bad = run(&room, &[HERE]);
    assert_eq!(bad.failed, Some(("Validate".to_owned(), 1)), "{}", bad.log);
    assert!(bad.log.contains("::error file=shop.yaml,line=4"), "{}", bad.log);
    // SARIF is there although the step failed: the upload comes after.
    let sarif = run(&room, &[HERE, ("format", "sarif"), ("sarif-file", "a b;c.sarif")]);
    assert_eq!(sarif.failed, Some(("Validate".to_owned(), 1)), "{}", sarif.log);
    let log: Value = serde_json::from_str(&room.read("work/a b;c.sarif")).expect("SARIF");
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "unknown-key");
    // What the inputs say counts.
    room.file("work/shop.yaml", PROD);
    assert_eq!(run(&room, &[HERE, ("deny", "info")]).failed, Some(("Validate".to_owned(), 1)));
    assert_eq!(run(&room, &[HERE, ("deny", "x")]).failed, Some(("Validate".to_owned(), 2)));
    assert_eq!(run(&room, &[HERE, ("format", "xml")]).failed, Some(("Validate".to_owned(), 2)));
    room.file("work/dev.yaml", DEV);
    let named = run(&room, &[HERE, ("profiles", "shop.yaml\n\ndev.yaml\n"), ("diff", "false")]);
    assert_eq!(named.failed, None, "{}", named.log);
    assert!(named.log.contains("dev.yaml: ok"), "{}", named.log);

    let conf = room.read("work/deploy/redis/redis.conf");
    room.file("work/deploy/redis/redis.conf", format!("::add-mask::shop\n{conf}"));
    let drift = run(&room, &[HERE]);
    assert_eq!(drift.failed, Some(("Compare artefacts".to_owned(), 1)), "{}", drift.log);
    assert!(drift.log.contains("mend it with: redisgen build shop.yaml"), "{}", drift.log);
    // The runner obeys no command that stands in a file: it was told to stop, until a word that nobody can guess.
    let token = drift.log.split("::stop-commands::").nth(1).and_then(|rest| rest.lines().next()).expect("a token");
    assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    let (before, inside) = drift.log.split_once(&format!("::stop-commands::{token}\n")).expect("stopped");
    let (inside, after) = inside.split_once(&format!("\n::{token}::\n")).expect("resumed");
    assert!(inside.contains("::add-mask::") && !before.contains("::add-mask::") && !after.contains("::add-mask::"));
    assert_eq!(run(&room, &[HERE, ("diff", "false")]).failed, None);
}

#[test]
fn access_is_compared_with_the_base() {
    let room = project();
    let users = |keys: &str| {
        format!(
            "{PROD}users:\n  - {{ name: admin, role: admin }}\n  - {{ name: cart, role: application, keys: [\"{keys}\"] }}\n"
        )
    };
    room.file("work/shop.yaml", users("cart:*"));
    let base = commit(&room.path("work"));
    let same = run(&room, &[HERE, ("diff", "false"), ("access-diff-base", &base)]);
    assert_eq!((same.failed, same.outputs["access-gained"].as_str()), (None, "false"), "{}", same.log);
    assert_eq!(same.summary, "## Changes of access\n\nNone.\n");
    room.file("work/shop.yaml", users("shop:*"));
    commit(&room.path("work"));
    let wider = run(&room, &[HERE, ("diff", "false"), ("access-diff-base", &base)]);
    assert_eq!((wider.failed, wider.outputs["access-gained"].as_str()), (None, "true"), "{}", wider.log);
    assert!(wider.summary.contains("- gained keys: `~shop:*`"), "{}", wider.summary);
    assert_eq!(
        std::fs::read_to_string(PathBuf::from(&wider.outputs["access-diff-file"])).expect("a file"),
        wider.summary
    );
    // Without a base there is no comparison; one that is not there, or is an option, is an error and no "nothing".
    let none = run(&room, &[HERE, ("diff", "false")]);
    assert_eq!((none.failed, none.outputs["access-gained"].as_str()), (None, ""));
    for base in ["0123456789abcdef0123456789abcdef01234567", "--help", "$(touch pwned)"] {
        let lost = run(&room, &[HERE, ("diff", "false"), ("access-diff-base", base)]);
        assert_eq!(lost.failed, Some(("Compare access".to_owned(), 2)), "{base}: {}", lost.log);
        assert!(lost.log.contains("fetch-depth: 0") && lost.summary.is_empty(), "{}", lost.log);
    }
}

#[test]
fn nothing_in_an_input_is_syntax() {
    let room = project();
    for odd in [
        "a b.yaml",
        "a;touch pwned;.yaml",
        "$(touch pwned).yaml",
        "`touch pwned`.yaml",
        "-x.yaml",
        "'\".yaml",
        "*.yaml",
    ] {
        room.file(&format!("work/{odd}"), PROD);
        let run = run(&room, &[HERE, ("profiles", odd), ("diff", "false")]);
        // Blanks are fine in a profile's name, the others are refused by redisgen itself.
        let wanted = if matches!(odd, "a b.yaml" | "-x.yaml") { None } else { Some(("Validate".to_owned(), 2)) };
        assert_eq!(run.failed, wanted, "{odd}: {}", run.log);
    }
    let split = run(&room, &[HERE, ("profiles", "a\n$(touch pwned)\n.yaml")]);
    assert_eq!(split.failed, Some(("Validate".to_owned(), 2)), "{}", split.log);
    for (name, text) in [
        ("deny", "error; touch pwned"),
        ("format", "$(touch pwned)"),
        ("sarif-file", "$(touch pwned)"),
        ("binary", "x; touch pwned"),
        ("binary", "x\nbinary=/bin/true"),
        ("diff", "$(touch pwned)"),
    ] {
        run(&room, &[HERE, (name, text)]);
    }
    assert!(room.tree("").keys().all(|path| !path.ends_with("pwned") || path.contains("touch")), "{:?}", room.tree(""));
}

#[test]
fn it_builds_what_it_needs() {
    let room = project();
    let built = run(&room, &[]);
    assert_eq!(built.failed, None, "{}", built.log);
    assert!(room.path("runner/redisgen/bin/redisgen").exists());
    assert!(built.log.contains("shop.yaml: ok"), "{}", built.log);
}
