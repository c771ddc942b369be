//! The command line is an interface: exit codes, streams, the shape of JSON findings, and that what one
//! command writes another one recognises.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::doc_markdown,
    clippy::expect_used,
    clippy::format_collect,
    clippy::needless_pass_by_value,
    clippy::semicolon_if_nothing_returned,
    clippy::similar_names,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::too_many_lines,
    reason = "a test may fail"
)]

mod common;

use std::collections::BTreeSet;

use common::{DEV, MUTUAL, PROD, Room, content, deterministic};
use serde_json::Value;

/// A profile that no severity lets through.
const BROKEN: &str = "version: 1\nname: demo\nenvironment: production\nnetwrok: {}\n";
/// A source that had to be gone by the end of January 2027.
const EXPIRING: &str = "version: 1\nname: demo\nenvironment: production\nnetwork:\n  exposure: allowlist\n  allow:\n    - { source: 10.0.0.1, until: \"2027-01-31\" }\n";

#[test]
fn exit_codes() {
    let room = Room::with(PROD);
    room.file("broken.yaml", BROKEN);
    room.run(["validate", "p.yaml"]).ended(0);
    room.run(["validate", "broken.yaml"]).ended(1);
    room.run(["build", "broken.yaml"]).ended(1);
    room.run(["diff", "broken.yaml"]).ended(1);
    room.run(["explain", "broken.yaml"]).ended(1);
    for usage in [
        &["validate", "absent.yaml"][..],
        &["validate"],
        &["validate", "--deny", "fatal", "p.yaml"],
        &["validate", "--as-of", "tomorrow", "p.yaml"],
        &["frobnicate"],
        &[],
        &["validate", "--format", "xml", "p.yaml"],
        &["explain", "no-such-rule"],
        &["explain", "network-open", "tls.mode"],
        &["explain", "p.yaml", "no.such.place"],
        &["explain", "p.yaml", "a..b"],
        &["man", "no-such-command"],
        &["build", "p.yaml", "--no-secrets", "--reprovision"],
        &["completions", "csh"],
        &["advisories", "--engine", "redis-5.0"],
    ] {
        let out = room.run(usage).ended(2);
        assert!(out.stdout.is_empty(), "{usage:?}: {}", out.stdout);
        assert!(!out.stderr.is_empty(), "{usage:?}");
    }
    let out = room.run(["validate", "absent.yaml"]).ended(2);
    assert!(out.stderr.starts_with("redisgen: absent.yaml: "), "{}", out.stderr);
    std::fs::create_dir(room.path("empty")).expect("folder");
    room.run(["validate", "empty"]).ended(2);
    for help in [&["--help"][..], &["--version"], &["build", "--help"]] {
        let out = room.run(help).ended(0);
        assert!(out.stderr.is_empty() && !out.stdout.is_empty(), "{help:?}");
    }
}

#[test]
fn validate_takes_files_folders_and_standard_input() {
    let room = Room::with(PROD);
    room.file("set/a.yaml", DEV);
    room.file("set/b.yml", PROD);
    room.file("set/c.txt", "no profile");
    let out = room.run(["validate", "p.yaml", "set"]).ended(0);
    for name in ["p.yaml: ok", "set/a.yaml: ok", "set/b.yml: ok"] {
        assert!(out.stderr.contains(name), "{name}: {}", out.stderr);
    }
    assert!(!out.stderr.contains("c.txt"));
    let out = room.run_with_input(["validate", "-"], PROD).ended(0);
    assert!(out.stderr.starts_with("<stdin>: ok"), "{}", out.stderr);
    let out = room.run_with_input(["validate", "--format", "json", "-"], BROKEN).ended(1);
    assert_eq!(out.findings()[0]["file"], "<stdin>");
    // One refused profile refuses the run, and all are reported.
    room.file("set/d.yaml", BROKEN);
    let out = room.run(["validate", "set"]).ended(1);
    assert!(
        out.stderr.contains("set/d.yaml: refused at --deny error, 1 error") && out.stderr.contains("set/a.yaml: ok"),
        "{}",
        out.stderr
    );
    assert!(room.run(["build", "set", "--out", "o"]).ended(1).stderr.contains("nothing was written"));
    assert!(!room.path("o").exists(), "one refused profile, and nothing is written for the others");
}

#[test]
fn several_profiles_go_to_folders_of_their_names() {
    let room = Room::new();
    room.file("set/a.yaml", DEV);
    room.file("set/b.yaml", PROD);
    room.run(["build", "set", "--out", "o", "--no-secrets"]).ended(0);
    assert!(room.path("o/a/docker-compose.dev.yml").exists() && room.path("o/b/docker-compose.prod.yml").exists());
    let out = room.run(["diff", "set", "--out", "o"]).ended(0);
    assert!(out.stdout.is_empty() || !out.stdout.contains("---"), "{}", out.stdout);
    room.file("o/a/redis/redis.conf", "x\n");
    let out = room.run(["diff", "set", "--out", "o"]).ended(1);
    assert!(out.stderr.contains("redisgen build set/a.yaml --out o/a"), "{}", out.stderr);
    room.file("other/a.yaml", PROD);
    let out = room.run(["build", "set", "other", "--out", "p"]).ended(2);
    assert!(out.stderr.contains("two profiles would be written to p/a"), "{}", out.stderr);
    assert!(!room.path("p").exists());
}

#[test]
fn json_findings_have_the_documented_shape() {
    let room = Room::with(
        "version: 1\nname: demo\nenvironment: production\nnetwork: { exposure: allowlist }\ntls: { mode: disabled }\ntls: { mode: mutual }\n",
    );
    room.file("q.yaml", EXPIRING);
    room.file("clean.yaml", DEV);
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let mut related = 0;
    for profile in ["p.yaml", "q.yaml", "clean.yaml"] {
        let out = room.run(["validate", "--format", "json", "--as-of", "2027-02-01", profile]);
        let document: Value = serde_json::from_str(&out.stdout).expect("JSON");
        assert_eq!(keys(&document), ["version", "findings", "omitted", "waived"]);
        assert_eq!(keys(&document["omitted"]), ["error", "warning", "info", "exact"]);
        assert_eq!(document["version"], 1);
        for finding in out.findings() {
            assert_eq!(
                keys(&finding),
                [
                    "rule",
                    "severity",
                    "message",
                    "path",
                    "file",
                    "line",
                    "column",
                    "end_line",
                    "end_column",
                    "help",
                    "related",
                    "fix"
                ]
            );
            for text in ["rule", "severity", "message", "path", "file"] {
                assert!(finding[text].is_string(), "{finding}");
            }
            assert!(["error", "warning", "info"].contains(&finding["severity"].as_str().expect("text")));
            let number = |key: &str| finding[key].as_u64().unwrap_or_else(|| panic!("{key}: {finding}"));
            assert!(number("line") >= 1 && number("column") >= 1);
            assert!((number("end_line"), number("end_column")) >= (number("line"), number("column")), "{finding}");
            assert!(finding["help"].is_string() || finding["help"].is_null());
            for place in finding["related"].as_array().expect("a list") {
                related += 1;
                assert_eq!(keys(place), ["file", "line", "message"]);
                assert!(place["line"].as_u64() >= Some(1));
            }
        }
    }
    assert!(related > 0, "no finding with a second place was seen");
    let out = room.run(["validate", "--format", "json", "--as-of", "2027-02-01", "q.yaml"]).ended(1);
    let expired: Vec<Value> = out.findings().into_iter().filter(|finding| finding["rule"] == "allow-expired").collect();
    let [expired] = expired.as_slice() else { panic!("{expired:?}") };
    let place =
        ["severity", "path", "file", "line", "column", "end_line", "end_column"].map(|key| expired[key].clone());
    assert_eq!(
        place,
        [
            Value::from("error"),
            "network.allow[0].until".into(),
            "q.yaml".into(),
            7.into(),
            34.into(),
            7.into(),
            46.into()
        ]
    );
    // Several profiles are one document.
    room.run(["validate", "--format", "json", "p.yaml", "q.yaml"]).findings();
}

#[test]
fn findings_and_progress_have_their_streams() {
    let room = Room::with(BROKEN);
    let out = room.run(["validate", "p.yaml"]).ended(1);
    assert!(out.stdout.contains("unknown-key") && !out.stderr.contains("unknown-key"), "{out:?}");
    assert!(out.stderr.contains("refused") && !out.stdout.contains("refused"), "{out:?}");
    let room = Room::with(DEV);
    let out = room.run(["build", "p.yaml", "--format", "json"]).ended(0);
    out.findings();
    assert!(out.stderr.contains("wrote client/config.yaml"), "{}", out.stderr);
    // Nobody looks at a terminal here.
    for no_color in [None, Some("1")] {
        for arguments in [
            &["validate", "p.yaml"][..],
            &["build", "p.yaml"],
            &["diff", "p.yaml", "--out", "x"],
            &["explain", "tls-disabled"],
            &["--help"],
            &["validate"],
        ] {
            let mut command = room.command(arguments);
            command.env("TERM", "xterm-256color");
            if let Some(value) = no_color {
                command.env("NO_COLOR", value);
            }
            let output = command.output().expect("runs");
            assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b), "{arguments:?}");
        }
    }
}

/// A full disk: an answer that was cut is none. A pipe that was closed has read enough.
#[test]
fn an_answer_that_is_not_written_is_a_failure() {
    let room = Room::with(PROD);
    for command in
        ["rules", "validate p.yaml", "validate --format sarif p.yaml", "report --format json p.yaml", "access p.yaml"]
    {
        let out = room.shell(&format!("$REDISGEN {command} >/dev/full")).ended(2);
        assert!(out.stderr.contains("redisgen: standard output: "), "{command}: {}", out.stderr);
        room.shell(&format!("$REDISGEN {command} >/dev/null")).ended(0);
    }
}

/// Findings in the answer's form, or where they are not taken for one; what was is not judged.
#[test]
fn a_refusal_is_no_answer() {
    let room = Room::with(PROD);
    room.file("bad.yaml", BROKEN);
    for command in ["access", "report"] {
        let out = room.run([command, "--format", "json", "bad.yaml"]).ended(1);
        assert_eq!(out.rules(), ["unknown-key"]);
    }
    for arguments in [
        &["access", "--format", "markdown", "bad.yaml"][..],
        &["access", "--diff", "--format", "markdown", "p.yaml", "bad.yaml"],
    ] {
        let out = room.run(arguments).ended(1);
        assert!(out.stdout.is_empty() && out.stderr.contains("unknown-key"), "{arguments:?}: {}", out.stdout);
    }
    // A date that has passed changes nobody's access.
    room.file("old.yaml", EXPIRING);
    room.file("new.yaml", EXPIRING.replace("2027-01-31", "2030-01-31"));
    room.run(["access", "--diff", "--as-of", "2027-02-01", "old.yaml", "new.yaml"]).ended(0);
    room.run(["access", "--diff", "--as-of", "2027-02-01", "new.yaml", "old.yaml"]).ended(1);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let room = Room::with(BROKEN);
    room.file("ok.yaml", PROD);
    for command in [
        "schema",
        "man",
        "completions bash",
        "completions zsh",
        "explain ok.yaml",
        "validate p.yaml",
        "diff ok.yaml",
        "--help",
        "init",
    ] {
        let out = room.shell(&format!("$REDISGEN {command} 2>err | head -c 1; cat err >&2"));
        out.no_panic();
        // What is a verdict and not an error may stand there.
        let quiet = out.stderr.is_empty() || out.stderr.contains("refused") || out.stderr.contains("is behind");
        assert!(quiet && !out.stderr.to_lowercase().contains("pipe"), "{command}: {}", out.stderr);
    }
    // Nobody reads at all, and nobody reads errors.
    room.shell("$REDISGEN schema >&-").no_panic();
    room.shell("$REDISGEN validate p.yaml 2>&-").no_panic();
    let out = room.shell("{ $REDISGEN schema; echo $? >code; } 2>err | true; sleep 0.1; cat code err");
    assert_eq!(out.stdout.trim(), "0");
}

#[test]
fn deny_decides() {
    let room = Room::with(DEV);
    // The severities that a profile has decide which words refuse it.
    let severities = |profile: &str| -> BTreeSet<String> {
        let out = room.run(["validate", "--format", "json", profile]);
        out.findings().iter().map(|finding| finding["severity"].as_str().expect("text").to_owned()).collect()
    };
    room.file("info.yaml", PROD);
    room.file("warning.yaml", format!("{PROD}waivers: [{{ rule: network-open, reason: x, until: \"2020-01-01\" }}]\nnetwork: {{ exposure: open }}\n"));
    room.file("error.yaml", format!("{PROD}network: {{ exposure: open }}\n"));
    assert_eq!(severities("info.yaml"), ["info".to_owned()].into());
    for (deny, code) in [("error", 0), ("warning", 0), ("info", 1)] {
        room.run(["validate", "--deny", deny, "info.yaml"]).ended(code);
    }
    room.run(["validate", "info.yaml"]).ended(0);
    // An expired waiver is a warning beside the error that it no longer silences.
    assert!(severities("warning.yaml").contains("warning") && severities("error.yaml").contains("error"));
    for deny in ["error", "warning", "info"] {
        room.run(["validate", "--deny", deny, "error.yaml"]).ended(1);
    }
    // A warning refuses production by default, and development only if asked to.
    let unused = "network: { allow: [{ source: 10.0.0.1 }] }\n";
    room.file("production.yaml", format!("{PROD}{unused}"));
    room.file("development.yaml", format!("{DEV}{unused}"));
    assert!(severities("production.yaml").contains("warning") && severities("development.yaml").contains("warning"));
    room.run(["validate", "production.yaml"]).ended(1);
    room.run(["validate", "--deny", "error", "production.yaml"]).ended(0);
    room.run(["validate", "development.yaml"]).ended(0);
    room.run(["validate", "--deny", "warning", "development.yaml"]).ended(1);
    for command in ["build", "diff"] {
        room.run([command, "production.yaml", "--out", "denied"]).ended(1);
        assert!(!room.path("denied").exists());
    }
    room.run(["build", "--deny", "error", "production.yaml", "--out", "allowed"]).ended(0);
}

#[test]
fn dates_are_judged_and_never_written() {
    let waiver = "version: 1\nname: demo\nenvironment: production\nwaivers:\n  - { rule: backups-off, reason: a cache, until: \"2027-01-31\" }\n";
    for (profile, rule) in [(EXPIRING, "allow-expired"), (waiver, "waiver-expired")] {
        let room = Room::with(profile);
        for (day, expired) in [("2026-12-01", false), ("2027-01-31", false), ("2027-02-01", true)] {
            // Two weeks before the end there is a warning, which `--deny error` lets through as it does an expired waiver.
            let strict = ["validate", "--format", "json", "--deny", "error", "--as-of", day, "p.yaml"];
            let out = room.run(strict).ended(i32::from(expired && rule == "allow-expired"));
            assert_eq!(out.rules().contains(&rule.to_owned()), expired, "{day}: {:?}", out.rules());
        }
        let waived = room.run(["validate", "--format", "json", "--as-of", "2026-12-01", "p.yaml"]);
        assert_eq!(waived.rules().contains(&"backups-off".to_owned()), profile == EXPIRING);
        room.run(["build", "p.yaml", "--out", "a", "--as-of", "2026-12-01"]).ended(0);
        // What has expired is let through only when asked, and then gives the same bytes.
        let deny = if rule == "waiver-expired" { "error" } else { "info" };
        room.run(["build", "p.yaml", "--out", "b", "--as-of", "2027-01-31", "--deny", "error"]).ended(0);
        assert_eq!(deterministic(&room.tree("a")), deterministic(&room.tree("b")));
        if deny == "error" {
            room.run(["build", "p.yaml", "--out", "c", "--as-of", "2030-01-01", "--deny", "error"]).ended(0);
            assert_eq!(deterministic(&room.tree("a")), deterministic(&room.tree("c")));
        }
    }
}

#[test]
fn init_writes_what_validates() {
    for environment in ["development", "production"] {
        let room = Room::new();
        room.run(["init", "--environment", environment, "new.yaml"]).ended(0);
        assert_eq!(room.mode("new.yaml"), 0o644);
        let out = room.run(["validate", "--format", "json", "new.yaml"]).ended(0);
        assert!(out.findings().iter().all(|finding| finding["severity"] == "info"), "{}", out.stdout);
        let before = room.tree("");
        let out = room.run(["init", "--environment", environment, "new.yaml"]).ended(2);
        assert!(out.stderr.contains("exists already"), "{}", out.stderr);
        assert_eq!(before, room.tree(""));
        room.shell(&format!("$REDISGEN init --environment {environment} | $REDISGEN validate -")).ended(0);
        assert_eq!(room.run(["init", "--environment", environment]).ended(0).stdout, room.read("new.yaml"));
        // Everything that is commented out is a valid part; sentences have no colon that could be a key's.
        let part = |line: &str| {
            let rest = line.strip_prefix("# ").filter(|rest| {
                let key = rest.trim_start().trim_start_matches("- ");
                key.starts_with('{') || key.split_once(':').is_some_and(|(key, _)| !key.contains(' '))
            });
            rest.unwrap_or(line).replace("age1…", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p")
        };
        let starter = room.read("new.yaml");
        let whole = starter.lines().map(part).collect::<Vec<_>>().join("\n");
        let asked = whole.lines().filter(|line| !line.starts_with('#')).count();
        assert!(asked > starter.lines().filter(|line| !line.starts_with('#')).count() + 10, "{whole}");
        room.file("whole.yaml", &whole);
        let out = room.run(["validate", "--format", "json", "--as-of", "2026-11-24", "whole.yaml"]).ended(0);
        assert!(out.findings().iter().all(|finding| finding["severity"] == "info"), "{}", out.stdout);
    }
}

/// `diff` says this after the change; the command it prints then mends it.
#[track_caller]
fn drift(profile: &str, change: impl Fn(&Room), expected: &[&str]) {
    let room = Room::built(profile);
    let whole = room.tree("deploy");
    change(&room);
    let changed = room.tree("deploy");
    let out = room.run(["diff", "p.yaml"]).ended(1);
    assert_eq!(changed, room.tree("deploy"), "diff writes nothing");
    for text in expected {
        assert!(out.stdout.contains(text), "expected {text:?}:\n{}", out.stdout);
    }
    let (_, command) = out.stderr.split_once("mend it with: redisgen ").unwrap_or_else(|| panic!("{}", out.stderr));
    room.shell(&format!("$REDISGEN {command}")).ended(0);
    room.run(["diff", "p.yaml"]).ended(0);
    assert_eq!(content(&whole), content(&room.tree("deploy")), "mended");
}

#[test]
fn diff_sees_every_change_and_names_the_cure() {
    drift(
        PROD,
        |room| {
            _ = room.file(
                "deploy/redis/redis.conf",
                room.read("deploy/redis/redis.conf").replace("tls-port 6379", "tls-port 6378"),
            )
        },
        &["-tls-port 6378\n", "+tls-port 6379\n", "--- a/redis/redis.conf\n", "+++ b/redis/redis.conf\n"],
    );
    drift(
        PROD,
        |room| room.chmod("deploy/redis/healthcheck.sh", 0o644),
        &["mode 0644 of redis/healthcheck.sh should be 0755"],
    );
    drift(PROD, |room| room.chmod("deploy/redis/users.acl", 0o666), &["mode 0666 of redis/users.acl should be 0644"]);
    drift(
        PROD,
        |room| std::fs::remove_file(room.path("deploy/docker-compose.app.yml")).expect("removed"),
        &["--- /dev/null\n+++ b/docker-compose.app.yml\n"],
    );
    drift(
        PROD,
        |room| std::fs::remove_file(room.path("deploy/redisgen.lock")).expect("removed"),
        &["+++ b/redisgen.lock\n"],
    );
    drift(
        PROD,
        |room| _ = room.file("deploy/redis/redis.conf", format!("{} ", room.read("deploy/redis/redis.conf"))),
        &["+++ b/redis/redis.conf"],
    );
    // A right that was given to the sealed file by hand, or was revoked and has not arrived.
    let sealed = "deploy/secrets/server/users.acl";
    drift(
        PROD,
        |room| _ = room.file(sealed, room.read(sealed).replace("~demo:*", "~*")),
        &["secrets/server/users.acl (digests masked)"],
    );
    drift(
        PROD,
        |room| _ = room.file(sealed, room.read(sealed).replace("user default off", "user default on nopass")),
        &["-user default on nopass"],
    );
    drift(
        PROD,
        |room| std::fs::remove_file(room.path(sealed)).expect("removed"),
        &["secrets/server/users.acl is missing"],
    );
}

#[test]
fn diff_shows_no_digest() {
    let room = Room::built(PROD);
    let sealed = "deploy/secrets/server/users.acl";
    let text = room.read(sealed);
    room.file(sealed, text.replace("~demo:*", "~*"));
    let out = room.run(["diff", "p.yaml"]).ended(1);
    for word in text.split_whitespace().filter(|word| word.starts_with('#') && !word.starts_with("#000")) {
        assert!(!out.stdout.contains(&word[1..]) && !out.stderr.contains(&word[1..]), "a digest is shown");
    }
}

#[test]
fn diff_lists_what_no_profile_produces() {
    let room = Room::built(PROD);
    // Without an application, there is no example client.
    room.file("p.yaml", format!("{PROD}users: [{{ name: admin, role: admin }}]\n"));
    let out = room.run(["diff", "p.yaml"]).ended(1);
    assert!(out.stdout.contains("stale: docker-compose.app.yml is produced by no profile any more"), "{}", out.stdout);
    let out = room.run(["build", "p.yaml"]).ended(0);
    assert!(
        out.stderr.contains("removed what the profile no longer produces: client/config.yaml, ")
            && out.stderr.contains(", docker-compose.app.yml\n"),
        "{}",
        out.stderr
    );
    room.run(["diff", "p.yaml"]).ended(0);
    // Without any folder everything is new.
    let out = room.run(["diff", "p.yaml", "--out", "none of it"]).ended(1);
    assert!(
        out.stdout.contains("+++ b/redis/redis.conf") && out.stderr.contains("--out 'none of it'"),
        "{}",
        out.stderr
    );
    assert!(!room.path("none of it").exists());
}

#[test]
fn builds_repeat() {
    for profile in [DEV, PROD, MUTUAL] {
        let room = Room::built(profile);
        room.run(["build", "p.yaml", "--out", "second"]).ended(0);
        let (first, second) = (room.tree("deploy"), room.tree("second"));
        assert_eq!(deterministic(&first), deterministic(&second));
        // Not even a time stamp moves, nor one of a secret.
        let out = room.run(["build", "p.yaml"]).ended(0);
        assert!(out.stderr.contains("were up to date") && !out.stderr.contains("secrets: made"), "{}", out.stderr);
        assert_eq!(first, room.tree("deploy"));
        room.run(["build", "p.yaml", "--no-secrets"]).ended(0);
        assert_eq!(first, room.tree("deploy"));
        // Nothing derived from a secret is in the deterministic tree.
        for (path, entry) in first.iter().filter(|(path, entry)| path.ends_with("password") && entry.kind == 'f') {
            let secret = String::from_utf8_lossy(&entry.bytes).into_owned();
            for (other, (_, _, bytes)) in deterministic(&first) {
                assert!(!String::from_utf8_lossy(bytes).contains(secret.trim()), "{other} holds {path}");
            }
        }
    }
}

#[test]
fn output_never_shows_a_password() {
    let room = Room::with(MUTUAL);
    let mut all = String::new();
    for arguments in [
        &["build", "p.yaml"][..],
        &["build", "p.yaml", "--reprovision"],
        &["diff", "p.yaml"],
        &["validate", "p.yaml"],
        &["explain", "p.yaml"],
    ] {
        let out = room.run(arguments);
        all.push_str(&out.stdout);
        all.push_str(&out.stderr);
    }
    for path in ["clients/admin/password", "clients/app/password", "server/health.password"] {
        assert!(!all.contains(room.read(&format!("deploy/secrets/{path}")).trim()));
    }
    let room = Room::with(&format!(
        "{PROD}config: {{ requirepass: hunter2 }}\nusers: [{{ name: a, role: custom, commands: [\">hunter3\", +get] }}]\npassword: hunter4\n"
    ));
    for format in ["human", "json"] {
        let out = room.run(["validate", "p.yaml", "--format", format]).ended(1);
        assert!(!out.stdout.contains("hunter") && !out.stderr.contains("hunter"), "{}", out.stdout);
    }
}
