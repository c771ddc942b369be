//! Texts that would be syntax in one of the formats we write: each is put into every string field of the
//! profile. It is refused, with nothing written, or arrives in files that their readers still read as
//! intended, and it never runs.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::doc_markdown,
    clippy::expect_used,
    clippy::format_collect,
    clippy::needless_pass_by_value,
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
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Room, check_script, text_of, tree, yaml_1_1, yaml_1_2};
use redisgen::{engine, profile::EngineKind};
use serde_json::{Value, json};

/// A word that is in every evil text, so that a trace of it can be found.
const MARK: &str = "EVILMARK";

/// What has a meaning in shells, YAML, redis.conf, ACL files, compose files, Terraform, templates or
/// terminals. `touch EVILMARK` leaves a file behind if it ever runs.
fn evil() -> Vec<String> {
    [
        "\"@\"",
        "'@'",
        "a\"; touch @; \"",
        "'; touch @; '",
        "$(touch @)",
        "${@}",
        "${@:-x}",
        "$@",
        "$$@",
        "%{@}",
        "%{ if true }@%{ endif }",
        "`touch @`",
        "# @",
        "@ # x",
        "@: x",
        "@:",
        "- @",
        "@\\",
        "\\@\\n",
        "\\\"@",
        "a @",
        " @ ",
        "@\tb",
        "@\nrequirepass x",
        "@\r\nb",
        "@\u{0}b",
        "@\u{1b}[31m",
        "@\u{2028}b",
        "@\u{202e}b",
        "@\u{85}b",
        "ü@",
        "@\u{1f512}",
        "\u{4f60}\u{597d}@",
        "{{ @ }}",
        "{% raw %}@",
        "{# @ #}",
        "{@}",
        "[@]",
        "@, b",
        "*@",
        "&@",
        "!@",
        "!!str @",
        "|@",
        ">@",
        ">@-hunter2",
        "%@",
        "@@",
        "?@",
        "-@",
        "--@",
        "~@",
        "=@",
        "<@>",
        "(@)",
        "@;id",
        "@&id",
        "@|id",
        "@ || id",
        "@\\nuser evil on nopass ~* +@all",
        "~* +@all @",
        "#0000@",
        "on",
        "off",
        "yes",
        "no",
        "null",
        "~",
        "true",
        "1",
        "1.5",
        "0x10",
        "1e3",
        "012",
        "1:30",
        "2027-01-31",
        "=",
        "<<",
        ".inf",
        "nopass",
        "../@",
        "/etc/@",
        "@/../../etc",
        "-rf",
        "",
        " ",
        ".",
        "..",
        "::",
        "%s%s%n@",
        "';--@",
    ]
    .into_iter()
    .map(|text| text.replace("@b", "\u{1}").replace('@', MARK).replace('\u{1}', "@b"))
    .chain([format!("@{MARK}"), format!("+@{MARK}"), "a".repeat(300), format!("{}{MARK}", "a".repeat(56))])
    .collect()
}

/// Every place of the schema that takes a string: its path, with `0` for an item of a list and `x` for a
/// key of a free mapping.
fn places(schema: &Value) -> Vec<Vec<String>> {
    fn walk(schema: &Value, root: &Value, at: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
        let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
        if let Some(name) = reference.and_then(|reference| reference.strip_prefix("#/definitions/")) {
            return walk(&root["definitions"][name], root, at, found);
        }
        let string = |kind: &Value| kind == "string";
        if string(&schema["type"]) || schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(string)) {
            found.push(at.clone());
        }
        for (key, below) in schema["properties"].as_object().into_iter().flatten() {
            at.push(key.clone());
            walk(below, root, at, found);
            at.pop();
        }
        for (key, name) in [("items", "0"), ("additionalProperties", "x")] {
            if schema[key].is_object() {
                at.push(name.to_owned());
                walk(&schema[key], root, at, found);
                at.pop();
            }
        }
    }
    let mut found = Vec::new();
    walk(schema, schema, &mut Vec::new(), &mut found);
    found
}

/// A production profile in which every section stands, so that each place exists.
fn full() -> Value {
    json!({
        "version": 1, "name": "demo", "environment": "production",
        "engine": { "kind": "redis", "version": "7.4.11", "image": "redis:7.4.11-bookworm" },
        "network": {
            "exposure": "allowlist", "port": 6379, "listen": ["10.0.0.1"], "hostname": "redis.example.com",
            "allow": [{ "source": "10.0.0.0/24", "comment": "office", "until": "2030-01-31" }],
            "firewall": { "backends": ["nftables", "iptables", "ufw"], "new_connections": "10/second" },
            "bastion": { "host": "bastion.example.com", "user": "ops", "target": "10.0.0.1" },
            "docker": { "network": "shared" },
        },
        "tls": {
            "mode": "mutual", "minimum": "1.2", "key": "ecdsa-p256", "names": ["redis"], "addresses": ["127.0.0.1"], "ca_validity": "3650d", "leaf_validity": "397d", "renew_before": "30d",
            "authority": { "certificate": "/etc/ca.crt", "key": "/etc/ca.key" },
        },
        "users": [
            { "name": "boss", "role": "admin" },
            {
                "name": "app", "role": "application", "keys": ["app:*"], "channels": ["news:*"],
                "commands": ["+set", "+del", "+expire", "+get"],
                "selectors": [{ "commands": ["+set"], "keys": ["log:*"], "channels": ["log:*"] }],
            },
        ],
        "commands": { "disabled": ["flushall"] },
        "resources": { "memory": "512MiB", "maxmemory": "256MiB", "eviction": "noeviction", "idle_timeout": "300s" },
        "persistence": { "aof": "everysec", "snapshots": [{ "after": "60s", "changes": 1 }] },
        "backups": { "every": "24h", "keep": "14d", "directory": "/srv/backup", "encrypt_to": ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"] },
        "secrets": { "store": "files", "rotate_after": "90d", "vault": { "address": "https://vault.example.com", "mount": "secret" }, "aws": { "region": "us-east-1" } },
        "encryption_at_rest": {
            "luks": { "device": "/dev/sdb1", "mount": "/mnt/redis" }, "aws": { "region": "us-east-1", "availability_zone": "us-east-1a", "size": "10GiB" },
            "gcp": { "project": "demo-project", "zone": "us-central1-a", "size": "10GiB" }, "azure": { "location": "eastus", "resource_group": "demo", "size": "10GiB" },
        },
        "application_encryption": "fernet",
        "monitoring": { "exporter": true, "image": "example.com/exporter:1", "port": 9122, "alerts": { "memory_above": "80%", "latency_above": "10ms" } },
        "compliance": ["gdpr"],
        "config": { "hz": "10" },
        "waivers": [{ "rule": "limits-unsupported", "reason": "a test", "until": "2030-01-31" }],
    })
}

/// Puts a text at a place; a list's first item, but of users the second, which has everything.
fn put(profile: &mut Value, place: &[String], text: &str) {
    if place.last().is_some_and(|key| key == "subnet") {
        // Only a network of our own has a subnet.
        profile["network"]["docker"] = json!({});
    }
    let mut at = profile;
    for step in place {
        at = match step.as_str() {
            "0" => {
                if at.is_null() {
                    *at = json!([""]);
                }
                at.as_array_mut().expect("a list").last_mut().expect("an item")
            }
            // No tuning directive takes free text; this one takes words.
            "x" => &mut at["activedefrag"],
            key => &mut at[key],
        };
    }
    *at = Value::from(text);
}

/// Every artefact is read by its reader, and says what was meant.
#[track_caller]
fn sane(what: &str, out: &Path, scripts: &mut BTreeSet<Vec<u8>>) {
    let files = tree(out);
    for (path, entry) in files.iter().filter(|(path, entry)| entry.kind == 'f' && !path.starts_with("secrets/")) {
        let text = std::str::from_utf8(&entry.bytes).unwrap_or_else(|error| panic!("{what}: {path}: {error}"));
        let hides =
            |sign: char| sign.is_control() && sign != '\n' && sign != '\t' || matches!(sign, '\u{2028}'..='\u{202e}');
        assert!(!text.chars().any(hides), "{what}: {path} holds control characters");
        if path == "redis/redis.conf" {
            redis_conf(what, text);
        } else if path == "redis/users.acl" {
            users_acl(what, text);
        } else if let Some(loader) = loader(path).filter(|_| scripts.insert(entry.bytes.clone())) {
            rules(what, loader, &out.join(path));
        } else if path.ends_with(".sh") && scripts.insert(entry.bytes.clone()) {
            check_script(&out.join(path));
        } else if path == "access/ssh_config" {
            if scripts.insert(entry.bytes.clone()) {
                ssh_config(what, &out.join(path));
            }
        } else if let Some(language) = path.strip_prefix("client/").and_then(|path| path.split('/').next()) {
            if scripts.insert(entry.bytes.clone()) {
                client(what, language, &out.join(path));
            }
        } else if path == "redisgen.lock" {
            redisgen::lock::Lock::parse(text).unwrap_or_else(|error| panic!("{what}: {error}"));
        }
    }
}

/// What loads a file of the packet filter and lists it again, in an empty network namespace.
fn loader(path: &str) -> Option<&'static str> {
    match path {
        "firewall/redisgen.nft" => Some("nft -f \"$1\" && nft list ruleset"),
        "firewall/iptables.v4" => Some("iptables-restore \"$1\" && iptables-save | grep -v '^#'"),
        "firewall/iptables.v6" => Some("ip6tables-restore \"$1\" && ip6tables-save | grep -v '^#'"),
        _ => None,
    }
}

/// The rules are those of the same file without its comments: no comment has become a rule.
#[track_caller]
fn rules(what: &str, loader: &str, file: &Path) {
    let load = |file: &Path| {
        let out = Command::new("unshare").args(["-rn", "sh", "-ec", loader, "sh"]).arg(file).output().expect("unshare");
        assert!(out.status.success(), "{what}: {}: {}", file.display(), String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).expect("text")
    };
    let text = std::fs::read_to_string(file).expect("readable");
    let bare: String =
        text.lines().filter(|line| !line.trim_start().starts_with('#')).map(|line| format!("{line}\n")).collect();
    let without = file.with_extension("bare");
    std::fs::write(&without, bare).expect("written");
    let listing = load(file);
    assert!(listing.to_lowercase().contains("drop"), "{what}: {listing}");
    assert_eq!(listing, load(&without), "{what}: {}", file.display());
    std::fs::remove_file(&without).expect("removed");
}

/// Their languages and shells read the modules and settings of an application; tests/clients has those of Go and Rust.
#[track_caller]
fn client(what: &str, language: &str, path: &Path) {
    match language {
        "python" => drop(text_of(
            common::python().args(["-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())"]).arg(path),
        )),
        "node" => drop(text_of(Command::new("node").arg("--check").arg(path))),
        "environment" => {
            let read = "set -eu; . \"$1\"; set | grep '^REDIS_'";
            let said = text_of(Command::new("env").args(["-i", "/bin/sh", "-c", read, "sh"]).arg(path));
            let text = std::fs::read_to_string(path).expect("readable");
            let lines = text.lines().filter(|line| !line.starts_with('#')).count();
            assert_eq!(said.lines().count(), lines, "{what}: {text}");
        }
        "config.yaml" => drop(yaml_1_2(&std::fs::read_to_string(path).expect("readable"))),
        _ => {}
    }
}

/// ssh reads it, finds our names there, and checks host keys and forwards one port under each of them.
#[track_caller]
fn ssh_config(what: &str, path: &Path) {
    let text = std::fs::read_to_string(path).expect("readable");
    let names: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("Host ")).flat_map(|names| names.split(' ')).collect();
    assert!(names.len() >= 2, "{what}: {text}");
    for name in names {
        let said = text_of(Command::new("ssh").arg("-G").arg("-F").arg(path).arg(name));
        for line in ["stricthostkeychecking true", "forwardagent no", "passwordauthentication no"] {
            assert!(said.lines().any(|said| said == line), "{what}: {name}: no {line}");
        }
        let command = |line: &&str| line.starts_with("proxycommand ") || line.starts_with("localcommand ");
        assert_eq!(said.lines().find(command), None, "{what}: {name}");
        let forwards = said.lines().filter(|line| line.starts_with("localforward ")).count();
        assert_eq!(forwards, usize::from(name.ends_with("-redis")), "{what}: {name}");
    }
}

/// Comments, blank lines and directives that the engine knows; quotes end on their line.
#[track_caller]
fn redis_conf(what: &str, text: &str) {
    let line = engine::line(EngineKind::Redis, "7.4.11".parse().expect("a version")).expect("a line");
    for text in text.lines() {
        let name = text.split(' ').next().unwrap_or("");
        let expected = text.is_empty() || text.starts_with("# ") || line.directive(name).is_some();
        assert!(expected, "{what}: redis.conf has a line {text:?}");
        if !text.starts_with('#') {
            let quotes = text.replace("\\\\", "").replace("\\\"", "").matches('"').count();
            assert!(quotes.is_multiple_of(2), "{what}: a quote is left open: {text}");
        }
    }
    // What would open the server is there as we write it, or not at all.
    for forbidden in ["requirepass", "masterauth", "include", "loadmodule", "rename-command", "unixsocket", "replicaof"]
    {
        assert!(!text.lines().any(|line| line.starts_with(forbidden)), "{what}: {forbidden}");
    }
}

/// `user NAME on|off …` with the words that ACL LOAD knows, and nobody without a password.
#[track_caller]
fn users_acl(what: &str, text: &str) {
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        assert!(words.len() > 3 && words[0] == "user" && ["on", "off"].contains(&words[2]), "{what}: {line}");
        assert!(words[1].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)), "{what}: {line}");
        for word in &words[3..] {
            let word = word.trim_start_matches('(').trim_end_matches(')');
            let known = [
                "nopass",
                "resetchannels",
                "allchannels",
                "resetkeys",
                "allkeys",
                "sanitize-payload",
                "clearselectors",
                "",
            ]
            .contains(&word)
                || word.starts_with(['~', '&', '+', '-', '%'])
                || word
                    .strip_prefix('#')
                    .is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte == b'0'));
            assert!(known, "{what}: {word:?} in {line}");
            assert!(word.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'".contains(&byte)), "{what}: {line}");
        }
        assert!(!words[2..].contains(&"nopass"), "{what}: {line}");
    }
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    let distinct: BTreeSet<&&str> = names.iter().collect();
    assert_eq!(names.len(), distinct.len(), "{what}: a user stands twice");
    assert!(names.contains(&"default"), "{what}: default is open");
}

/// The compose files of a folder.
fn compose_files(out: &Path) -> Vec<PathBuf> {
    tree(out).keys().filter(|path| path.ends_with(".yml") && !path.contains('/')).map(|path| out.join(path)).collect()
}

/// Both readers take the files for the same data.
#[track_caller]
fn readers_agree(files: &[PathBuf]) {
    assert!(!files.is_empty());
    for (file, theirs) in files.iter().zip(yaml_1_1(files)) {
        let ours = yaml_1_2(&std::fs::read_to_string(file).expect("readable"));
        assert_eq!(ours, theirs, "YAML 1.1 and 1.2 differ on {}", file.display());
    }
}

#[test]
fn every_place_of_the_schema_is_tried() {
    let schema: Value = serde_json::from_str(redisgen::schema::PUBLISHED).expect("JSON");
    let places = places(&schema);
    // If the schema grows, `full` must grow too: each place exists there.
    for place in &places {
        let mut at = &full();
        for step in place {
            at = match step.as_str() {
                "0" => at.as_array().and_then(|items| items.last()).unwrap_or(&Value::Null),
                "x" => &at["hz"],
                key => &at[key],
            };
        }
        let exempt = ["extends", "subnet"].iter().any(|key| place.iter().any(|step| step == key));
        assert!(at.is_string() || exempt, "{}: add a value to `full`", place.join("."));
    }
    assert!(places.len() > 60, "only {} places", places.len());
    let room = Room::new();
    room.file("p.yaml", serde_json::to_string(&full()).expect("JSON"));
    room.run(["build", "p.yaml", "--no-secrets", "--deny", "error"]).ended(0);
}

#[test]
fn evil_texts_are_refused_or_arrive() {
    let schema: Value = serde_json::from_str(redisgen::schema::PUBLISHED).expect("JSON");
    let room = Room::new();
    let (mut scripts, mut built, mut refused, mut yaml) = (BTreeSet::new(), 0, 0, Vec::new());
    let mut accepted: BTreeSet<String> = BTreeSet::new();
    for (number, place) in places(&schema).iter().enumerate() {
        let path = place.join(".");
        for (turn, text) in evil().iter().enumerate() {
            let mut profile = full();
            put(&mut profile, place, text);
            // JSON is YAML; control characters arrive as escapes.
            room.file("p.yaml", serde_json::to_string(&profile).expect("JSON"));
            let name = format!("out-{number}-{turn}");
            let what = format!("{text:?} at {path}");
            let out =
                room.run(["build", "p.yaml", "--no-secrets", "--deny", "error", "--format", "json", "--out", &name]);
            match out.code {
                Some(1) => {
                    refused += 1;
                    assert!(
                        out.findings().iter().any(|finding| finding["severity"] == "error"),
                        "{what}: {}",
                        out.stdout
                    );
                    assert!(!room.path(&name).exists(), "{what}: something was written");
                }
                Some(0) => {
                    built += 1;
                    accepted.insert(path.clone());
                    sane(&what, &room.path(&name), &mut scripts);
                    let files = compose_files(&room.path(&name));
                    assert_eq!(files.len(), 2, "{what}");
                    yaml.extend(files);
                }
                _ => panic!("{what}: {out:?}"),
            }
            let raw = |sign: char| sign.is_control() && sign != '\n' || matches!(sign, '\u{2028}'..='\u{202e}');
            assert!(
                !out.stdout.chars().any(raw) && !out.stderr.chars().any(raw),
                "{what}: control characters on the terminal"
            );
        }
    }
    println!("{built} built, {refused} refused; accepted at {accepted:?}");
    assert!(built > 100 && refused > 1000, "{built} built, {refused} refused");
    // In one process each, not thousands.
    for files in yaml.chunks(500) {
        readers_agree(files);
    }
    assert!(!room.path(MARK).exists(), "an evil text has run");
}

/// What the shell makes of the words in the generated scripts: keys and user names arrive, and nothing runs.
#[test]
fn evil_texts_in_scripts_do_not_run() {
    let mut stored = 0;
    for pattern in [
        "$(touch${IFS}EVILMARK)*",
        "`touch${IFS}EVILMARK`*",
        "${HOME}*",
        "$$*",
        "a;touch${IFS}EVILMARK;*",
        "!!#*",
        "a;touch${IFS}EVILMARK",
        "a&&touch${IFS}EVILMARK",
        "${HOME}",
        "$$",
        "a|touch${IFS}EVILMARK",
        "\\",
        "!!",
        "*",
        "?[a]",
    ] {
        let room = Room::new();
        let mut profile = full();
        profile["users"][1]["keys"] = json!([pattern]);
        profile["users"][1]["commands"] = json!(["+get", "+set"]);
        room.file("p.yaml", serde_json::to_string(&profile).expect("JSON"));
        let out = room.run(["build", "p.yaml", "--no-secrets", "--deny", "error"]).ended(0);
        assert!(!out.stdout.contains(MARK) || !out.stdout.contains('\u{1b}'));
        let compose = yaml_1_2(&room.read("deploy/docker-compose.app.yml"));
        let command = compose["services"]["app"]["command"][0].as_str().expect("a script");
        // Compose turns `$$` into `$`; then it is the container's shell that reads.
        let script = command.replace("$$", "$");
        // SC2016 says that nothing expands in single quotes, which is the point.
        room.file("app.sh", format!("#!/bin/sh\n# shellcheck disable=SC2016\n{script}"));
        check_script(&room.path("app.sh"));
        // Run it with harmless stand-ins that say what they got.
        let tools = room.path("bin");
        std::fs::create_dir(&tools).expect("folder");
        let tool = |name: &str, text: &str| {
            room.file(&format!("bin/{name}"), text);
            room.chmod(&format!("bin/{name}"), 0o755);
        };
        tool("redis-cli", "#!/bin/sh\nprintf '[%s]' \"$@\" >>arguments\n");
        tool("sleep", "#!/bin/sh\n");
        tool("cat", "#!/bin/sh\necho password\n");
        let output = Command::new("sh")
            .arg("app.sh")
            .current_dir(room.path(""))
            .env("PATH", format!("{}:/usr/bin:/bin", tools.display()))
            .output()
            .expect("sh");
        assert!(output.status.success(), "{pattern}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!room.path(MARK).exists(), "{pattern} has run");
        // Only a pattern with a literal start gives the example a key, which then arrives as it is.
        if script.contains("connect set") {
            stored += 1;
            let key = format!("[set][{}redisgen-example][stored]", pattern.trim_end_matches('*'));
            assert!(room.read("arguments").contains(&key), "{key}: {}", room.read("arguments"));
        }
    }
    assert!(stored >= 3, "only {stored} patterns gave a key");
}

#[test]
fn free_texts_arrive_in_place() {
    // Comments and reasons are words for people: what is on one line and visible is taken.
    for text in [
        "$(id) `id` ${x} %{y} # : \" ' \\",
        "käse \u{1f9c0} – “quoted”",
        "{{ x }} {% y %}",
        "- a: [b, {c: d}]",
        "*&!|>%@`",
    ] {
        let room = Room::new();
        let mut profile = full();
        profile["network"]["allow"][0]["comment"] = text.into();
        profile["waivers"][0]["reason"] = text.into();
        room.file("p.yaml", serde_json::to_string(&profile).expect("JSON"));
        room.run(["build", "p.yaml", "--no-secrets", "--deny", "error"]).ended(0);
        let out = room.run(["explain", "p.yaml", "network.allow[0].comment"]).ended(0);
        assert!(out.stdout.contains(&serde_json::to_string(text).expect("JSON")), "{}", out.stdout);
        for file in ["redisgen.nft", "iptables.v4", "ufw.sh"] {
            let content = room.read(&format!("deploy/firewall/{file}"));
            assert!(content.lines().any(|line| line.trim_start() == format!("# {text}")), "{file}: {content}");
        }
    }
}

#[test]
fn file_names_stand_in_headers() {
    // The profile's file name is in every header: what could end a comment is refused.
    for (name, fine) in [
        ("a b.yaml", true),
        ("a+b@c-d_e.yaml", true),
        ("a$(id).yaml", false),
        ("a\nb.yaml", false),
        ("a'b.yaml", false),
        ("ä.yaml", false),
        ("a\u{202e}.yaml", false),
        ("{{a}}.yaml", false),
        ("-a.yaml", true),
    ] {
        let room = Room::new();
        room.file(name, common::PROD);
        let path = format!("./{name}");
        let out = room.run(["build", &path, "--no-secrets"]);
        assert_eq!(out.code, Some(if fine { 0 } else { 2 }), "{name:?}: {}", out.stderr);
        if fine {
            sane(name, &room.path("deploy"), &mut BTreeSet::new());
        } else {
            assert!(!room.path("deploy").exists());
            assert!(!out.stderr.contains('\u{202e}'), "{}", out.stderr);
        }
    }
}

#[test]
fn both_yaml_readers_agree_on_every_fixture() {
    let room = Room::new();
    let mut files = Vec::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/ok")).expect("fixtures") {
        let path = entry.expect("entry").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let stem = path.file_stem().expect("a stem").to_string_lossy().into_owned();
        seen += 1;
        let arguments = ["build".as_ref(), path.as_os_str(), "--deny".as_ref(), "error".as_ref(), "--out".as_ref()];
        room.run(arguments.into_iter().chain([room.path(&stem).as_os_str()])).ended(0);
        let out = room.path(&stem);
        // The profile itself is left out: in `config`, `no` is a word of redis.conf and a YAML 1.1 boolean.
        let generated: Vec<PathBuf> = tree(&out)
            .keys()
            .filter(|path| path.ends_with(".yml") || path.ends_with(".yaml"))
            .map(|path| out.join(path))
            .collect();
        assert!(generated.len() >= 2, "{stem}: {generated:?}");
        files.extend(generated);
        for (path, entry) in tree(&out) {
            if path.ends_with(".sh") && entry.kind == 'f' {
                check_script(&out.join(path));
            }
        }
    }
    assert!(seen >= 4);
    readers_agree(&files);
    // The control: where the two readers differ, the comparison fails.
    let off = room.file("off.yml", "a: off\n");
    assert_ne!(yaml_1_1(&[off])[0], yaml_1_2("a: off\n"));
}
