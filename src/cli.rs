//! The command line, as clap types only.

use clap::{Args, Parser, Subcommand};

use crate::engine::EngineArgument;
use crate::finding::Severity;
use crate::format::{Address, Date};
use crate::output::{Format, ListFormat};

/// A compiler for Redis security: one profile in, a complete hardened deployment out.
#[derive(Debug, Parser)]
#[command(name = "redisgen", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How a profile is judged.
#[derive(Args, Clone, Debug)]
pub struct Judge {
    /// Fail on findings of this severity or worse: error, warning or info. By default error in
    /// development and warning in production; redisgen.toml can demand more.
    #[arg(long, value_name = "SEVERITY")]
    pub deny: Option<Severity>,
    /// The day to judge dates by, instead of today.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Profiles and where their artefacts are.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// Profiles, folders of profiles, or `-` for standard input; by default all that redisgen.toml lists.
    #[arg(value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// Output folder; with several profiles, each has a folder of its file's name below it. By default what redisgen.toml
    /// says, else `deploy`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<std::path::PathBuf>,
}

/// How rules are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RulesFormat {
    /// One line each.
    Human,
    /// One JSON document.
    Json,
    /// The page docs/rules.md.
    Markdown,
}

/// What `access` shows, and how.
#[derive(Args, Clone, Debug)]
pub struct AccessArguments {
    /// A profile, an ACL file, or `-` for standard input; with --diff, the old one and the new one. By default all
    /// profiles that redisgen.toml lists.
    #[arg(value_name = "FILE", num_args = 0..=2)]
    pub files: Vec<String>,
    /// Show what users gained or lost between two files, or between the profiles of two folders, as two commits of a
    /// project; ends with 1 if anybody gained anything.
    #[arg(long)]
    pub diff: bool,
    /// Read for this engine, as `redis-7.4`: an ACL file, or a profile as if it named it. With --diff, once for both
    /// files, or twice: for the old and for the new one.
    #[arg(long, value_name = "ENGINE")]
    pub engine: Vec<EngineArgument>,
    /// Refuse a profile with findings of this severity or worse.
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub deny: Severity,
    /// The day to judge dates by, instead of today.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = AccessFormat::Human)]
    pub format: AccessFormat,
}

/// How access is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum AccessFormat {
    /// For people.
    Human,
    /// One JSON document.
    Json,
    /// As in docs/ACCESS.md; with --diff, a list for a pull request.
    Markdown,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a commented starter profile, or write it to FILE.
    Init {
        /// development or production.
        #[arg(long, default_value = "production", value_parser = ["development", "production"])]
        environment: String,
        /// File to write; it must not exist.
        file: Option<std::path::PathBuf>,
    },
    /// Check profiles; writes nothing.
    Validate {
        /// Profiles, folders of profiles, or `-` for standard input; by default all that redisgen.toml lists.
        #[arg(value_name = "PROFILE")]
        profiles: Vec<String>,
        /// How to judge.
        #[command(flatten)]
        judge: Judge,
    },
    /// Write the deployment; make passwords and certificates that are missing.
    Build {
        /// What and where.
        #[command(flatten)]
        target: Target,
        /// How to judge.
        #[command(flatten)]
        judge: Judge,
        /// Make no passwords and certificates.
        #[arg(long)]
        no_secrets: bool,
        /// Make missing secrets again although others depend on them, and replace certificates that no
        /// longer fit the profile.
        #[arg(long, conflicts_with = "no_secrets")]
        reprovision: bool,
        /// Replace files that redisgen did not write.
        #[arg(long)]
        force: bool,
    },
    /// Show how the files on disk differ from what build would write.
    Diff {
        /// What and where.
        #[command(flatten)]
        target: Target,
        /// How to judge.
        #[command(flatten)]
        judge: Judge,
    },
    /// Show who may do what, by a profile or by an ACL file of anybody's.
    #[command(after_long_help = ACCESS_JSON)]
    Access(AccessArguments),
    /// Say why a rule exists and how to mend it, where a value of a profile comes from, who may connect, or who may run
    /// a command.
    Explain {
        /// A rule id, or a profile.
        subject: String,
        /// A place in the profile, as `network.allow[0].source`.
        path: Option<String>,
        /// Say whether this address may connect, by which entry, and which line of each packet filter decides.
        #[arg(long, value_name = "ADDRESS", conflicts_with = "path")]
        source: Option<Address>,
        /// With --command: the user that sends it.
        #[arg(long, value_name = "NAME", requires = "command", conflicts_with_all = ["path", "source"])]
        user: Option<String>,
        /// Say whether this command would be run, by which rule of the user, and what the server answers if not.
        #[arg(long, value_name = "COMMAND", requires = "user")]
        command: Option<String>,
    },
    /// List known vulnerabilities of Redis and Valkey: first fixed builds, what holds each, sources.
    #[command(after_long_help = ADVISORIES_JSON)]
    Advisories {
        /// What applies to one build, as `redis-7.4.5`, or all that a line ever had, as `redis-7.4`.
        #[arg(long, value_name = "ENGINE")]
        engine: Option<EngineArgument>,
        /// How the list is printed.
        #[arg(long, value_enum, default_value_t = ListFormat::Human)]
        format: ListFormat,
    },
    /// List all rules; `explain RULE` says more of one.
    Rules {
        /// How the list is printed. JSON: {version, rules: [{id, title, severity: {development, production}, why, fix,
        /// source, waivable}]}.
        #[arg(long, value_enum, default_value_t = RulesFormat::Human)]
        format: RulesFormat,
    },
    /// Print the JSON Schema of profiles.
    Schema,
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of one command if named.
    Man {
        /// A command.
        command: Option<String>,
    },
}

/// What the manual page says of `advisories --format json`; no line is longer than the help is wide.
const ADVISORIES_JSON: &str = "\
The JSON of `--format json` is one object:
  version     1
  date        day of the newest source
  engine      what --engine named, else null
  lines       [{engine, line, safe_build, end_of_life, note, caution, sources}]
              safe_build: from it on nothing is known; null if the line has none
              end_of_life: null if no source says
  advisories  [{id, also, what, who, only, fixed, held_by, held_by_inferred, conflict, sources}]
              who: anyone, user or local
              only: builds that are not the official images, else null
              fixed: [{engine, line, status, build, inferred}]
                status: fixed, none (never) or unknown (not stated); build: null unless fixed
              held_by: any one of these keeps it out of reach: {deny: [...]},
                {deny_to_key_limited: [...]}, {setting, value}, {exposure: true}, {mutual_tls: true}
  not_stated  ids of which no source says whether the line of --engine has them";

/// What the manual page says of `access --format json`; no line is longer than the help is wide.
const ACCESS_JSON: &str = "\
The JSON of `--format json` is one object:
  engine   the line that the file was read for
  renamed  commands that redis.conf renames away, if there are any
  users    {NAME: {enabled, login, sanitize_payload, commands, keys, channels, databases, dangers,
           selectors}}
           login: never, password or anything
           sanitize_payload: false if RESTORE does not check what this user hands in
           commands: what can be run; subcommands as config|get, first arguments as select|0
           keys: [{pattern, read, write}]
           databases: where a user is limited to some (Valkey from 9.1)
           dangers: [{can, by: [{rule, names}]}]
           selectors: [{commands, keys, channels, databases, dangers}]
With --diff it is {old, new, users: {NAME: {gained, lost, new_passwords}}}. Gained and lost have
login, can: [{what, commands}], flags, commands, keys, channels, databases and selectors, where
there are any; keys and channels in the words of an ACL file.
Of a whole project, or of two folders, it is {profiles: {NAME: the object above}}.";
