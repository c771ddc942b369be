//! The server runs with the settings that were written, and nobody changes the dangerous ones.

use super::running::Running;
use crate::artefact::redis_conf::effective;
use crate::model::Model;
use crate::verify::check::{Check, Outcome, Trouble};
use crate::verify::settings;

pub(super) const CHECKS: &[Check<Running>] = &[
    Check {
        id: "settings",
        title: "Each setting is as redis.conf writes it, and all others as the engine has them by default",
        applies: tells_settings,
        prove: settings_hold,
    },
    Check {
        id: "replication",
        title: "The server follows no other one",
        applies: |_| true,
        prove: |server| settings::role(&info(server, "replication")?),
    },
    Check {
        id: "loaded-modules",
        title: "No module is loaded",
        applies: |_| true,
        prove: |server| settings::modules(server.model.line, &info(server, "modules")?),
    },
    Check {
        id: "protected-settings",
        title: "No user redirects where the server writes or what it loads",
        applies: |model| is(model, "enable-protected-configs", "no") && tells_settings(model),
        prove: |server| {
            refuses(
                server,
                &[&["CONFIG", "SET", "dir", "/tmp"], &["CONFIG", "SET", "dbfilename", "x.so"]],
                "protected config",
            )
        },
    },
    Check {
        id: "modules",
        title: "Nobody loads a module, whatever its rights",
        applies: |model| is(model, "enable-module-command", "no") && !renamed(model, "module"),
        prove: |server| refuses(server, &[&["MODULE", "LOAD", "/nonexistent.so"]], "MODULE command not allowed"),
    },
    Check {
        id: "debug",
        title: "Nobody runs DEBUG, whatever its rights",
        applies: |model| is(model, "enable-debug-command", "no") && !renamed(model, "debug"),
        prove: |server| refuses(server, &[&["DEBUG", "JMAP"], &["DEBUG", "SLEEP", "0"]], "DEBUG command not allowed"),
    },
    Check {
        id: "renamed-commands",
        title: "Commands that are renamed away do not exist for anybody",
        applies: |model| !model.renames.away.is_empty(),
        prove: renamed_are_gone,
    },
];

fn is(model: &Model, name: &str, value: &str) -> bool {
    effective(model, name).is_some_and(|effective| effective == value)
}

fn renamed(model: &Model, command: &str) -> bool {
    model.renames.away.contains(&command)
}

fn tells_settings(model: &Model) -> bool {
    !renamed(model, "config")
}

fn settings_hold(server: &mut Running) -> Outcome {
    settings::judge(&server.model, &server.prover()?.call(&["CONFIG", "GET", "*"])?)
}

/// A section of INFO, which the user of ours may read.
fn info(server: &Running, section: &str) -> Result<String, Trouble> {
    let reply = server.prover()?.call(&["INFO", section])?;
    reply.text().ok_or_else(|| Trouble::Failed(format!("INFO {section}: {reply}")))
}

/// The user of ours has all rights, so that what refuses is the setting.
fn refuses(server: &mut Running, commands: &[&[&str]], reason: &str) -> Outcome {
    let mut connection = server.prover()?;
    for words in commands {
        let reply = connection.call(words)?;
        if !reply.error().is_some_and(|error| error.contains(reason)) {
            return Trouble::failed(format!("{}: {reply}", words.join(" ")));
        }
    }
    Ok(format!("refused to a user with all rights: {}", commands.len()))
}

fn renamed_are_gone(server: &mut Running) -> Outcome {
    let mut connection = server.prover()?;
    for name in &server.model.renames.away {
        let reply = connection.call(&[name])?;
        if !reply.error().is_some_and(|error| error.starts_with("ERR unknown command")) {
            return Trouble::failed(format!("{name}: {reply}"));
        }
    }
    Ok(server.model.renames.away.join(", "))
}
