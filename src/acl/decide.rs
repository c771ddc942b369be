//! In: a user as the server holds it, and a command with its arguments. Out: whether the server runs it, what stands in
//! the way, and what the line then says. Follows `ACLCheckAllUserCommandPerm`.

use std::sync::Arc;

use super::account::{Account, Grant};
use super::{glob, keys};
use crate::engine::Line;
use crate::profile::EngineKind;

/// The command that words call, as one line knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// Its id.
    pub id: usize,
    /// The full name by which its keys are looked up; a subcommand's also where the line has none.
    pub full: String,
}

/// Why words call no command; shown as the server says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoCommand {
    /// No such command.
    Command,
    /// No such subcommand of this command.
    Subcommand(&'static str),
    /// Too few or too many words for this command.
    Arity(String),
}

/// What stands in the way; the worst is told, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denial {
    /// The command is not permitted.
    Command,
    /// The key at this place among the words is not.
    Key(usize),
    /// The channel at this place is not.
    Channel(usize),
}

impl Denial {
    const fn rank(self) -> u8 {
        match self {
            Denial::Command => 0,
            Denial::Key(_) => 1,
            Denial::Channel(_) => 2,
        }
    }
}

/// What everyone may run, whatever the rules say: before logging in there is no other way to say who one is
/// (`CMD_NO_AUTH`). 6.2 answers QUIT without having it in its table.
pub const FREE: [&str; 4] = ["auth", "hello", "quit", "reset"];

/// True if everyone may run a command.
pub fn free(command: &str) -> bool {
    FREE.contains(&command)
}

/// What the server says to a SORT whose BY or GET would read keys that it does not name, if the user may not read all
/// (from 7.0 on; the server looks when it runs it).
pub fn sort_refused(line: &Line, grant: &Grant, called: &Called, words: &[String]) -> Option<&'static str> {
    if !matches!(called.full.as_str(), "sort" | "sort_ro") || !line.has_selectors() || grant.reaches_every_key() {
        return None;
    }
    let mut rest = words.iter().skip(2).map(|word| word.to_ascii_lowercase());
    while let Some(word) = rest.next() {
        match word.as_str() {
            "limit" => drop((rest.next(), rest.next())),
            "store" => drop(rest.next()),
            // Without a star nothing is looked up.
            "by" if rest.next().is_some_and(|pattern| pattern.contains('*')) => {
                return Some("ERR BY option of SORT denied due to insufficient ACL permissions.");
            }
            "get" if rest.next().is_some_and(|pattern| pattern != "#") => {
                return Some("ERR GET option of SORT denied due to insufficient ACL permissions.");
            }
            _ => {}
        }
    }
    None
}

/// Looks a command up.
///
/// # Errors
/// The server runs nothing for these words, whoever sends them.
pub fn call(line: &Line, words: &[String]) -> Result<Called, NoCommand> {
    let name = words.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    let id = line.command(&name).filter(|_| !name.contains('|')).ok_or(NoCommand::Command)?;
    let command = line.commands.get(id).ok_or(NoCommand::Command)?;
    let both = |word: &String| format!("{name}|{}", word.to_ascii_lowercase());
    let called = match words.get(1) {
        Some(word) if line.with_subcommands(id).len() > 1 => {
            let full = both(word);
            let id = line.command(&full).ok_or(NoCommand::Subcommand(command.name))?;
            Called { id, full }
        }
        Some(word) if !line.has_subcommands() => {
            let full = both(word);
            Called { id, full: if keys::uses(&full).is_some() { full } else { name } }
        }
        _ => Called { id, full: name },
    };
    // 6.2 counts the words of subcommands when it runs them, later than it asks for permission.
    let counted = if line.has_subcommands() { called.full.as_str() } else { command.name };
    if keys::takes(counted, words.len()) { Ok(called) } else { Err(NoCommand::Arity(counted.to_owned())) }
}

/// Decides; on yes, says by which set of permissions: 0 for the user's own, then its selectors.
///
/// # Errors
/// What stands in the way.
pub fn decide(line: &Line, account: &Account, called: &Called, words: &[String]) -> Result<usize, Denial> {
    let mut worst = Denial::Command;
    for (place, grant) in account.grants().enumerate() {
        match within(line, grant, called, words) {
            Ok(()) => return Ok(place),
            Err(denial) if denial.rank() > worst.rank() || (denial.rank() == worst.rank() && denial > worst) => {
                worst = denial;
            }
            Err(_) => {}
        }
    }
    Err(worst)
}

fn within(line: &Line, grant: &Grant, called: &Called, words: &[String]) -> Result<(), Denial> {
    let name = line.commands.get(called.id).map_or("", |command| command.name);
    let argument = words.get(1).map(String::as_str);
    if !free(name) && !grant.permits(called.id, argument) {
        return Err(Denial::Command);
    }
    let word = |place: usize| words.get(place).map_or("", String::as_str);
    if !grant.all_keys() {
        for key in keys::keys(line, &called.full, words) {
            // 6.2 asks for no more than that a pattern matches.
            let (read, write) = (key.read && line.has_selectors(), key.write && line.has_selectors());
            let fits = |known: &&super::account::KeyGrant| (known.read || !read) && (known.write || !write);
            if !grant.keys.iter().filter(fits).any(|known| glob::matches(&known.pattern, word(key.place))) {
                return Err(Denial::Key(key.place));
            }
        }
    }
    if !grant.all_channels() {
        for channel in keys::channels(&called.full, words.len()) {
            let name = word(channel.place);
            let fits = |known: &Arc<str>| if channel.pattern { **known == *name } else { glob::matches(known, name) };
            if !grant.channels.iter().any(fits) {
                return Err(Denial::Channel(channel.place));
            }
        }
    }
    Ok(())
}

/// What the line answers to a user that is denied a command (measured on each line that tests run).
pub fn message(line: &Line, user: &str, called: &Called, denial: Denial) -> String {
    // Vector sets are a module's, whose names are printed in capitals; no command of the server lacks categories.
    let name = line.commands.get(called.id).map_or(String::new(), |command| {
        if command.categories.is_empty() { command.name.to_ascii_uppercase() } else { command.name.to_owned() }
    });
    let old = line.kind == EngineKind::Redis && line.number < (7, 2);
    let message = match denial {
        Denial::Command if !line.has_subcommands() => {
            format!("NOPERM this user has no permissions to run the '{name}' command or its subcommand")
        }
        Denial::Command if old => format!("NOPERM this user has no permissions to run the '{name}' command"),
        Denial::Command => format!("NOPERM User {user} has no permissions to run the '{name}' command"),
        Denial::Key(_) if old => {
            "NOPERM this user has no permissions to access one of the keys used as arguments".to_owned()
        }
        Denial::Key(_) => "NOPERM No permissions to access a key".to_owned(),
        Denial::Channel(_) if old => {
            "NOPERM this user has no permissions to access one of the channels used as arguments".to_owned()
        }
        Denial::Channel(_) => "NOPERM No permissions to access a channel".to_owned(),
    };
    if name == "exec" { format!("EXECABORT Transaction discarded because of: {message}") } else { message }
}

/// What a server with `enable-debug-command no` and `enable-module-command no`, the defaults from 7.0 on, answers to these
/// two commands before it asks any ACL.
pub fn switched_off(line: &Line, called: &Called) -> Option<String> {
    let word = match called.full.as_str() {
        "debug" => "debug",
        "module|load" | "module|loadex" | "module|unload" => "module",
        _ => return None,
    };
    line.has_subcommands().then(|| {
        format!(
            "ERR {} command not allowed. If the enable-{word}-command option is set to \"local\", you can run it from a \
             local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
            word.to_ascii_uppercase()
        )
    })
}

impl NoCommand {
    /// What the line answers, to everyone.
    pub fn message(&self, line: &Line, words: &[String]) -> String {
        let first = words.first().map_or("", String::as_str);
        match self {
            NoCommand::Command if line.has_subcommands() => {
                let rest: Vec<String> = words.iter().skip(1).map(|word| format!("'{word}' ")).collect();
                format!("ERR unknown command '{first}', with args beginning with: {}", rest.concat())
            }
            NoCommand::Command => {
                let rest: Vec<String> = words.iter().skip(1).map(|word| format!("`{word}`, ")).collect();
                format!("ERR unknown command `{first}`, with args beginning with: {}", rest.concat())
            }
            NoCommand::Subcommand(command) => {
                let given = words.get(1).map_or("", String::as_str);
                format!("ERR unknown subcommand '{given}'. Try {} HELP.", command.to_ascii_uppercase())
            }
            NoCommand::Arity(command) => format!("ERR wrong number of arguments for '{command}' command"),
        }
    }
}
