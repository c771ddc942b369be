//! ACL semantics: which commands a list of rules permits on a line, in which form the server keeps the
//! rules, and which relatives a denied command has.

pub mod account;
pub mod danger;
pub mod decide;
mod families;
pub mod file;
pub mod glob;
pub mod grant;
pub mod keys;
pub mod ordered;
pub(crate) mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::engine::{CommandSet, Line};
use crate::format::{ChannelPattern, CommandName, KeyPattern};

pub use families::relatives;

/// A rule that a line does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// No such command or subcommand.
    Command,
    /// No such category.
    Category,
    /// `-command|subcommand` before 7.0.
    SubcommandDenial,
}

impl fmt::Display for Unknown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Unknown::Command => "no such command or subcommand",
            Unknown::Category => "no such category",
            Unknown::SubcommandDenial => "subcommands can be denied from 7.0 on only",
        })
    }
}

/// What a name stands for.
enum Selected<'line> {
    /// A category, with the subcommands of its commands.
    Category(&'line CommandSet),
    /// Commands and subcommands with neighbouring ids.
    Ids(std::ops::Range<usize>),
}

/// Looks a name up: a category, a command with its subcommands, or one subcommand. On 6.2 a subcommand stands
/// for its command, of which it allows a part.
fn look_up<'line>(line: &'line Line, name: &str) -> Result<Selected<'line>, Unknown> {
    if let Some(category) = name.strip_prefix('@') {
        return line.category(category).map(Selected::Category).ok_or(Unknown::Category);
    }
    if let Some(id) = line.command(name) {
        return Ok(Selected::Ids(line.with_subcommands(id)));
    }
    // `+command|first-argument`: any argument is accepted for a command without subcommands.
    let (command, argument) = name.split_once('|').ok_or(Unknown::Command)?;
    let id = line.command(command).ok_or(Unknown::Command)?;
    if line.with_subcommands(id).len() > 1 || argument.contains('|') {
        return Err(Unknown::Command);
    }
    Ok(Selected::Ids(id..id + 1))
}

/// The set that a name stands for.
///
/// # Errors
/// The line does not know the name.
pub fn select(line: &Line, name: &str) -> Result<CommandSet, Unknown> {
    let mut set = CommandSet::none(line.commands.len());
    apply(line, name, true, &mut set)?;
    Ok(set)
}

/// True if a name stands for something in the set; false if the line does not know it.
pub fn touches(line: &Line, name: &str, set: &CommandSet) -> bool {
    match look_up(line, name) {
        Ok(Selected::Category(category)) => category.intersects(set),
        Ok(Selected::Ids(mut ids)) => ids.any(|id| set.contains(id)),
        Err(_) => false,
    }
}

/// True if a rule such as `+get` is one that the line takes.
///
/// # Errors
/// Why not.
pub fn check_rule(line: &Line, rule: &str) -> Result<(), Unknown> {
    let name = rule.get(1..).unwrap_or("");
    if rule.starts_with('-') && name.contains('|') {
        // A first argument such as `select|0` can be allowed, never denied.
        let unknown = if line.has_subcommands() { Unknown::Command } else { Unknown::SubcommandDenial };
        line.command(name).ok_or(unknown)?;
    }
    look_up(line, name).map(drop)
}

fn apply(line: &Line, name: &str, allow: bool, set: &mut CommandSet) -> Result<(), Unknown> {
    match (look_up(line, name)?, allow) {
        (Selected::Category(category), true) => set.add(category),
        (Selected::Category(category), false) => set.remove(category),
        (Selected::Ids(ids), true) => ids.for_each(|id| set.insert(id)),
        (Selected::Ids(ids), false) => ids.for_each(|id| set.take(id)),
    }
    Ok(())
}

/// What a list of rules permits, evaluated in order as the server does, starting from nothing.
///
/// # Errors
/// The place of the first rule that the line does not know, and why.
pub fn evaluate(line: &Line, rules: &[String]) -> Result<CommandSet, (usize, Unknown)> {
    let mut set = CommandSet::none(line.commands.len());
    for (place, rule) in rules.iter().enumerate() {
        check_rule(line, rule).map_err(|unknown| (place, unknown))?;
        let name = rule.get(1..).unwrap_or("");
        apply(line, name, rule.starts_with('+'), &mut set).map_err(|unknown| (place, unknown))?;
    }
    Ok(set)
}

/// The rules in the form that the server keeps: a later rule drops earlier ones for the same name or its
/// subcommands, and `@all` drops everything (`ACLUpdateCommandRules` in 7.2).
pub fn canonical(rules: impl IntoIterator<Item = String>) -> Vec<String> {
    let rules: Vec<String> = rules.into_iter().collect();
    let mut later: BTreeSet<&str> = BTreeSet::new();
    let mut keep = vec![false; rules.len()];
    let mut base = "-@all";
    for (rule, keep) in rules.iter().zip(&mut keep).rev() {
        let name = rule.get(1..).unwrap_or("");
        if name == "@all" {
            base = if rule.starts_with('+') { "+@all" } else { "-@all" };
            break;
        }
        let mut parents = name.match_indices('|').filter_map(|(end, _)| name.get(..end));
        let covered = parents.any(|parent| later.contains(parent));
        *keep = later.insert(name) && !covered;
    }
    let kept = rules.into_iter().zip(keep).filter_map(|(rule, keep)| keep.then_some(rule));
    std::iter::once(base.to_owned()).chain(kept).collect()
}

/// The disabled commands and their relatives.
///
/// # Errors
/// The place of the first name that the line does not know, and why.
pub fn disabled(line: &Line, names: &[CommandName]) -> Result<CommandSet, (usize, Unknown)> {
    let mut set = CommandSet::none(line.commands.len());
    for (place, name) in names.iter().enumerate() {
        let name = name.as_str();
        if name.contains('|') && !line.has_subcommands() {
            return Err((place, Unknown::SubcommandDenial));
        }
        let selected = select(line, name).map_err(|unknown| (place, unknown))?;
        for (id, command) in line.commands.iter().enumerate().filter(|(id, _)| selected.contains(*id)) {
            set.insert(id);
            for relative in relatives(command.name) {
                if let Ok(family) = select(line, relative) {
                    set.add(&family);
                }
            }
        }
    }
    Ok(set)
}

/// What nobody but role `admin` may run: the disabled commands, their relatives, and what could undo the denial.
///
/// # Errors
/// The place of the first name that the line does not know, and why.
pub fn denied(line: &Line, names: &[CommandName]) -> Result<CommandSet, (usize, Unknown)> {
    let mut set = disabled(line, names)?;
    if !names.is_empty() {
        for name in ESCALATION {
            set.add(
                &select(line, name)
                    .or_else(|_| select(line, name.split('|').next().unwrap_or(name)))
                    .unwrap_or_else(|_| CommandSet::none(0)),
            );
        }
    }
    Ok(set)
}

/// Whoever may run one of these can give itself back what is denied.
const ESCALATION: &[&str] =
    &["acl|setuser", "acl|deluser", "acl|load", "acl|save", "config|set", "config|rewrite", "module"];

/// The rules that take `denied` from what `rules` permit: as few as possible, whole commands first.
pub fn subtraction(line: &Line, rules: &[String], denied: &CommandSet) -> Vec<String> {
    let Ok(permitted) = evaluate(line, rules) else { return Vec::new() };
    if !permitted.intersects(denied) {
        return Vec::new();
    }
    let mut minus = Vec::new();
    let mut covered = BTreeSet::new();
    for id in permitted.both(denied) {
        let Some(command) = line.commands.get(id).filter(|_| !covered.contains(&id)) else { continue };
        let parent = command.name.split_once('|').and_then(|(parent, _)| Some((parent, line.command(parent)?)));
        let (name, first) = match parent {
            // The command itself may be denied although only its subcommand was granted.
            Some((parent, parent_id)) if denied.contains(parent_id) => (parent, parent_id),
            _ => (command.name, id),
        };
        covered.extend(line.with_subcommands(first));
        minus.push(format!("-{name}"));
    }
    minus
}

/// One set of permissions: the user's own, or a selector's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Key patterns in order; a pattern occurs once.
    pub keys: Vec<KeyPattern>,
    /// Channel patterns in order.
    pub channels: Vec<ChannelPattern>,
    /// Command rules in canonical form, the first is `-@all` or `+@all`. Thousands of users may share them.
    pub commands: Arc<Vec<String>>,
}

impl Permissions {
    /// The tokens of this set in an ACL file, in the order in which ACL SAVE writes them.
    pub fn tokens(&self) -> impl Iterator<Item = String> {
        self.patterns().chain(self.commands.iter().cloned())
    }

    /// The tokens of keys and channels, which come first.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        let all_keys = self.keys.iter().any(|key| key.read && key.write && key.pattern == "*");
        let keys = self.keys.iter().filter(move |_| !all_keys).map(|key| key_word(key.read, key.write, &key.pattern));
        let all_channels = self.channels.iter().any(|channel| channel.as_str() == "*");
        let channels = self.channels.iter().filter(move |_| !all_channels).map(|channel| format!("&{channel}"));
        let first = if all_channels { "&*" } else { "resetchannels" };
        all_keys.then(|| "~*".to_owned()).into_iter().chain(keys).chain([first.to_owned()]).chain(channels)
    }
}

/// A key pattern in the words of an ACL file.
pub fn key_word(read: bool, write: bool, pattern: &str) -> String {
    match (read, write) {
        (true, false) => format!("%R~{pattern}"),
        (false, true) => format!("%W~{pattern}"),
        _ => format!("~{pattern}"),
    }
}

/// Joins patterns that name the same keys, as the server does: `%R~a` and `%W~a` are `~a`.
pub fn merge_keys(keys: &[KeyPattern]) -> Vec<KeyPattern> {
    let mut index = BTreeMap::new();
    let mut merged: Vec<KeyPattern> = Vec::new();
    for key in keys {
        let place = *index.entry(key.pattern.as_str()).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(known) => {
                known.read |= key.read;
                known.write |= key.write;
            }
            None => merged.push(key.clone()),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::EngineVersion;
    use crate::profile::EngineKind;

    fn line(version: &str) -> &'static Line {
        let version: EngineVersion = version.parse().expect("version");
        crate::engine::line(EngineKind::Redis, version).expect("known line")
    }

    fn permits(line: &Line, rules: &[&str], command: &str) -> bool {
        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
        evaluate(line, &rules).expect("rules").contains(line.command(command).expect("command"))
    }

    #[test]
    fn rules_apply_in_order() {
        let line = line("7.4.11");
        assert!(permits(line, &["+@read"], "get"));
        assert!(!permits(line, &["+@read", "-get"], "get"));
        assert!(permits(line, &["+config|get"], "config|get"));
        assert!(!permits(line, &["+config|get"], "config|set"));
        assert!(permits(line, &["+config"], "config|set"));
        // The container ACL is in @slow, and brings ACL SETUSER along.
        assert!(permits(line, &["+@slow"], "acl|setuser"));
    }

    #[test]
    fn canonical_form_drops_what_is_superseded() {
        let rules = ["+config|get", "+config|set", "+get", "-config", "+get"].map(str::to_owned);
        assert_eq!(canonical(rules), ["-@all", "-config", "+get"]);
        assert_eq!(canonical(["+get", "+@all", "-keys"].map(str::to_owned)), ["+@all", "-keys"]);
    }

    #[test]
    fn denial_covers_relatives_and_subtracts_only_what_was_granted() {
        let line = line("7.4.11");
        let disabled: Vec<CommandName> =
            ["eval", "slaveof", "config"].iter().map(|name| name.parse().expect("name")).collect();
        let denied = denied(line, &disabled).expect("known");
        for name in ["eval_ro", "evalsha", "replicaof", "config|set", "script|load"] {
            assert!(denied.contains(line.command(name).expect("command")), "{name}");
        }
        let rules = ["+@all".to_owned()];
        let minus = subtraction(line, &rules, &denied);
        assert!(minus.contains(&"-config".to_owned()) && !minus.iter().any(|rule| rule.starts_with("-config|")));
        let after: Vec<String> = rules.iter().cloned().chain(minus).collect();
        assert_eq!(evaluate(line, &after).expect("rules").both(&denied), Vec::<usize>::new());
        assert_eq!(subtraction(line, &["+get".to_owned()], &denied), Vec::<String>::new());
    }

    #[test]
    fn six_two_knows_subcommands_as_first_arguments_only() {
        let line = line("6.2.16");
        assert!(evaluate(line, &["+client|setname".to_owned()]).is_ok());
        assert_eq!(evaluate(line, &["-config|set".to_owned()]), Err((0, Unknown::SubcommandDenial)));
    }
}
