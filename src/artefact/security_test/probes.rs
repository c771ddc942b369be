//! In: a user as the server holds it. Out: commands that tell whether a protection of this user holds, in forms that have
//! no effect even where it does not.

use std::collections::BTreeSet;

use crate::acl::account::{Account, Grant, KeyGrant};
use crate::acl::decide::{self, Called, Denial};
use crate::acl::{glob, keys};
use crate::engine::{CommandSet, Line, PerLine};

/// A name of keys, channels and settings that nobody uses.
pub(super) const NOBODYS: &str = "redisgen-probe-7c1f4be2";
/// So many patterns of a user are tried.
const PATTERNS: usize = 4;

/// Dangerous commands in forms that fail when they run, or find nothing: run as a user who may do everything on Redis 6.2,
/// 7.0, 7.4, 8.0 and Valkey 8.1, 9.0, 9.1, each left the server as it was. Permissions are asked for before. Those in
/// front are tried by every user, the others where the server cannot judge without running (ACL DRYRUN).
const CORE: &[&str] = &[
    "FLUSHALL redisgen-probe",
    "CONFIG SET redisgen-probe x",
    "EVAL return x",
    "FUNCTION LOAD redisgen-probe",
    "SHUTDOWN redisgen-probe",
    "DEBUG redisgen-probe",
    "REPLICAOF redisgen-probe x",
    "MIGRATE 127.0.0.1 1 redisgen-probe x x",
    "ACL SETUSER redisgen-probe redisgen-probe",
    "MODULE UNLOAD redisgen-probe",
];

const FURTHER: &[&str] = &[
    "FLUSHDB redisgen-probe",
    "CONFIG GET redisgen-probe",
    "EVAL_RO return x",
    "EVALSHA redisgen-probe 0",
    "EVALSHA_RO redisgen-probe 0",
    "SCRIPT LOAD (",
    "SCRIPT FLUSH redisgen-probe",
    "SCRIPT DEBUG redisgen-probe",
    "FUNCTION RESTORE redisgen-probe",
    "FUNCTION DELETE redisgen-probe",
    "FUNCTION FLUSH redisgen-probe",
    "FCALL redisgen-probe x",
    "FCALL_RO redisgen-probe x",
    "SLAVEOF redisgen-probe x",
    "FAILOVER redisgen-probe",
    "RESTORE redisgen-probe x x redisgen-probe",
    "RESTORE-ASKING redisgen-probe x x redisgen-probe",
    "REPLCONF x",
    "SWAPDB x x",
    "ACL DELUSER redisgen-probe",
    "ACL GETUSER redisgen-probe",
    "ACL LOG x",
    "CLIENT KILL redisgen-probe:0",
    "CLIENT PAUSE x",
    "SLOWLOG GET x",
    "COMMANDLOG GET x x",
    "LATENCY RESET redisgen-probe",
    "BGSAVE redisgen-probe",
    "PFDEBUG redisgen-probe redisgen-probe",
];

/// What reads a key, KEY in its place; the first fail before they look.
// SISMEMBER tells nothing of the data to the ACL: it asks for no right to read.
const READ: &[&str] =
    &["GETRANGE KEY x x", "LRANGE KEY x x", "XRANGE KEY x x", "GET KEY", "HGET KEY x", "ZSCORE KEY x"];

/// What writes a key; all fail before they do.
const WRITE: &[&str] = &[
    "SET KEY x redisgen-probe",
    "EXPIRE KEY x",
    "INCRBY KEY x",
    "HSET KEY x x x",
    "HINCRBY KEY x x",
    "ZADD KEY x x",
    "XADD KEY x x x",
    "SETRANGE KEY x x",
    "LTRIM KEY x x",
    "LREM KEY x x",
    "GETEX KEY x",
];

fn split(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Words for redis-cli, which splits its input as redis.conf is split.
fn typed(words: &[String]) -> String {
    words.iter().map(|word| crate::encode::redis_conf(word)).collect::<Vec<_>>().join(" ")
}

/// What the server decides: none where it knows no such command, or the number of words is wrong.
fn decision(line: &Line, account: &Account, words: &[String]) -> Option<Result<(), Denial>> {
    let called = decide::call(line, words).ok()?;
    Some(decide::decide(line, account, &called, words).map(drop))
}

fn no_such_right(line: &Line, account: &Account, words: &[String]) -> bool {
    decision(line, account, words) == Some(Err(Denial::Command))
}

/// A command, looked up.
struct Form {
    words: Vec<String>,
    typed: String,
    called: Called,
}

impl Form {
    /// None where the server knows no such command, or the number of words is wrong.
    fn new(line: &Line, words: Vec<String>) -> Option<Form> {
        let called = decide::call(line, &words).ok()?;
        Some(Form { typed: typed(&words), words, called })
    }

    /// True if the user may not run the command at all.
    fn denied(&self, line: &Line, account: &Account) -> bool {
        decide::decide(line, account, &self.called, &self.words) == Err(Denial::Command)
    }
}

/// What every user is tried with.
pub(super) struct Forms {
    dry_run: bool,
    core: &'static [Form],
    further: &'static [Form],
    /// What the profile denies, for ACL DRYRUN.
    plain: Vec<Form>,
}

/// Commands that the user may not run at all.
pub(super) struct Denied {
    /// To be tried by the user.
    pub tried: Vec<String>,
    /// For ACL DRYRUN.
    pub asked: Vec<String>,
}

impl Forms {
    /// The dangerous commands, and what the profile denies.
    pub(super) fn new(line: &Line, denied: &CommandSet, dry_run: bool) -> Forms {
        static KNOWN: PerLine<[Vec<Form>; 2]> = PerLine::empty();
        let [core, further] = KNOWN.of(line, |line| {
            [CORE, FURTHER].map(|forms| forms.iter().filter_map(|form| Form::new(line, split(form))).collect())
        });
        let whole = |id: &usize| denied.contains(*id) && line.with_subcommands(*id).len() == 1;
        let names = line.commands.iter().enumerate().filter(|(id, _)| whole(id)).map(|(_, command)| command.name);
        let names = names.filter(|name| dry_run && !name.ends_with("|help"));
        let plain = names.filter_map(plain_form).filter_map(|words| Form::new(line, words)).collect();
        Forms { dry_run, core, further, plain }
    }

    /// Of all, those that the user may not run.
    pub(super) fn denied(&self, line: &Line, account: &Account) -> Denied {
        let refused = |form: &&Form| form.denied(line, account);
        let (core, further) = (self.core.iter().filter(refused), self.further.iter().filter(refused));
        let covered: BTreeSet<&str> =
            core.clone().chain(further.clone()).map(|form| form.called.full.as_str()).collect();
        let plain = self.plain.iter().filter(|form| !covered.contains(form.called.full.as_str())).filter(refused);
        let typed = |form: &Form| form.typed.clone();
        if self.dry_run {
            Denied { tried: core.map(typed).collect(), asked: further.chain(plain).map(typed).collect() }
        } else {
            Denied { tried: core.chain(further).map(typed).collect(), asked: Vec::new() }
        }
    }
}

/// A command with as many words as it takes. It is judged, never run.
fn plain_form(name: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = name.split('|').map(str::to_owned).collect();
    let count = usize::try_from(keys::arity(name)?.unsigned_abs()).ok()?;
    words.resize(count.max(words.len()), "x".to_owned());
    keys::takes(name, words.len()).then_some(words)
}

/// What the user may do with its own keys and not with others.
pub(super) struct Keys {
    /// Permitted.
    pub own: Vec<String>,
    /// Refused since the key is not its own, or not for this use.
    pub others: Vec<String>,
}

fn on_key(form: &str, key: &str) -> Vec<String> {
    form.split(' ').map(|word| if word == "KEY" { key } else { word }.to_owned()).collect()
}

/// Reading or writing, if the user may do so with some keys and not with others.
pub(super) fn keys_of(line: &Line, account: &Account, writes: bool) -> Option<Keys> {
    // Who may use every key is refused none.
    if account.grants().all(Grant::all_keys) {
        return None;
    }
    let forms = if writes { WRITE } else { READ };
    let patterns: Vec<&KeyGrant> = account.grants().flat_map(|grant| grant.keys.iter()).take(PATTERNS).collect();
    let names: BTreeSet<String> = patterns.iter().filter_map(|key| example(&key.pattern)).collect();
    let tried = forms.iter().filter_map(|form| {
        // Which key it is does not change what is called.
        let called = decide::call(line, &on_key(form, NOBODYS)).ok()?;
        let mut keys = Keys { own: Vec::new(), others: Vec::new() };
        for words in names.iter().map(String::as_str).chain([NOBODYS]).map(|name| on_key(form, name)) {
            match decide::decide(line, account, &called, &words) {
                Ok(_) => keys.own.push(typed(&words)),
                Err(Denial::Key(_)) => keys.others.push(typed(&words)),
                Err(_) => {}
            }
        }
        Some(keys)
    });
    tried.into_iter().find(|keys| !keys.own.is_empty() && !keys.others.is_empty())
}

/// Commands that would write a key of the user's, if it has none that does.
pub(super) fn cannot_write(line: &Line, account: &Account) -> Vec<String> {
    let key = account.grants().flat_map(|grant| grant.keys.iter()).find_map(|key| example(&key.pattern));
    let Some(key) = key else { return Vec::new() };
    let known = |words: &Vec<String>| decide::call(line, words).is_ok();
    let all: Vec<Vec<String>> = WRITE.iter().map(|form| on_key(form, &key)).filter(known).collect();
    let none = all.iter().all(|words| no_such_right(line, account, words));
    if none { all.iter().take(3).map(|words| typed(words)).collect() } else { Vec::new() }
}

/// What the user may do with its own channels and not with others, for ACL DRYRUN.
pub(super) fn channels(line: &Line, account: &Account) -> Keys {
    let patterns = account.grants().flat_map(|grant| grant.channels.iter()).take(PATTERNS);
    let names: BTreeSet<String> = patterns.filter_map(|pattern| example(pattern)).collect();
    let mut found = Keys { own: Vec::new(), others: Vec::new() };
    for form in ["PUBLISH KEY x", "SUBSCRIBE KEY"] {
        for name in names.iter().map(String::as_str).chain([NOBODYS]) {
            let words = on_key(form, name);
            match decision(line, account, &words) {
                Some(Ok(())) => found.own.push(typed(&words)),
                Some(Err(Denial::Channel(_))) => found.others.push(typed(&words)),
                _ => {}
            }
        }
    }
    // Who may use all channels has no limit that could be missing.
    if found.others.is_empty() { Keys { own: Vec::new(), ..found } } else { found }
}

/// Of the dangerous forms, some that this user may run: they show that a refusal is not the answer to everybody. None
/// that would do harm, should a later version take its words.
pub(super) fn control(line: &Line, account: &Account) -> Vec<String> {
    let forms =
        ["CONFIG GET redisgen-probe", "ACL GETUSER redisgen-probe", "EVALSHA redisgen-probe 0", "SLOWLOG GET x"];
    let may = |words: &Vec<String>| decision(line, account, words) == Some(Ok(()));
    forms.iter().map(|form| split(form)).filter(may).map(|words| typed(&words)).collect()
}

/// A name that a pattern matches and that nobody uses, unless the pattern is the name.
fn example(pattern: &str) -> Option<String> {
    let mut name = String::new();
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '*' => name.push_str(NOBODYS),
            '?' => name.push('x'),
            '\\' => name.extend(signs.next()),
            '[' => {
                let class: Vec<char> = signs.by_ref().take_while(|sign| *sign != ']').collect();
                // Of the others, one that is seldom excluded.
                name.push(class.first().copied().filter(|first| *first != '^').unwrap_or('~'));
            }
            other => name.push(other),
        }
    }
    glob::matches(pattern, &name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_match_their_patterns() {
        for pattern in ["user:*", "config", "n[a-z]*:{x}:$(id)*", "h?llo", r"a\*b", "[^x]y"] {
            assert!(example(pattern).is_some_and(|name| glob::matches(pattern, &name)), "{pattern}");
        }
        assert_eq!(example("config").as_deref(), Some("config"));
        assert_eq!(example("[^~]"), None);
    }

    #[test]
    fn every_form_is_a_command_of_some_line() {
        for form in CORE.iter().chain(FURTHER) {
            let known = crate::engine::lines().any(|line| decide::call(line, &split(form)).is_ok());
            assert!(known, "{form}");
        }
        for form in READ.iter().chain(WRITE) {
            let line = crate::engine::lines().next().expect("a line");
            let called = decide::call(line, &on_key(form, "k")).expect(form);
            let found = keys::keys(line, &called.full, &on_key(form, "k"));
            assert!(found.iter().any(|key| if WRITE.contains(form) { key.write } else { key.read }), "{form}");
        }
    }
}
