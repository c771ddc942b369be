//! In: an ACL file, ours or anybody's. Out: what each user in it may do on one line, to show, to compare and to judge.

pub mod brief;
pub mod difference;
pub mod groups;
pub mod human;
pub mod json;
pub mod sheet;

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::acl::account::{Account, Grant};
use crate::acl::decide;
use crate::acl::file::{self, BadLine};
use crate::artefact::users_acl;
use crate::engine::{Line, Name};
use crate::model::Model;

/// The users of a file on a line.
pub struct Access {
    /// The line that the file is read for.
    pub line: &'static Line,
    /// Sorted by name; `default` is always there.
    pub users: Vec<User>,
    /// What redis.conf renames away: nobody runs it, whatever rules say.
    pub renamed: Vec<&'static str>,
}

/// A user.
pub struct User {
    /// Its name.
    pub name: String,
    /// What the server holds.
    pub account: Account,
    /// The words that made it so, in order; none for a `default` that the file does not list.
    pub words: Vec<String>,
}

impl Access {
    /// Reads a file as the server does.
    ///
    /// # Errors
    /// Every line that the server refuses; it then loads none.
    pub fn of_file(line: &'static Line, text: &str) -> Result<Access, Vec<BadLine>> {
        let mut users = file::read(line, text)?;
        let mut found = Vec::with_capacity(users.accounts.len());
        for (name, account) in std::mem::take(&mut users.accounts) {
            let words = users.words.remove(&name).unwrap_or_default();
            found.push(User { name, account, words });
        }
        Ok(Access { line, users: found, renamed: Vec::new() })
    }

    /// The users of the ACL file that is written for a model, less what redis.conf renames away.
    pub fn of_model(model: &Model) -> Access {
        let line = model.line;
        let renamed = &model.renames.away;
        let users = model.users.iter().zip(&model.accounts).map(|(user, account)| {
            let mut account = account.clone();
            for id in renamed.iter().filter_map(|name| line.command(name)) {
                account.take(line, id);
            }
            User { name: user.name.clone(), account, words: users_acl::rules(line, user) }
        });
        Access { line, users: users.collect(), renamed: renamed.clone() }
    }

    /// The same on a server that renames these commands away: they are in no rule that it tells, and nobody runs them.
    #[must_use]
    pub fn without(mut self, renamed: &[&'static str]) -> Access {
        for id in renamed.iter().filter_map(|name| self.line.command(name)) {
            self.users.iter_mut().for_each(|user| user.account.take(self.line, id));
        }
        self.renamed = renamed.to_vec();
        self
    }

    /// A user by name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }
}

/// How a user can log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Login {
    /// It is off, or has no password that would be right.
    Never,
    /// With a password.
    Password,
    /// With any password; `default` without asking.
    Anything,
}

impl User {
    /// How it can log in.
    pub fn login(&self) -> Login {
        match &self.account {
            Account { enabled: false, .. } => Login::Never,
            Account { nopass: true, .. } => Login::Anything,
            account if account.passwords.is_empty() => Login::Never,
            _ => Login::Password,
        }
    }
}

/// Names of commands, sorted as text.
pub type Names = BTreeSet<Name>;

/// Names of the commands of a set of permissions: what can be run, so no command that has subcommands beside them; with
/// `command|argument` where only that first argument is permitted. What everybody may run is in it.
pub fn commands(line: &Line, grant: &Grant) -> Names {
    let whole = line.commands.iter().enumerate();
    let whole = whole.filter(|(id, _)| line.with_subcommands(*id).len() == 1 && grant.commands.contains(*id));
    let whole = whole.map(|(_, command)| command.name).chain(decide::FREE).map(Cow::Borrowed);
    let parts = grant.first_arguments.iter().filter(|(id, _)| !grant.commands.contains(**id));
    let parts = parts.flat_map(|(id, arguments)| {
        let name = line.commands.get(*id).map_or("", |command| command.name);
        arguments.iter().map(move |argument| Cow::Owned(format!("{name}|{argument}")))
    });
    whole.chain(parts).collect()
}

/// The word of a user that decides whether one command may be run; see [`deciding_words`].
pub fn deciding_word(line: &Line, words: &[String], place: usize, id: usize, argument: Option<&str>) -> Option<String> {
    deciding_words(line, words, place, &[(Some(id), argument)]).pop().flatten()
}

/// A command, none if the line has no such one, and its first argument if that is asked for.
pub type Asked<'argument> = (Option<usize>, Option<&'argument str>);

/// The words of a user that decide whether commands may be run, by a set of permissions: for each command the last one that
/// changed it; none if no word ever granted it. `place` is 0 for the user's own permissions, then its selectors.
pub fn deciding_words(line: &Line, words: &[String], place: usize, asked: &[Asked]) -> Vec<Option<String>> {
    let selector = |word: &&String| word.starts_with('(');
    let inner = place.checked_sub(1).map(|place| {
        let text = words.iter().filter(selector).nth(place).and_then(|text| text.strip_prefix('(')?.strip_suffix(')'));
        text.and_then(crate::acl::words::split_arguments).unwrap_or_default()
    });
    let words: Vec<&str> = match &inner {
        None => words.iter().filter(|word| !selector(word)).map(String::as_str).collect(),
        Some(inner) => inner.iter().map(String::as_str).collect(),
    };
    let mut grant = Grant::nothing(line);
    let mut decided: Vec<Option<&str>> = vec![None; asked.len()];
    let permits = |grant: &Grant, (id, argument): &Asked| id.is_some_and(|id| grant.permits(id, *argument));
    let permitted = |grant: &Grant| -> Vec<bool> { asked.iter().map(|asked| permits(grant, asked)).collect() };
    let mut before = permitted(&grant);
    for word in words {
        if grant.apply(line, word).is_err() {
            // A word of the account, as `on`.
            continue;
        }
        let after = permitted(&grant);
        let each = decided.iter_mut().zip(before.iter().zip(&after));
        each.filter(|(_, (before, after))| before != after).for_each(|(decided, _)| *decided = Some(word));
        before = after;
    }
    decided.into_iter().map(|word| word.map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> &'static Line {
        crate::engine::lines().find(|line| line.to_string() == "redis-7.4").expect("a known line")
    }

    fn read(text: &str) -> Access {
        Access::of_file(line(), text).expect("loads")
    }

    #[test]
    fn who_can_log_in() {
        let access = read(
            "user default off\nuser a on nopass\nuser b on #0000000000000000000000000000000000000000000000000000000000000000\nuser c on\n",
        );
        let logins: Vec<Login> = access.users.iter().map(User::login).collect();
        assert_eq!(logins, [Login::Anything, Login::Password, Login::Never, Login::Never]);
        assert_eq!(read("").user("default").map(User::login), Some(Login::Anything));
    }

    #[test]
    fn commands_are_what_can_be_run() {
        let access = read("user a on +config +select|0 +get\n");
        let names = commands(line(), &access.user("a").expect("listed").account.own);
        for name in ["config|set", "select|0", "get", "auth", "hello"] {
            assert!(names.contains(name), "{name}");
        }
        for name in ["config", "select", "set"] {
            assert!(!names.contains(name), "{name}");
        }
    }

    #[test]
    fn words_that_were_taken_back_decide_nothing() {
        let access = read("user a on +@all RESET on (+get ~a) clearselectors (+keys ~*)\n");
        let user = access.user("a").expect("listed");
        assert_eq!(user.words, ["on", "(+keys ~*)"]);
        let keys = line().command("keys").expect("known");
        assert_eq!(deciding_word(line(), &user.words, 1, keys, None).as_deref(), Some("+keys"));
        assert_eq!(deciding_word(line(), &user.words, 0, keys, None), None);
    }

    #[test]
    fn the_last_word_that_changed_a_right_decides() {
        let id = |name: &str| line().command(name).expect("known");
        let access = read("user a on +@read -@dangerous +keys (+@all -flushall)\n");
        let words = &access.user("a").expect("listed").words;
        let word = |place, name| deciding_word(line(), words, place, id(name), None);
        assert_eq!(word(0, "get").as_deref(), Some("+@read"));
        assert_eq!(word(0, "sort_ro").as_deref(), Some("-@dangerous"));
        assert_eq!(word(0, "keys").as_deref(), Some("+keys"));
        assert_eq!(word(0, "set"), None);
        assert_eq!(word(1, "flushall").as_deref(), Some("-flushall"));
        assert_eq!(word(1, "set").as_deref(), Some("+@all"));
    }
}
