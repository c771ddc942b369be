//! Passwords that Terraform makes: they reach the store, and neither plan nor state; the outputs' commands bring them
//! to where the program reads them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::Room;
use crate::provider::{ENDS, Provider, ready};

/// What `provider.py` gives as a generated password.
const PASSWORD: &str = "made-up-result";

const USERS: &str = "users:
  - { name: admin, role: admin }
  - { name: -x.Y_1, role: application, keys: [\"x:*\"] }
";

fn profile(store: &str) -> String {
    format!("version: 1\nname: demo\nenvironment: production\n{USERS}secrets: {store}\n")
}

const AWS: &str = "{ store: aws-secrets-manager, aws: { region: us-east-1 } }";
const VAULT: &str = "{ store: vault, vault: { address: \"https://vault.example.com\", mount: \"kv(2)\" } }";

/// Plans, applies, and gives all that was kept: the plan in both forms, the state.
#[track_caller]
fn applied(provider: &Provider, folder: &Path, variables: &[&str]) -> String {
    let variables: Vec<String> = variables.iter().map(|text| format!("-var={text}")).collect();
    let mut arguments = vec!["plan", "-input=false", "-out=plan"];
    arguments.extend(variables.iter().map(String::as_str));
    let mut kept = provider.terraform(folder, &arguments).fine().out;
    kept.push_str(&provider.terraform(folder, &["show", "-json", "plan"]).fine().out);
    provider.terraform(folder, &["apply", "-input=false", "plan"]).fine();
    kept.push_str(&std::fs::read_to_string(folder.join("terraform.tfstate")).expect("a state"));
    kept
}

#[test]
fn no_password_reaches_plan_or_state() {
    for end in ENDS {
        for (store, kind, argument) in [
            (AWS, "aws_secretsmanager_secret_version", "secret_string_wo"),
            (VAULT, "vault_kv_secret_v2", "data_json_wo"),
        ] {
            let provider = Provider::start(end);
            let (_room, modules) = ready(&provider, &profile(store));
            let folder = &modules[0].1;
            let sent = |provider: &Provider| {
                let configs = provider.applied(kind);
                configs
                    .iter()
                    .filter(|config| config[argument].as_str().is_some_and(|text| text.contains(PASSWORD)))
                    .count()
            };
            let kept = applied(&provider, folder, &[]);
            assert!(kept.contains(kind), "{kept}");
            assert_eq!(kept.matches(PASSWORD).count(), 0, "{end} {kind}");
            // Each user's password was sent, once.
            assert_eq!(sent(&provider), 2, "{end} {kind}");
            let kept = applied(&provider, folder, &[]);
            assert_eq!((kept.matches(PASSWORD).count(), sent(&provider)), (0, 2), "{end}: a second run sends nothing");
            let kept = applied(&provider, folder, &["password_versions={\"-x.Y_1\"=2}"]);
            assert_eq!((kept.matches(PASSWORD).count(), sent(&provider)), (0, 3), "{end}: one password is renewed");
        }
    }
}

/// The control: a password as an ordinary resource is in the state, and a write-only argument is needed.
#[test]
fn an_ordinary_password_is_seen() {
    let provider = Provider::start("newest");
    let (_room, modules) = ready(&provider, &profile(AWS));
    let folder = &modules[0].1;
    let path = folder.join("main.tf");
    let text = std::fs::read_to_string(&path).expect("readable");
    let ordinary = text
        .replace("ephemeral \"random_password\"", "resource \"random_password\"")
        .replace("ephemeral.random_password", "random_password")
        .replace("secret_string_wo  ", "secret_string  ");
    assert_ne!(ordinary, text);
    std::fs::write(
        &path,
        ordinary.replace("  secret_string_wo_version = lookup(var.password_versions, each.key, 1)\n", ""),
    )
    .expect("written");
    let kept = applied(&provider, folder, &[]);
    assert!(kept.matches(PASSWORD).count() >= 4, "{} found", kept.matches(PASSWORD).count());
    std::fs::write(&path, text.replace("secret_string_wo  ", "secret_string  ")).expect("written");
    provider.terraform(folder, &["validate"]).refused("Invalid use of ephemeral value");
}

/// The outputs' commands, run with stand-ins for the clouds' tools, and the program afterwards.
#[test]
fn fetched_passwords_are_sealed() {
    let provider = Provider::start("newest");
    for (store, tool, expected) in [
        (AWS, "aws", "--secret-id demo/redis/-x.Y_1/password"),
        (VAULT, "vault", "-mount=kv(2) -field=password redis/demo/-x.Y_1"),
    ] {
        let (room, modules) = ready(&provider, &profile(store));
        applied(&provider, &modules[0].1, &[]);
        let output = provider.terraform(&modules[0].1, &["output", "-json"]).fine().out;
        let output: Value = serde_json::from_str(&output).expect("JSON");
        let commands = output["fetch_password_commands"]["value"].as_object().expect("commands").clone();
        assert_eq!(commands.keys().collect::<Vec<_>>(), ["-x.Y_1", "admin"]);
        let fetch = |room: &Room, script: &str| {
            room.file(&format!("bin/{tool}"), script);
            room.chmod(&format!("bin/{tool}"), 0o755);
            let path = format!("{}:/usr/bin:/bin", room.path("bin").display());
            let run = |command: &Value| {
                let mut shell = Command::new("sh");
                shell.args(["-c", command.as_str().expect("text")]).current_dir(room.path("deploy")).env("PATH", &path);
                shell.status().expect("sh").success()
            };
            commands.values().all(run)
        };
        let fetching = format!(
            "#!/bin/sh\necho \"$*\" >>{}\necho \"fetched-password-of-$*\" | tr -cd 'a-z.Y_1\\n-'\n",
            room.path("asked").display()
        );
        assert!(fetch(&room, &fetching), "{tool}");
        assert!(room.read("asked").contains(expected), "{}", room.read("asked"));
        let password = "deploy/secrets/clients/-x.Y_1/password";
        assert_eq!(room.mode(password), 0o600);
        let fetched = room.read(password);
        room.run(["build", "p.yaml", "--out", "deploy"]).ended(0);
        let digest = redisgen::lock::sha256(fetched.trim_end().as_bytes());
        assert!(room.read("deploy/secrets/server/users.acl").contains(&format!("#{digest}")), "{tool}");
        // Where the store refuses, the password that is there stays.
        assert!(!fetch(&room, "#!/bin/sh\nexit 1\n"), "{tool}");
        assert_eq!(room.read(password), fetched);
    }
}
