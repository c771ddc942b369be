//! In: words of ACL rules. Out: one set of permissions, as the server holds it. Follows `ACLSetSelector` of each line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::ordered::Ordered;
use super::{Selected, look_up};
use crate::engine::{CommandSet, Line};

/// Why the server refuses a word; shown in the server's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not a word of ACLs.
    Syntax,
    /// No such command, subcommand or category.
    Unknown,
    /// A key pattern behind `~*`.
    KeyBehindAll,
    /// A channel pattern behind `&*`.
    ChannelBehindAll,
    /// Not 64 lower-case hexadecimal digits.
    Hash,
    /// A password to remove that is not there.
    NoSuchPassword,
    /// A first argument behind a subcommand.
    FirstArgument,
    /// `(` without `)`.
    Parenthesis,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Refusal::Syntax => "Syntax error",
            Refusal::Unknown => "Unknown command or category name in ACL",
            Refusal::KeyBehindAll => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect"
            }
            Refusal::ChannelBehindAll => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect"
            }
            Refusal::Hash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            Refusal::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            Refusal::FirstArgument => "Allowing first-arg of a subcommand is not supported",
            Refusal::Parenthesis => "Unmatched parenthesis in acl selector",
        })
    }
}

/// One set of permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Commands and subcommands that may be run with any arguments.
    pub commands: CommandSet,
    /// By command, the first arguments with which it may be run although it is not in `commands`. On 6.2 these are
    /// the subcommands too. Shared by users with the same rules.
    pub first_arguments: Arc<BTreeMap<usize, BTreeSet<String>>>,
    /// Key patterns; `*` for reading and writing is the only one then.
    pub keys: Ordered<KeyGrant>,
    /// Set by `~*`, and by no other pattern that matches as much.
    every_key: bool,
    /// Channel patterns; `*` is the only one then.
    pub channels: Ordered<Arc<str>>,
    /// Databases; all if none (Valkey from 9.1).
    pub databases: Option<BTreeSet<u32>>,
}

/// Keys of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyGrant {
    /// The glob.
    pub pattern: Arc<str>,
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
}

impl Grant {
    /// Nothing; on 6.2 all channels, whose default `acl-pubsub-default allchannels` is.
    pub fn nothing(line: &Line) -> Grant {
        let mut grant = Grant {
            commands: CommandSet::none(line.commands.len()),
            first_arguments: Arc::default(),
            keys: Ordered::default(),
            every_key: false,
            channels: Ordered::default(),
            databases: None,
        };
        if !line.has_selectors() {
            grant.every_channel();
        }
        grant
    }

    /// True if every key may be read and written.
    pub fn all_keys(&self) -> bool {
        self.every_key
    }

    /// True if every key may at least be read.
    pub fn reaches_every_key(&self) -> bool {
        self.keys.iter().any(|key| key.read && key.pattern.bytes().all(|byte| byte == b'*') && !key.pattern.is_empty())
    }

    /// True if some key pattern may be used so: read, written, or both by one pattern. 6.2 does not tell them apart.
    pub fn has_keys(&self, line: &Line, (read, write): (bool, bool)) -> bool {
        let (read, write) = (read && line.has_selectors(), write && line.has_selectors());
        self.keys.iter().any(|key| (key.read || !read) && (key.write || !write))
    }

    /// True if every channel may be used.
    pub fn all_channels(&self) -> bool {
        self.channels.contains("*")
    }

    fn every_channel(&mut self) {
        self.channels.clear();
        self.channels.insert("*", |name| name);
    }

    /// Applies one word, as `ACLSetSelector` does.
    ///
    /// # Errors
    /// The server refuses it; nothing is changed then.
    pub fn apply(&mut self, line: &Line, word: &str) -> Result<(), Refusal> {
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "allkeys" | "~*" => {
                self.every_key = true;
                self.keys.clear();
                self.keys.insert("*", |pattern| KeyGrant { pattern, read: true, write: true });
            }
            "resetkeys" => {
                self.every_key = false;
                self.keys.clear();
            }
            "allchannels" | "&*" => self.every_channel(),
            "resetchannels" => self.channels.clear(),
            "allcommands" => return self.command(line, "@all", true),
            "nocommands" => return self.command(line, "@all", false),
            "alldbs" if line.has_databases() => self.databases = None,
            "resetdbs" if line.has_databases() => self.databases = Some(BTreeSet::new()),
            _ => return self.pattern_or_command(line, word, &lower),
        }
        Ok(())
    }

    fn pattern_or_command(&mut self, line: &Line, word: &str, lower: &str) -> Result<(), Refusal> {
        // Lower-casing ASCII keeps the bytes' places.
        match word.as_bytes().first() {
            Some(b'+') => self.command(line, lower.get(1..).unwrap_or(""), true),
            Some(b'-') => self.command(line, lower.get(1..).unwrap_or(""), false),
            Some(b'~') => self.key(word.get(1..).unwrap_or(""), true, true),
            Some(b'%') if line.has_selectors() => {
                let (flags, pattern) =
                    word.get(1..).map(|rest| rest.split_once('~').unwrap_or((rest, ""))).ok_or(Refusal::Syntax)?;
                let has = |flag: char| flags.contains(flag) || flags.contains(flag.to_ascii_lowercase());
                let once = flags.to_ascii_lowercase();
                if !matches!(once.as_str(), "r" | "w" | "rw" | "wr") {
                    return Err(Refusal::Syntax);
                }
                self.key(pattern, has('R'), has('W'))
            }
            Some(b'&') => {
                let pattern = word.get(1..).unwrap_or("");
                if self.all_channels() {
                    return Err(Refusal::ChannelBehindAll);
                }
                if has_blanks(pattern) {
                    return Err(Refusal::Syntax);
                }
                self.channels.insert(pattern, |name| name);
                Ok(())
            }
            Some(b'd' | b'D') if line.has_databases() && lower.starts_with("db=") => {
                let list = lower.get(3..).unwrap_or("");
                let numbers = list.split(',').map(|number| number.parse().ok()).collect::<Option<BTreeSet<u32>>>();
                // The last list counts alone (measured on 9.1.2).
                self.databases = Some(numbers.ok_or(Refusal::Syntax)?);
                Ok(())
            }
            _ => Err(Refusal::Syntax),
        }
    }

    fn key(&mut self, pattern: &str, read: bool, write: bool) -> Result<(), Refusal> {
        if self.all_keys() {
            return Err(Refusal::KeyBehindAll);
        }
        if has_blanks(pattern) {
            return Err(Refusal::Syntax);
        }
        if let Some(key) = self.keys.get_mut(pattern) {
            key.read |= read;
            key.write |= write;
        } else {
            self.keys.insert(pattern, |pattern| KeyGrant { pattern, read, write });
        }
        Ok(())
    }

    fn command(&mut self, line: &Line, name: &str, allow: bool) -> Result<(), Refusal> {
        // A first argument can be allowed, never denied.
        if !allow && name.contains('|') && line.command(name).is_none() {
            return Err(Refusal::Unknown);
        }
        if let Some((command, argument)) = first_argument(line, name)? {
            // Idle where the whole command is allowed already, and gone when it is taken away.
            Arc::make_mut(&mut self.first_arguments).entry(command).or_default().insert(argument.to_owned());
            return Ok(());
        }
        match look_up(line, name).map_err(|_| Refusal::Unknown)? {
            Selected::Category(category) => {
                if allow {
                    self.commands.add(category);
                } else {
                    self.commands.remove(category);
                }
                if !self.first_arguments.is_empty() {
                    Arc::make_mut(&mut self.first_arguments).retain(|id, _| !category.contains(*id));
                }
            }
            Selected::Ids(ids) => {
                for id in ids {
                    if allow {
                        self.commands.insert(id);
                    } else {
                        self.commands.take(id);
                    }
                    if self.first_arguments.contains_key(&id) {
                        Arc::make_mut(&mut self.first_arguments).remove(&id);
                    }
                }
            }
        }
        Ok(())
    }

    /// True if a command may be run, as far as its name and first argument decide.
    pub fn permits(&self, id: usize, argument: Option<&str>) -> bool {
        let listed = |arguments: &BTreeSet<String>| {
            argument.is_some_and(|argument| arguments.iter().any(|known| known.eq_ignore_ascii_case(argument)))
        };
        self.commands.contains(id) || self.first_arguments.get(&id).is_some_and(listed)
    }
}

/// `command|first-argument` as its two parts; none if the name is a category, a command or a subcommand.
fn first_argument<'name>(line: &Line, name: &'name str) -> Result<Option<(usize, &'name str)>, Refusal> {
    if name.starts_with('@') || line.command(name).is_some() {
        return Ok(None);
    }
    // 6.2 cuts at the first bar, later lines at the last one.
    let cut = if line.has_subcommands() { name.rsplit_once('|') } else { name.split_once('|') };
    let Some((command, argument)) = cut else { return Ok(None) };
    let id = line.command(command).ok_or(Refusal::Unknown)?;
    if command.contains('|') {
        return Err(Refusal::FirstArgument);
    }
    if argument.is_empty() {
        return Err(Refusal::Syntax);
    }
    if line.with_subcommands(id).len() > 1 {
        return Err(Refusal::Unknown);
    }
    Ok(Some((id, argument)))
}

/// What C's `isspace` takes for a blank.
fn has_blanks(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0))
}
