//! `action.yml` as GitHub runs it: each step's script by the bash of its `shell`, inputs through `env` only, and the
//! files that the runner gives.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::{DEV, PROD, REDISGEN, Room, text_of, yaml_1_2};
use crate::installed::{ROOT, build_quickly, commit, git, quiet};

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
    run_on(room, given, &std::env::var("PATH").expect("PATH"))
}

/// The same on a runner with these programs.
fn run_on(room: &Room, given: &[(&str, &str)], programs: &str) -> Run {
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
            .env("RUNNER_TEMP", &temporary)
            .env("PATH", programs)
            // What started these tests must not choose the toolchain: a runner has no such variable.
            .env_remove("RUSTUP_TOOLCHAIN");
        for (name, text) in step["env"].as_object().into_iter().flatten() {
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
    commit(&room.path("work"));
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

/// A change may add secrets that its author knows: the next build would keep them.
#[test]
fn secrets_in_git_fail_the_job() {
    let room = project();
    let track = |name: &str| {
        room.file(&format!("work/{name}"), "x");
        text_of(git(&room.path("work")).args(["add", "--force", "--all"]));
    };
    // Controls: these are none.
    for name in ["deploy/secrets/.gitignore", "mysecrets/server/x", "secrets/other/x", "secrets/serverless/x"] {
        track(name);
    }
    let fine = run(&room, &[HERE, ("diff", "false")]);
    assert_eq!(fine.failed, None, "{}", fine.log);
    for name in [
        "deploy/secrets/server/users.acl",
        "secrets/clients/a/password",
        "a b/Secrets/ca/ca.key",
        "\"q\"/\u{fc}/secrets/ca/ca.key",
        "x\n::add-mask::y/secrets/server",
    ] {
        track(name);
        let bad = run(&room, &[HERE, ("diff", "false")]);
        assert_eq!(bad.failed, Some(("Look for secrets in Git".to_owned(), 1)), "{name}: {}", bad.log);
        assert!(bad.log.contains("Git has secrets") && !bad.log.contains("\n::add-mask::"), "{name}: {}", bad.log);
        text_of(git(&room.path("work")).args(["rm", "--quiet", "--force", "--", name]));
    }
    assert_eq!(run(&room, &[HERE, ("diff", "false")]).failed, None);
    // Where Git cannot answer, nothing was proven.
    std::fs::remove_dir_all(room.path("work/.git")).expect("removed");
    let lost = run(&room, &[HERE]).failed.expect("fails");
    assert_eq!(lost.0, "Look for secrets in Git");
}

/// A change may add links: what the action writes must not reach another file of the runner.
#[test]
fn links_lead_nothing_out() {
    let room = project();
    room.file("victim/file", "theirs");
    symlink(room.path("victim/file"), room.path("work/redisgen.sarif")).expect("link");
    symlink(room.path("victim"), room.path("work/out")).expect("link");
    let before = room.tree("victim");
    let fine = run(&room, &[HERE, ("format", "sarif")]);
    assert_eq!(fine.failed, None, "{}", fine.log);
    assert!(room.path("work/redisgen.sarif").symlink_metadata().expect("there").is_file());
    assert!(room.read("work/redisgen.sarif").contains("sarif"));
    let out = run(&room, &[HERE, ("format", "sarif"), ("sarif-file", "out/file")]);
    assert_eq!(out.failed, Some(("Validate".to_owned(), 2)), "{}", out.log);
    assert_eq!(before, room.tree("victim"));
    // A folder of the working directory, and a path that the workflow states wholly, are fine.
    std::fs::create_dir(room.path("work/reports")).expect("folder");
    let whole = room.path("whole.sarif").display().to_string();
    for file in ["reports/a.sarif", whole.as_str()] {
        let fine = run(&room, &[HERE, ("format", "sarif"), ("sarif-file", file)]);
        assert_eq!(fine.failed, None, "{}", fine.log);
    }
    assert!(room.path("work/reports/a.sarif").exists() && room.path("whole.sarif").exists());
}

/// Neither the base's attributes nor those of the change decide what is compared.
#[test]
fn attributes_hide_nothing() {
    let room = project();
    room.file("work/.gitattributes", "* export-ignore\n");
    let base = commit(&room.path("work"));
    room.file("work/.gitattributes", "*.yaml working-tree-encoding=UTF-16\n");
    let same = run(&room, &[HERE, ("diff", "false"), ("access-diff-base", &base)]);
    assert_eq!((same.failed, same.outputs["access-gained"].as_str()), (None, "false"), "{}", same.log);
    assert_eq!(same.summary, "## Changes of access\n\nNone.\n");
    // The control: an archive would lack the profile. The repository's own index is as it was.
    let archive = git(&room.path("work")).args(["archive", &base]).output().expect("git");
    assert!(!String::from_utf8_lossy(&archive.stdout).contains("shop.yaml"));
    assert_eq!(text_of(git(&room.path("work")).args(["status", "--porcelain"])), " M .gitattributes\n");
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
fn a_binary_may_be_named_from_the_working_directory() {
    let room = project();
    std::fs::create_dir(room.path("work/tools")).expect("folder");
    std::fs::copy(REDISGEN, room.path("work/tools/redisgen")).expect("copied");
    let fine = run(&room, &[("binary", "tools/redisgen")]);
    assert_eq!(fine.failed, None, "{}", fine.log);
}

/// A change may bring a toolchain and settings of Cargo: both are looked for from the folder in which Cargo is started.
fn trap(room: &Room) {
    let evil = |name: &str| {
        room.file(name, format!("#!/bin/sh\ntouch '{}'\nexit 1\n", room.path("pwned").display()));
        room.chmod(name, 0o755);
    };
    evil("work/evil/bin/cargo");
    evil("work/evil/bin/rustc");
    let folder = room.path("work/evil").display().to_string();
    room.file("work/rust-toolchain.toml", format!("[toolchain]\npath = \"{folder}\"\n"));
    room.file("work/.cargo/config.toml", format!("[build]\nrustc = \"{folder}/bin/rustc\"\n"));
}

#[test]
fn cargo_starts_in_the_folder_of_the_action() {
    let room = project();
    let cargo = "#!/bin/sh\npwd >\"$RUNNER_TEMP/where\"\nmkdir -p \"$RUNNER_TEMP/redisgen/bin\"\n";
    room.file("programs/cargo", format!("{cargo}ln -s '{REDISGEN}' \"$RUNNER_TEMP/redisgen/bin/redisgen\"\n"));
    room.chmod("programs/cargo", 0o755);
    let path = std::env::var("PATH").expect("PATH");
    let fine = run_on(&room, &[], &format!("{}:{path}", room.path("programs").display()));
    assert_eq!(fine.failed, None, "{}", fine.log);
    let folder = std::fs::canonicalize(ROOT).expect("the sources");
    assert_eq!(room.read("runner/where").trim_end(), folder.display().to_string());
}

#[test]
fn it_builds_what_it_needs() {
    let room = project();
    trap(&room);
    // The control, where rustup gives Cargo: without it nobody reads rust-toolchain.toml, and the test above is the proof.
    if Command::new("rustup").arg("--version").output().is_ok_and(|output| output.status.success()) {
        let mut cargo = Command::new("cargo");
        cargo.arg("--version").current_dir(room.path("work")).env_remove("RUSTUP_TOOLCHAIN");
        assert!(!cargo.output().expect("cargo").status.success() && room.path("pwned").exists());
        std::fs::remove_file(room.path("pwned")).expect("removed");
    }
    let built = run(&room, &[]);
    assert_eq!(built.failed, None, "{}", built.log);
    assert!(!room.path("pwned").exists());
    assert!(room.path("runner/redisgen/bin/redisgen").exists());
    assert!(built.log.contains("shop.yaml: ok"), "{}", built.log);
}
