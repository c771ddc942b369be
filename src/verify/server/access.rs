//! Who may do what: the server's own answers, for every user, against what the compiler computed.

use super::running::Running;
use crate::access::Access;
use crate::acl::account::Account;
use crate::acl::decide::{self, Denial};
use crate::acl::keys;
use crate::engine::Line;
use crate::model::{AclUser, Model};
use crate::profile::Role;
use crate::verify::check::{Check, Outcome, Trouble};
use crate::verify::reply::Reply;
use crate::verify::users;

pub(super) const CHECKS: &[Check<Running>] = &[
    Check {
        id: "users",
        title: "The server holds the users that the profile means",
        applies: |_| true,
        prove: |server| users::compare(&server.model, &told_users(server)?),
    },
    Check {
        id: "passwords",
        title: "One password opens each user, and no other",
        applies: Model::passwords,
        prove: one_password_each,
    },
    Check {
        id: "roles",
        title: "Each user may run what its role says, and no other command (ACL DRYRUN of all)",
        applies: |_| true,
        prove: roles,
    },
    Check {
        id: "disabled-commands",
        title: "Disabled commands, really sent, are refused to everyone but administrators",
        applies: |model| model.users.iter().any(limited) && !model.denied.is_empty(),
        prove: disabled_commands,
    },
    Check {
        id: "keys",
        title: "No user reads or writes a key outside its patterns",
        applies: |_| true,
        prove: key_isolation,
    },
    Check {
        id: "channels",
        title: "No user reaches a channel outside its patterns",
        applies: |_| true,
        prove: channel_isolation,
    },
];

/// Two are meant while a rotation is pending in the tree.
fn one_password_each(server: &mut Running) -> Outcome {
    let told = users::one_password_each(&told_users(server)?);
    match (told, server.lab.rotation().map_err(Trouble::Failed)?) {
        (Err(Trouble::Failed(seen)), Some(_)) => Err(Trouble::Advice(format!("{seen}; a rotation is pending"))),
        (told, _) => told,
    }
}

/// Most users that are asked one by one, of those that differ in their rights.
const MOST_USERS: usize = 200;

fn limited(user: &AclUser) -> bool {
    user.enabled && user.role != Some(Role::Admin)
}

/// Enabled users of which no two have the same rights, and how many there are in all.
fn distinct(server: &Running, wanted: fn(&AclUser) -> bool) -> (Vec<(&AclUser, &Account)>, String) {
    let all: Vec<_> = server
        .model
        .users
        .iter()
        .zip(&server.model.accounts)
        .filter(|(user, _)| user.enabled && wanted(user))
        .collect();
    let mut chosen: Vec<(&AclUser, &Account)> = Vec::new();
    for (user, account) in &all {
        let same = |known: &&(&AclUser, &Account)| known.1.own == account.own && known.1.selectors == account.selectors;
        if chosen.len() < MOST_USERS && !chosen.iter().any(|known| same(&known)) {
            chosen.push((user, account));
        }
    }
    let told = if chosen.len() == all.len() {
        format!("{} users", all.len())
    } else {
        format!("{} users, for all {}", chosen.len(), all.len())
    };
    (chosen, told)
}

fn told_users(server: &Running) -> Result<Access, Trouble> {
    let reply = server.prover()?.call(&["ACL", "LIST"])?;
    users::read(&server.model, &reply, Some(server.prover_name()))
}

/// Arguments that make a command's number of words right; none if the table knows no such command.
fn filled(line: &Line, name: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = name.split('|').map(str::to_owned).collect();
    for _ in 0..12 {
        if decide::call(line, &words).is_ok() {
            return Some(words);
        }
        words.push("1".to_owned());
    }
    None
}

/// The question whether a user may run a command.
fn asked_of(user: &str, words: &[String]) -> Vec<String> {
    ["ACL", "DRYRUN", user].map(str::to_owned).into_iter().chain(words.iter().cloned()).collect()
}

fn roles(server: &mut Running) -> Outcome {
    let model = &server.model;
    let line = model.line;
    if line.command("acl|dryrun").is_none() {
        return Err(Trouble::missing(
            format!("{line} has no ACL DRYRUN"),
            "a server from 7.0 on has it; until then `users` compares what the server says of each user",
        ));
    }
    let commands: Vec<Vec<String>> = line
        .commands
        .iter()
        .filter(|command| {
            !decide::free(command.name)
                && !model.renames.away.iter().any(|away| command.name.split('|').next() == Some(away))
        })
        .filter_map(|command| filled(line, command.name))
        .collect();
    let mut connection = server.prover()?;
    let (users, told) = distinct(server, |_| true);
    let mut answers = 0;
    for (user, account) in users {
        let asked: Vec<Vec<String>> = commands.iter().map(|words| asked_of(&user.name, words)).collect();
        for (words, mut reply) in commands.iter().zip(connection.call_all(&asked)?) {
            let mut longer = asked_of(&user.name, words);
            // Some builds want more words than the line's table says.
            while longer.len() < 16 && reply.error().is_some_and(|error| error.contains("wrong number of arguments")) {
                longer.push("1".to_owned());
                reply = connection.call(&longer)?;
            }
            let text = match &reply {
                // A build may lack a command of its line.
                Reply::Error(error) if error.contains("not found") => continue,
                Reply::Error(_) => {
                    return Trouble::failed(format!("ACL DRYRUN {} {}: {reply}", user.name, words.join(" ")));
                }
                reply => reply.text().unwrap_or_default(),
            };
            let Ok(called) = decide::call(line, words) else { continue };
            let expected = decide::decide(line, account, &called, words) != Err(Denial::Command);
            if expected == text.contains("permissions to run") {
                let (is, should) = if expected { ("may not", "should") } else { ("may", "should not") };
                return Trouble::failed(format!("{} {is} run {}, and {should}", user.name, words.join(" ")));
            }
            answers += 1;
        }
    }
    Ok(format!("{told}, {answers} answers"))
}

fn disabled_commands(server: &mut Running) -> Outcome {
    let model = &server.model;
    let (users, told) = distinct(server, limited);
    let commands: Vec<Vec<String>> =
        model.denied.ids().filter_map(|id| filled(model.line, model.line.commands.get(id)?.name)).collect();
    for (user, account) in users {
        let mut connection = server.user(user)?;
        for words in &commands {
            let called = decide::call(model.line, words);
            // What a rule of the profile gives back is the business of `roles`.
            let given = called.is_ok_and(|called| {
                decide::free(&called.full)
                    || decide::decide(model.line, account, &called, words) != Err(Denial::Command)
            });
            if given {
                continue;
            }
            let reply = connection
                .call(words)
                .map_err(|reason| Trouble::Failed(format!("{} as {}: {reason}", words.join(" "), user.name)))?;
            if !reply.is_refusal() {
                return Trouble::failed(format!("{} as {}: {reply}", words.join(" "), user.name));
            }
        }
    }
    if !server.runs() {
        return Trouble::failed("the server ended");
    }
    Ok(format!("{} commands, {told}", commands.len()))
}

/// What really happens to commands that the user may run: with names inside and outside of its patterns.
fn isolation(server: &mut Running, wanted: fn(&str) -> bool, names: fn(&Account) -> Vec<String>) -> Outcome {
    let model = &server.model;
    let line = model.line;
    let commands: Vec<&str> = line.commands.iter().map(|command| command.name).filter(|name| wanted(name)).collect();
    let (users, told) = distinct(server, |_| true);
    let (mut inside, mut outside) = (0, 0);
    for (user, account) in users {
        let mut connection = server.user(user)?;
        for command in &commands {
            for name in names(account) {
                let words: Vec<String> = match *command {
                    "set" | "publish" | "append" => vec![(*command).to_owned(), name, "redisgen".to_owned()],
                    _ => vec![(*command).to_owned(), name],
                };
                let Ok(called) = decide::call(line, &words) else { continue };
                let refused = match decide::decide(line, account, &called, &words) {
                    // Who may not run the command reaches nothing by it, which a name of nobody's shows as well.
                    Err(Denial::Command) if words.get(1).is_some_and(|word| word == FOREIGN) => true,
                    Err(Denial::Command) => continue,
                    Ok(_) => false,
                    Err(Denial::Key(_) | Denial::Channel(_)) => true,
                };
                let reply = connection.call(&words)?;
                if reply.is_refusal() != refused {
                    return Trouble::failed(format!("{} as {}: {reply}", words.join(" "), user.name));
                }
                *(if refused { &mut outside } else { &mut inside }) += 1;
                if matches!(*command, "subscribe" | "psubscribe" | "ssubscribe") && !refused {
                    // A subscriber can do nothing else.
                    connection = server.user(user)?;
                }
            }
        }
    }
    let told = format!("{told}: {outside} refused outside, {inside} permitted inside");
    // Where everybody may do everything, nothing was shown to be kept from anybody.
    if outside == 0 { Err(Trouble::Advice(format!("{told}, as the profile says"))) } else { Ok(told) }
}

/// A name that nobody means.
const FOREIGN: &str = "redisgen-verify:foreign";

/// A name that a pattern matches, if the pattern is a text and perhaps a star behind it.
fn within(pattern: &str) -> Option<String> {
    let text = pattern.strip_suffix('*').unwrap_or(pattern);
    (!text.contains(['*', '?', '[', ']', '\\', '^']))
        .then(|| format!("{text}{}", if pattern.ends_with('*') { "redisgen-verify" } else { "" }))
}

fn key_isolation(server: &mut Running) -> Outcome {
    let wanted = |name: &str| {
        matches!(
            name,
            "get"
                | "set"
                | "append"
                | "exists"
                | "del"
                | "ttl"
                | "type"
                | "strlen"
                | "hgetall"
                | "smembers"
                | "unlink"
                | "getdel"
                | "dump"
        )
    };
    isolation(server, wanted, |account| {
        let own = account.grants().flat_map(|grant| grant.keys.iter()).filter_map(|key| within(&key.pattern));
        own.take(8).chain([FOREIGN.to_owned()]).collect()
    })
}

fn channel_isolation(server: &mut Running) -> Outcome {
    isolation(server, keys::has_channels, |account| {
        let own = account.grants().flat_map(|grant| grant.channels.iter()).filter_map(|channel| within(channel));
        own.take(4).chain([FOREIGN.to_owned()]).collect()
    })
}
