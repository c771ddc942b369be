//! What each line of Redis and Valkey knows: directives with types and bounds, commands with ACL
//! categories. The data files were read from running servers; each says which.

mod argument;
mod command_set;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::format::EngineVersion;
use crate::profile::EngineKind;

pub use argument::EngineArgument;
pub use command_set::CommandSet;

/// Major and minor version.
pub type LineNumber = (u16, u16);

struct Row {
    kind: EngineKind,
    number: LineNumber,
    facts: &'static str,
    parsed: OnceLock<Line>,
}

macro_rules! rows {
    ($($kind:ident $name:literal $major:literal $minor:literal)*) => {
        const LINES: usize = [$($name),*].len();
        static ROWS: [Row; LINES] = [$(Row {
            kind: EngineKind::$kind,
            number: ($major, $minor),
            facts: include_str!(concat!("engine/facts/", $name, "-", $major, ".", $minor, ".tsv")),
            parsed: OnceLock::new(),
        }),*];
    };
}

rows! {
    Redis "redis" 6 2
    Redis "redis" 7 0
    Redis "redis" 7 2
    Redis "redis" 7 4
    Redis "redis" 8 0
    Redis "redis" 8 2
    Redis "redis" 8 4
    Redis "redis" 8 6
    Redis "redis" 8 8
    Redis "redis" 8 10
    Valkey "valkey" 7 2
    Valkey "valkey" 8 0
    Valkey "valkey" 8 1
    Valkey "valkey" 9 0
    Valkey "valkey" 9 1
}

/// Type of a directive's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectiveType {
    /// `yes` or `no`.
    Bool,
    /// A whole number.
    Int,
    /// Bytes, with Redis's units (`512mb`).
    Memory,
    /// A share (`10%`) or bytes.
    Percent,
    /// One of a few words.
    Enum,
    /// Text.
    Text,
    /// Several words, or a parser of its own: not for `config`.
    Other,
}

/// One directive of redis.conf on one line.
#[derive(Debug)]
pub struct Directive {
    /// Type of the value.
    pub kind: DirectiveType,
    /// Value that the server takes without it.
    pub default: &'static str,
    /// Least value.
    pub min: Option<i128>,
    /// Greatest value.
    pub max: Option<i128>,
    /// Words of an enum.
    pub values: Vec<&'static str>,
    /// Accepted but without effect.
    pub ignored: bool,
    /// CONFIG SET can change it.
    pub mutable: bool,
    /// CONFIG SET can change it only where `enable-protected-configs` permits that.
    pub protected: bool,
    /// The name that counts, for an alias.
    pub alias: Option<&'static str>,
}

/// Name of a command as a line has it, or with a first argument behind a bar.
pub type Name = Cow<'static, str>;

/// One command or subcommand.
#[derive(Debug)]
pub struct Command {
    /// `get` or `config|get`.
    pub name: &'static str,
    /// ACL categories.
    pub categories: Vec<&'static str>,
}

/// One line of an engine.
#[derive(Debug)]
pub struct Line {
    /// Implementation.
    pub kind: EngineKind,
    /// Major and minor.
    pub number: LineNumber,
    /// Among all lines.
    place: usize,
    directives: BTreeMap<&'static str, Directive>,
    /// Sorted by command, then by subcommand, so that subcommands follow their command: as text, `commandlog` would
    /// stand between `command` and `command|count`. The index is the command's id.
    pub commands: Vec<Command>,
    /// By id: where a command's subcommands end.
    ends: Vec<usize>,
    ids: BTreeMap<&'static str, usize>,
    categories: BTreeMap<&'static str, CommandSet>,
}

/// The facts of a version's line.
pub fn line(kind: EngineKind, version: EngineVersion) -> Option<&'static Line> {
    let (place, row) = ROWS.iter().enumerate().find(|(_, row)| row.kind == kind && row.number == version.line)?;
    Some(row.parsed.get_or_init(|| parse(place, row)))
}

/// What follows from a line alone: worked out when first asked for, once in a process.
#[derive(Debug)]
pub struct PerLine<T>([OnceLock<T>; LINES]);

impl<T> PerLine<T> {
    /// Nothing worked out yet.
    pub const fn empty() -> PerLine<T> {
        PerLine([const { OnceLock::new() }; LINES])
    }

    /// For a line, by `work` if it is asked for the first time. A function, which holds nothing else that it could follow from.
    #[expect(clippy::indexing_slicing, reason = "a line's place is its row's")]
    pub fn of(&self, line: &Line, work: fn(&Line) -> T) -> &T {
        self.0[line.place].get_or_init(|| work(line))
    }
}

/// True if there are facts of a line; does not read them, which takes a while.
pub fn is_known(kind: EngineKind, number: LineNumber) -> bool {
    ROWS.iter().any(|row| row.kind == kind && row.number == number)
}

/// All lines, parsed.
pub fn lines() -> impl Iterator<Item = &'static Line> {
    ROWS.iter().enumerate().map(|(place, row)| row.parsed.get_or_init(|| parse(place, row)))
}

/// The known lines of an engine, as `7.4`.
pub fn known_lines(kind: EngineKind) -> Vec<String> {
    ROWS.iter().filter(|row| row.kind == kind).map(|row| format!("{}.{}", row.number.0, row.number.1)).collect()
}

fn parse(place: usize, row: &Row) -> Line {
    let mut line = Line {
        kind: row.kind,
        number: row.number,
        place,
        directives: BTreeMap::new(),
        commands: Vec::new(),
        ends: Vec::new(),
        ids: BTreeMap::new(),
        categories: BTreeMap::new(),
    };
    for text in row.facts.lines() {
        let mut fields = text.split('\t');
        let mut field = || fields.next().unwrap_or("");
        match (field(), field()) {
            ("d", name) => {
                let directive = directive(field);
                line.directives.insert(name, directive);
            }
            ("c", name) => {
                let categories = field();
                line.commands.push(Command {
                    name,
                    categories: if categories == "-" { Vec::new() } else { categories.split(',').collect() },
                });
            }
            _ => {}
        }
    }
    line.commands.sort_by(|a, b| a.name.split('|').cmp(b.name.split('|')));
    line.ends = ends(&line.commands);
    line.ids = line.commands.iter().enumerate().map(|(id, command)| (command.name, id)).collect();
    line.categories = categories(&line);
    line
}

/// By command, where those end that are `command|…`.
fn ends(commands: &[Command]) -> Vec<usize> {
    let below =
        |of: &Command, command: &Command| command.name.strip_prefix(of.name).is_some_and(|rest| rest.starts_with('|'));
    let end = |(id, of)| id + 1 + commands.iter().skip(id + 1).take_while(|command| below(of, command)).count();
    commands.iter().enumerate().map(end).collect()
}

/// Reads the fields behind a directive's name: type, default, bounds, values, flags, name that counts.
fn directive(mut field: impl FnMut() -> &'static str) -> Directive {
    let kind = directive_type(field());
    let default = field();
    let (min, max) = (field().parse().ok(), field().parse().ok());
    let (values, flags, alias) = (field(), field(), field());
    Directive {
        kind,
        default: if default == "\"\"" { "" } else { default },
        min,
        max,
        values: if values == "-" { Vec::new() } else { values.split(' ').collect() },
        ignored: flags.contains("ignored"),
        mutable: flags.split(',').any(|flag| flag == "mutable"),
        protected: flags.split(',').any(|flag| flag == "protected"),
        alias: Some(alias).filter(|alias| *alias != "-"),
    }
}

/// As `ACLSetSelectorCommandBitsForCategory`: a command of a category brings its subcommands along.
fn categories(line: &Line) -> BTreeMap<&'static str, CommandSet> {
    let mut sets = BTreeMap::new();
    for (id, command) in line.commands.iter().enumerate() {
        for category in command.categories.iter().copied().chain(["all"]) {
            let set = sets.entry(category).or_insert_with(|| CommandSet::none(line.commands.len()));
            line.with_subcommands(id).for_each(|id| set.insert(id));
        }
    }
    sets
}

fn directive_type(word: &str) -> DirectiveType {
    match word {
        "bool" => DirectiveType::Bool,
        "int" => DirectiveType::Int,
        "memory" => DirectiveType::Memory,
        "percent" => DirectiveType::Percent,
        "enum" => DirectiveType::Enum,
        "string" => DirectiveType::Text,
        _ => DirectiveType::Other,
    }
}

impl Line {
    /// A directive, if this line knows it.
    pub fn directive(&self, name: &str) -> Option<&Directive> {
        self.directives.get(name)
    }

    /// Names of all directives.
    pub fn directive_names(&self) -> impl Iterator<Item = &'static str> {
        self.directives.keys().copied()
    }

    /// Id of a command or subcommand.
    pub fn command(&self, name: &str) -> Option<usize> {
        self.ids.get(name).copied()
    }

    /// A command and its subcommands, by id.
    pub fn with_subcommands(&self, id: usize) -> std::ops::Range<usize> {
        id..self.ends.get(id).copied().unwrap_or(id + 1)
    }

    /// The commands of a category; `all` has every command.
    pub fn category(&self, name: &str) -> Option<&CommandSet> {
        self.categories.get(name)
    }

    /// True if subcommands are first-class: they can be denied one by one (from 7.0).
    pub const fn has_subcommands(&self) -> bool {
        self.number.0 >= 7
    }

    /// Selectors, and key patterns for reading or writing only, exist from 7.0.
    pub const fn has_selectors(&self) -> bool {
        self.number.0 >= 7
    }
}

impl Line {
    /// Permissions can name databases (Valkey from 9.1).
    pub fn has_databases(&self) -> bool {
        self.kind == EngineKind::Valkey && self.number >= (9, 1)
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}-{}.{}", self.kind.word(), self.number.0, self.number.1)
    }
}

impl Directive {
    /// Checks one value as the server would.
    ///
    /// # Errors
    /// What is expected.
    pub fn check(&self, value: &str) -> Result<(), String> {
        let bounds = |number: Option<i128>, what: &str| match number {
            Some(number) if self.min.is_none_or(|min| number >= min) && self.max.is_none_or(|max| number <= max) => {
                Ok(())
            }
            _ => Err(match (self.min, self.max) {
                (Some(min), Some(max)) => format!("expected {what} from {min} to {max}"),
                (Some(min), None) => format!("expected {what} of at least {min}"),
                _ => format!("expected {what}"),
            }),
        };
        match self.kind {
            DirectiveType::Bool => bool_word(value),
            DirectiveType::Int => bounds(whole(value), "a whole number"),
            DirectiveType::Memory => bounds(memory(value), "bytes, as `64mb`,"),
            DirectiveType::Percent if value.ends_with('%') => {
                let share = value.strip_suffix('%').and_then(whole).filter(|share| (0..=100).contains(share));
                share.map(drop).ok_or_else(|| "expected a share from 0% to 100%".to_owned())
            }
            DirectiveType::Percent => bounds(memory(value), "a share, as `10%`, or bytes"),
            DirectiveType::Enum if self.values.contains(&value) => Ok(()),
            DirectiveType::Enum => Err(format!("expected one of {}", self.values.join(", "))),
            DirectiveType::Text => Ok(()),
            DirectiveType::Other => {
                Err("its value has a grammar of its own, which redisgen does not check yet".to_owned())
            }
        }
    }
}

fn bool_word(value: &str) -> Result<(), String> {
    if matches!(value, "yes" | "no") { Ok(()) } else { Err("expected `yes` or `no`".to_owned()) }
}

/// A whole number in Redis's grammar; all are 64 bits.
fn whole(value: &str) -> Option<i128> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    // As string2ll in util.c: no sign `+`, no leading zeros, no `-0`.
    let plain = value == "0" || (digits.starts_with(|sign: char| sign.is_ascii_digit()) && !digits.starts_with('0'));
    value.parse::<i64>().ok().filter(|_| plain).map(i128::from)
}

/// Bytes in Redis's units: `k` is 1000 and `kb` is 1024 (memtoull in util.c); none if it is no number of bytes.
pub fn memory(value: &str) -> Option<i128> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let factor: i128 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    whole(number).and_then(|number| number.checked_mul(factor)).filter(|bytes| *bytes <= i128::from(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_what_each_server_has() {
        assert_eq!(lines().count(), 15);
        for line in lines() {
            for name in ["aclfile", "bind", "maxmemory", "tls-port", "protected-mode"] {
                assert!(line.directive(name).is_some(), "{line} lacks {name}");
            }
            assert!(line.command("get").is_some() && line.commands.len() > 200, "{line}");
            assert_eq!(line.command("config|get").is_some(), line.has_subcommands(), "{line}");
        }
    }

    #[test]
    fn a_command_comes_with_all_its_subcommands() {
        for line in lines() {
            for (id, command) in line.commands.iter().enumerate() {
                let Some((parent, _)) = command.name.split_once('|') else { continue };
                let parent = line.command(parent).expect("a parent");
                assert!(line.with_subcommands(parent).contains(&id), "{line}: {}", command.name);
            }
        }
    }

    #[test]
    fn defaults_of_servers_pass_their_own_checks() {
        for line in lines() {
            for name in line.directive_names() {
                let directive = line.directive(name).expect("listed");
                let checked =
                    !matches!(directive.kind, DirectiveType::Other) && directive.default != "-" && !directive.ignored;
                if checked {
                    assert_eq!(directive.check(directive.default), Ok(()), "{line} {name} {}", directive.default);
                }
            }
        }
    }

    #[test]
    fn units_are_those_of_redis() {
        assert_eq!(memory("512mb"), Some(512 << 20));
        assert_eq!(memory("512m"), Some(512_000_000));
        for bad in ["512Mi", "0.5gb", "", "mb", "-1", "1 mb"] {
            assert_eq!(memory(bad), None, "{bad}");
        }
    }
}
