//! `redisgen explain PROFILE --user NAME --command 'set a b'`: would the server run it, by which rule, and what it
//! answers if not. Decided on the ACL file that `build` would write.

use std::sync::Arc;

use crate::access::difference::key_word;
use crate::access::human::shown;
use crate::access::{Access, Login, User, deciding_word};
use crate::acl::account::{Grant, KeyGrant};
use crate::acl::decide::{self, Called, Denial, NoCommand};
use crate::acl::{danger, glob, keys, words};
use crate::command::{Exit, place};
use crate::console;
use crate::engine::Line;
use crate::load::Loaded;
use crate::model::Model;
use crate::path::Path;
use crate::profile::Role;

pub(super) fn run(loaded: &Loaded, model: &Model, name: &str, command: &str) -> Result<Exit, String> {
    let access = Access::of_model(model);
    let Some(user) = access.user(name) else {
        let names: Vec<&str> = access.users.iter().map(|user| user.name.as_str()).collect();
        return Err(format!("there is no user `{}`; there are {}", name.escape_debug(), names.join(", ")));
    };
    let words = words::split_arguments(command).filter(|words| !words.is_empty());
    let words = words.ok_or("--command: expected a command as redis-cli takes it, such as 'set a b'")?;
    let mut out = answer(model, user, &words);
    if let Some(place) = listed_at(loaded, model, name) {
        out.push_str(&format!("  user     {place}\n"));
    }
    console::out(&out);
    Ok(Exit::Fine)
}

fn answer(model: &Model, user: &User, words: &[String]) -> String {
    let (line, name) = (model.line, user.name.as_str());
    let first = words.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    if decide::free(&first) {
        return format!("allowed\n  command  everybody may run {}, whatever rules say\n", first.to_ascii_uppercase());
    }
    let called = match decide::call(line, words) {
        Ok(called) => called,
        Err(none) => {
            let answer = none.message(line, words);
            return format!("denied: {line} does not run this, whoever sends it\n  answer   {answer}\n");
        }
    };
    let mut out = String::new();
    if user.login() == Login::Never {
        out.push_str(&format!("`{name}` cannot log in, so it runs nothing; if it could:\n"));
    }
    let name_of_command = called.full.split('|').next().unwrap_or("");
    if model.renames.takes(name_of_command) {
        let answer = NoCommand::Command.message(line, words);
        out.push_str(&format!("denied: redis.conf renames it away for everybody\n  answer   {answer}\n"));
        return out;
    }
    if let Some(message) = decide::switched_off(line, &called) {
        out.push_str(&format!("denied: redis.conf switches it off for everybody\n  answer   {message}\n"));
        return out;
    }
    let decision = decide::decide(line, &user.account, &called, words);
    let allowing = decision.ok().and_then(|set| user.account.grants().nth(set));
    let sort = allowing.and_then(|grant| decide::sort_refused(line, grant, &called, words));
    out.push_str(match decision {
        Ok(_) if sort.is_some() => "denied: the command is permitted, what it would look up is not\n",
        Ok(_) => "allowed\n",
        Err(Denial::Command) => "denied: the command is not permitted\n",
        Err(Denial::Key(_)) => "denied: the command is permitted, a key is not\n",
        Err(Denial::Channel(_)) => "denied: the command is permitted, a channel is not\n",
    });
    // The set that allows it, else the first that at least permits the command.
    let argument = words.get(1).map(String::as_str);
    let permitting = user.account.grants().position(|grant| grant.permits(called.id, argument));
    let set = decision.unwrap_or(permitting.unwrap_or(0));
    out.push_str(&format!("  command  {}\n", by_rule(line, user, set, &called, argument)));
    if let Some(grant) = user.account.grants().nth(set).filter(|_| decision != Err(Denial::Command)) {
        out.push_str(&arguments(line, grant, &called, words));
    }
    let admin = model.users.iter().any(|known| known.name == user.name && known.role == Some(Role::Admin));
    if model.denied.contains(called.id) && !admin && decision.is_err() {
        out.push_str("  profile  commands.disabled keeps it, or what it would undo, for admins\n");
    }
    let answer = decision.err().map(|denial| decide::message(line, name, &called, denial));
    if let Some(answer) = answer.or(sort.map(str::to_owned)) {
        out.push_str(&format!("  answer   {answer}\n"));
    }
    out
}

/// The rule that permits the command or takes it away.
fn by_rule(line: &Line, user: &User, set: usize, called: &Called, argument: Option<&str>) -> String {
    let name = called.full.to_ascii_uppercase().replace('|', " ");
    let within = if set == 0 { String::new() } else { format!(" in selector {set}") };
    match deciding_word(line, &user.words, set, called.id, argument) {
        Some(word) if word.starts_with('-') => format!("`{word}`{within} takes {name} away"),
        Some(word) => format!("`{word}`{within} permits {name}"),
        None => format!("no rule of `{}` permits {name}", user.name),
    }
}

/// One line for each key and channel.
fn arguments(line: &Line, grant: &Grant, called: &Called, words: &[String]) -> String {
    let mut out = String::new();
    let word = |place: usize| words.get(place).map_or("", String::as_str);
    for key in keys::keys(line, &called.full, words) {
        let (read, write) = (key.read && line.has_selectors(), key.write && line.has_selectors());
        let fits = |known: &&KeyGrant| {
            (known.read || !read) && (known.write || !write) && glob::matches(&known.pattern, word(key.place))
        };
        let used = match (read, write) {
            (true, true) => "read and written",
            (true, false) => "read",
            (false, true) => "written",
            (false, false) => "used",
        };
        let verdict = match grant.keys.iter().find(fits) {
            _ if grant.all_keys() => "every key is permitted".to_owned(),
            Some(pattern) => format!("`{}` permits it", shown(&pattern.pattern)),
            None => format!("not by {}", patterns(grant.keys.iter().map(key_word))),
        };
        out.push_str(&format!("  key      `{}` is {used}: {verdict}\n", shown(word(key.place))));
    }
    let names = danger::NAMES.with_limited_keys.iter().chain(&["keys"]);
    if !grant.all_keys() && names.into_iter().any(|name| *name == called.full) {
        out.push_str("  key      none is named: patterns do not apply, the names of all keys are told\n");
    }
    for channel in keys::channels(&called.full, words.len()) {
        let name = word(channel.place);
        let fits = |known: &&Arc<str>| if channel.pattern { ***known == *name } else { glob::matches(known, name) };
        let verdict = match grant.channels.iter().find(fits) {
            _ if grant.all_channels() => "every channel is permitted".to_owned(),
            Some(pattern) => format!("`{}` permits it", shown(pattern)),
            None => format!("not by {}", patterns(grant.channels.iter().map(|channel| format!("&{channel}")))),
        };
        out.push_str(&format!("  channel  `{}`: {verdict}\n", shown(name)));
    }
    out
}

fn patterns(list: impl Iterator<Item = String>) -> String {
    let list: Vec<String> = list.map(|pattern| format!("`{}`", shown(&pattern))).collect();
    if list.is_empty() { "any pattern, since there is none".to_owned() } else { list.join(" ") }
}

/// Where the profile lists the user; our own users stand nowhere.
fn listed_at(loaded: &Loaded, model: &Model, name: &str) -> Option<String> {
    let index = model.users.iter().find(|user| user.name == name)?.place?;
    let path = format!("users[{index}]");
    let span = loaded.tree.locate(&Path::parse(&path).ok()?).span();
    Some(format!("{}: {path}", place(&loaded.sources, span)))
}
