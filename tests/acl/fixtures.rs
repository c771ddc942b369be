//! What `redisgen access` says of every user of every profile in `fixtures/ok` is what a server of each line permits:
//! the rules that `build` writes are loaded, and every command is asked for.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use redisgen::engine::Line;
use serde_json::Value;

use crate::server::{Reply, Running};
use crate::{agree, engine};

/// The program's answer; none if the profile cannot be had on this line.
fn access(profile: &Path, line: &Line) -> Option<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_redisgen"))
        .args(["access", "--format", "json", "--engine", &line.to_string()])
        .arg(profile)
        .output()
        .expect("redisgen runs");
    match output.status.code() {
        Some(0) => Some(serde_json::from_slice(&output.stdout).expect("JSON")),
        // A directive, a command or a selector that the line does not have.
        Some(1) => None,
        _ => panic!("{}: {}", profile.display(), String::from_utf8_lossy(&output.stderr)),
    }
}

/// The rules of each user, as `build` writes them.
fn rules(profile: &Path, line: &Line) -> Vec<(String, Vec<String>)> {
    let name = redisgen::input::ProfilePath { name: profile.display().to_string(), path: Some(profile.to_owned()) };
    let input = redisgen::input::read(&name).expect("readable");
    let parents = &mut redisgen::input::DiskParents::new(&name);
    let (mut typed, loaded) = redisgen::load::load(input, parents).unwrap_or_else(|_| panic!("{}", profile.display()));
    typed.engine.kind = line.kind;
    typed.engine.version.line = line.number;
    let model = redisgen::resolve::resolve(&loaded, typed, "x").expect("resolves");
    let of = |user| redisgen::artefact::users_acl::rules(line, user);
    model.users.iter().map(|user| (user.name.clone(), of(user))).collect()
}

fn names(value: &Value) -> BTreeSet<String> {
    value.as_array().expect("a list").iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
}

#[test]
fn every_user_of_every_profile_may_do_what_access_says() {
    let mut profiles: Vec<_> =
        std::fs::read_dir("fixtures/ok").expect("fixtures").map(|entry| entry.expect("entry").path()).collect();
    profiles.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    profiles.sort();
    for engine in engine::all() {
        let mut server = Running::start(&engine);
        let line = server.line();
        let (mut users, mut compared) = (0, 0);
        for profile in &profiles {
            let Some(said) = access(profile, line) else { continue };
            assert_eq!(said["engine"].as_str(), Some(line.to_string().as_str()));
            for (name, words) in rules(profile, line) {
                users += 1;
                compared += agree(&mut server, line, &words);
                if !line.has_subcommands() {
                    continue;
                }
                // The user `tested` still holds these rules.
                let user = &said["users"][&name];
                let sets = std::iter::once(user).chain(user["selectors"].as_array().expect("selectors"));
                let permitted: BTreeSet<String> = sets.flat_map(|set| names(&set["commands"])).collect();
                // The server here has every command; redis.conf would have renamed these away.
                let renamed = said.get("renamed").map(names).unwrap_or_default();
                for (id, _, theirs) in server.dry_run(line) {
                    let command = line.commands[id].name;
                    if renamed.contains(command.split('|').next().expect("a name")) {
                        assert!(!permitted.contains(command), "{line}: {name}: {command}");
                        continue;
                    }
                    assert_eq!(permitted.contains(command), theirs, "{line}: {}: {name}: {command}", profile.display());
                }
            }
        }
        println!("{line} ({}): {users} users of profiles, {compared} answers", engine.version);
        assert!(users > 20, "{line}: {users}");
        assert_eq!(server.call(&["PING"]), Reply::Simple("PONG".to_owned()));
    }
}
