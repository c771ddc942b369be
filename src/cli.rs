//! The command line, as clap types only.

use clap::{Args, Parser, Subcommand};

use crate::engine::EngineArgument;
use crate::finding::Severity;
use crate::format::{Address, Date};
use crate::output::{Format, ListFormat};

/// A compiler for Redis security: one profile in, a complete hardened deployment out.
#[derive(Debug, Parser)]
#[command(name = "redisgen", version, max_term_width = 100, arg_required_else_help = true, after_long_help = EXIT_CODES)]
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

/// What `validate` reports, and whether it mends.
#[derive(Args, Clone, Debug)]
pub struct Review {
    /// Report and judge these rules only; several with commas. A profile that cannot be loaded is refused with all that
    /// stands in the way, and `build` asks every rule: there, `waivers` accept a finding.
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule)]
    pub only: Vec<&'static str>,
    /// Leave these rules out, after --only.
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule)]
    pub except: Vec<&'static str>,
    /// Mend, in the file itself, what makes a profile unreadable where only one thing can be meant: a slip in a key or word,
    /// `yes` for `true`, missing or needless quotes. Words of `role` and `exposure` are left to you: a wrong guess would give
    /// rights away. Comments and everything else stay; nothing is written if the result would raise anything new. A profile that can be loaded is never changed, nor is a file without the line `version: 1`.
    /// What `extends` names is left alone unless it is given, too.
    #[arg(long)]
    pub fix: bool,
}

fn rule(id: &str) -> Result<&'static str, String> {
    if let Some(rule) = crate::rules::find(id) {
        return Ok(rule.id);
    }
    let near = crate::schema::nearest(id, crate::rules::all().map(|rule| rule.id));
    let meant = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Err(format!("there is no such rule, `redisgen rules` lists them{meant}"))
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

/// A deployment that is kept: its profiles, its trees, and how strictly the profiles are judged.
#[derive(Args, Clone, Debug)]
pub struct Keeper {
    /// What and where.
    #[command(flatten)]
    pub target: Target,
    /// Refuse a profile with findings of this severity or worse.
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub deny: Severity,
    /// The day to judge dates by, instead of today.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
}

/// What to do with certificates.
#[derive(Clone, Debug, Subcommand)]
pub enum CertsCommand {
    /// Show every certificate: its end, names, chain, key, modes, against the profile. Ends with 1 if anything is wrong or
    /// is to be renewed.
    #[command(after_long_help = CERTS_JSON)]
    Status {
        /// Of what.
        #[command(flatten)]
        keeper: Keeper,
        /// How the list is printed.
        #[arg(long, value_enum, default_value_t = ListFormat::Human)]
        format: ListFormat,
    },
    /// Make certificates again that end within `tls.renew_before` or do not fit the profile; the authority stays.
    Renew {
        /// Of what.
        #[command(flatten)]
        keeper: Keeper,
        /// Make all of them again.
        #[arg(long)]
        force: bool,
        /// Keep the keys, where they are of the profile's kind, in place of new ones.
        #[arg(long)]
        keep_keys: bool,
    },
    /// Change the authority in three steps, with both trusted between the first and the last: to a new one, or to the one of
    /// `tls.authority`. It is also the answer to a lost client certificate, since Redis reads no revocation list.
    Rollover {
        /// Which step.
        step: crate::provision::rollover::Step,
        /// Of what.
        #[command(flatten)]
        keeper: Keeper,
    },
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

/// What `report` shows, and how.
#[derive(Args, Clone, Debug)]
pub struct ReportArguments {
    /// A profile, a folder of profiles, or `-` for standard input; all of the project if absent.
    #[arg(value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Write one self-contained page, `-` for standard output, with the topology, the access matrix and known vulnerabilities, too. A file that
    /// redisgen did not write is not replaced.
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    pub html: Option<std::path::PathBuf>,
    /// Refuse a profile with findings of this severity or worse.
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub deny: Severity,
    /// The day to judge dates by, instead of today.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = ListFormat::Human)]
    pub format: ListFormat,
}

/// What `verify` proves, and with what.
#[cfg(feature = "verify")]
#[derive(Args, Clone, Debug)]
pub struct VerifyArguments {
    /// A profile, or `-` for standard input; all of the project if absent.
    #[arg(value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Prove this tree, edited or not; it is only read. By default that of the project file, where it is there, else one
    /// built for the purpose.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<std::path::PathBuf>,
    /// Run these levels only; several with commas. By default all but compose, which runs the image that the profile
    /// names.
    #[arg(long, value_name = "LEVEL", value_delimiter = ',', value_enum)]
    pub level: Vec<crate::verify::level::Level>,
    /// Run these levels too, and fail if anything in them could not be run.
    #[arg(long, value_name = "LEVEL", value_delimiter = ',', value_enum)]
    pub require: Vec<crate::verify::level::Level>,
    /// The redis-server or valkey-server to start, in place of the one on PATH.
    #[arg(long, value_name = "FILE")]
    pub server: Option<std::path::PathBuf>,
    /// The image to run at level compose, in place of the profile's.
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Where level terraform finds providers: a folder that `terraform providers mirror FOLDER` made. Nothing is fetched.
    #[arg(long, value_name = "DIR")]
    pub providers: Option<std::path::PathBuf>,
    /// Compare this running server with the profile: rediss://HOST:PORT, or redis:// without TLS. Nothing is changed there.
    /// Alone it runs level live only.
    #[arg(long, value_name = "URL")]
    pub against: Option<crate::live::target::Url>,
    /// Log in to it as this user; what the user may not see is told as not run.
    #[arg(long, value_name = "NAME", requires = "against")]
    pub user: Option<String>,
    /// The file with its password; by default that of --dir, else the variable `REDISCLI_AUTH`.
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<std::path::PathBuf>,
    /// The authority's certificate; by default that of --dir.
    #[arg(long, value_name = "FILE", requires = "against")]
    pub ca: Option<std::path::PathBuf>,
    /// The user's certificate; by default that of --dir.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<std::path::PathBuf>,
    /// The key of --cert.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<std::path::PathBuf>,
    /// Keep the JSON of --format json in this file, too.
    #[arg(long, value_name = "FILE")]
    pub evidence: Option<std::path::PathBuf>,
    /// Refuse a profile with findings of this severity or worse.
    #[arg(long, value_name = "SEVERITY")]
    pub deny: Option<Severity>,
    /// The day to judge dates by, instead of today.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = ListFormat::Human)]
    pub format: ListFormat,
    /// This is a proof that another one started in namespaces of its own.
    #[arg(long, hide = true)]
    pub inside: bool,
}

/// The server that `apply` changes, and how far.
#[cfg(feature = "verify")]
#[derive(Args, Clone, Debug)]
pub struct ApplyArguments {
    /// A profile, or `-` for standard input; by default the one that redisgen.toml lists.
    #[arg(value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Folder of its artefacts, as they were built. By default what redisgen.toml says, else `deploy`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<std::path::PathBuf>,
    /// The running server: rediss://HOST:PORT, or redis:// without TLS.
    #[arg(long, value_name = "URL")]
    pub against: crate::live::target::Url,
    /// Change it as this user, of role admin.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// The file with the password of --user; by default the one in the tree.
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<std::path::PathBuf>,
    /// The authority's certificate; by default the one in the tree.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<std::path::PathBuf>,
    /// The certificate of --user; by default the one in the tree.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<std::path::PathBuf>,
    /// The key of --cert.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<std::path::PathBuf>,
    /// Show the steps, change nothing; ends with 1 if there are some.
    #[arg(long)]
    pub dry_run: bool,
    /// Refuse a profile with findings of this severity or worse.
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub deny: Severity,
    /// The day to judge dates by, instead of today.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
    /// How the steps are printed.
    #[arg(long, value_enum, default_value_t = ListFormat::Human)]
    pub format: ListFormat,
}

/// What `secrets status` and `secrets seal` look at.
#[derive(Args, Clone, Debug)]
pub struct SecretsArguments {
    /// Of what.
    #[command(flatten)]
    pub keeper: Keeper,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = ListFormat::Human)]
    pub format: ListFormat,
}

/// Whose passwords `secrets rotate` replaces, and how far it goes.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct RotateArguments {
    /// A profile, or `-` for standard input; by default the one that redisgen.toml lists.
    #[arg(value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Folder of its artefacts. By default what redisgen.toml says, else `deploy`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<std::path::PathBuf>,
    /// Replace the passwords of these users only, services' as `health` included; may be given again. By default everybody's.
    #[arg(long, value_name = "NAME")]
    pub user: Vec<String>,
    /// Stop when both passwords are sealed, before clients are given the new one. Without --against the server is taught
    /// then, by the commands that this prints, and nobody is refused.
    #[arg(long, conflicts_with_all = ["finish", "rollback"])]
    pub prepare: bool,
    /// Take the old passwords away.
    #[arg(long, conflicts_with = "rollback")]
    pub finish: bool,
    /// Give clients the old passwords back and take the new ones away.
    #[arg(long)]
    pub rollback: bool,
    /// Print all steps for this deployment, as commands; change nothing.
    #[arg(long, conflicts_with_all = ["prepare", "finish", "rollback"])]
    pub plan: bool,
    /// The running server, which is taught at once: rediss://HOST:PORT, or redis:// without TLS.
    #[cfg(feature = "verify")]
    #[arg(long, value_name = "URL", requires = "login")]
    pub against: Option<crate::live::target::Url>,
    /// Change its users as this user, of role admin.
    #[cfg(feature = "verify")]
    #[arg(long = "as", id = "login", value_name = "NAME", requires = "against")]
    pub login: Option<String>,
    /// The file with the password of --as; by default the one in the tree.
    #[cfg(feature = "verify")]
    #[arg(long, value_name = "FILE", requires = "against")]
    pub password_file: Option<std::path::PathBuf>,
    /// The authority's certificate; by default the one in the tree.
    #[cfg(feature = "verify")]
    #[arg(long, value_name = "FILE", requires = "against")]
    pub ca: Option<std::path::PathBuf>,
    /// The certificate of --as; by default the one in the tree.
    #[cfg(feature = "verify")]
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<std::path::PathBuf>,
    /// The key of --cert.
    #[cfg(feature = "verify")]
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<std::path::PathBuf>,
    /// Refuse a profile with findings of this severity or worse.
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub deny: Severity,
    /// The day to judge dates by, instead of today.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
}

/// What to do with passwords.
#[derive(Clone, Debug, Subcommand)]
pub enum SecretsCommand {
    /// Show the age of each password and what needs a hand; ends with 1 if anything does. The age is that of the file: a
    /// copy that does not keep dates looks new.
    #[command(after_long_help = STATUS_JSON)]
    Status(SecretsArguments),
    /// Check the password files that something else put there, and seal them; makes none.
    Seal(SecretsArguments),
    /// Replace passwords while clients go on: the new one into `password`, the old one into `password.old`, both sealed
    /// until --finish. Run again, it goes on where it was interrupted.
    Rotate(Box<RotateArguments>),
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
    /// Check profiles; writes nothing but with --fix.
    #[command(after_long_help = FINDINGS_JSON)]
    Validate {
        /// Profiles, folders of profiles, or `-` for standard input; by default all that redisgen.toml lists.
        #[arg(value_name = "PROFILE")]
        profiles: Vec<String>,
        /// How to judge.
        #[command(flatten)]
        judge: Judge,
        /// What to report, and mending.
        #[command(flatten)]
        review: Review,
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
    /// Show, renew and replace certificates.
    Certs {
        /// What to do.
        #[command(subcommand)]
        command: CertsCommand,
    },
    /// Show how the files on disk differ from what build would write, and what the running server needs then.
    #[command(after_long_help = DIFF_JSON)]
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
    /// Show what holds and what does not: the production checklist with its evidence, the attacks, the controls.
    #[command(after_long_help = REPORT_JSON)]
    Report(ReportArguments),
    /// Prove it: start the real consumers on the deployment and show what held. Runs what the tree holds, scripts
    /// included: give it a --dir only that you would deploy.
    #[cfg(feature = "verify")]
    #[command(after_long_help = VERIFY_JSON)]
    Verify(Box<VerifyArguments>),
    /// Bring a running server to the profile without a restart where that is possible: users, settings, certificates. The
    /// tree must be built, so that a restart brings the same. Ends with 1 if something is left, as a restart.
    #[cfg(feature = "verify")]
    #[command(after_long_help = APPLY_JSON)]
    Apply(Box<ApplyArguments>),
    /// Passwords: their state, sealing what others put there, replacing them without an interruption.
    Secrets {
        /// What to do.
        #[command(subcommand)]
        command: SecretsCommand,
    },
    /// List all rules; `explain RULE` says more of one.
    Rules {
        /// How the list is printed. JSON: {version, rules: [{id, title, severity: {development, production}, why, fix,
        /// source, waivable, topic, guide, threats, controls}]}; the last three are lists.
        #[arg(long, value_enum, default_value_t = RulesFormat::Human)]
        format: RulesFormat,
    },
    /// Print the JSON Schema of profiles, or the defaults of an environment.
    Schema {
        /// Print the profile that holds the defaults of development or production; findings cite its lines.
        #[arg(long, value_name = "ENVIRONMENT", value_parser = ["development", "production"])]
        defaults: Option<String>,
    },
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

/// What the manual page says of exit codes.
const EXIT_CODES: &str = "\
Exit codes:
  0  fine; `explain` whatever it finds
  1  findings at or above `--deny`, drift, access that was gained, or a proof that failed
  2  the command could not do its work: usage, a path that cannot be opened or written";

/// What the manual page says of `report --format json`; no line is longer than the help is wide.
const REPORT_JSON: &str = "\
The JSON of `--format json` is one object, for a whole project {profiles: {NAME: object}}:
  version      1
  name, environment, engine, exposure
  counts       {held, not_held, outside}
  checklist    [{title, items: [{id, text, state, word, note, evidence, controls}]}]
               state: held, not-held or outside; evidence: [{file, line, test}]
  attacks      [{title, what, mitigations: [{id, text, state, word, note}], remains, code}]
               id: an item of the checklist, or null for what is the application's
  regimes      of the profile's `compliance`:
               [{name, controls: [{id, asks, items: [{id, text, state, word}]}]}]
  waivers      [{rule, reason, until}]";

/// What the manual page says of `verify --format json`; no line is longer than the help is wide.
#[cfg(feature = "verify")]
const VERIFY_JSON: &str = "\
The JSON of `--format json` and `--evidence` is one object:
  version    1
  generator  the version of redisgen
  profiles   [{profile, digest, engine, dir, own_secrets, started, ended, passed, interrupted,
             required, judges, checks, artefacts}]
             digest: SHA-256 of the resolved profile
             dir: the tree that was proven, or null if it was built for the proof
             own_secrets: true if passwords and certificates were made for the proof
             judges: {PROGRAM: VERSION}, what judged
             checks: [{level, id, title, state, seen, remedy, millis}]
               state: held, failed, not-run or advice
             artefacts: {PATH: SHA-256}, what was judged
  refused    [{profile, verdict}], profiles that cannot be built: nothing was started then";

/// What the manual page says of `certs status --format json`; no line is longer than the help is wide.
const CERTS_JSON: &str = "\
The JSON of `--format json` is one object:
  version   1
  profiles  [{profile, dir, certificates}]
            certificates: [{file, subject, names, not_before, not_after, days, problems}]
              days: whole ones until the end; negative after it
              problems: in words; none if all is well";

/// What the manual page says of `diff --format json`; no line is longer than the help is wide.
const DIFF_JSON: &str = "\
The JSON of `--format json` is that of `validate`, and one key more:
  needs     [{profile, out, steps: [{need, subject, what}]}], of each profile that is not refused
            need: acl-deluser, acl-setuser, config-set (`apply` does these), tls-reload (after
              `certs renew`), restart (of the container as it is), recreate (docker compose up),
              firewall (firewall/apply.sh); no steps: nothing";

/// What the manual page says of `apply --format json`; no line is longer than the help is wide.
#[cfg(feature = "verify")]
const APPLY_JSON: &str = "\
The JSON of `--format json` is one object:
  version   1
  profile   as it was named
  dry_run   true if nothing was to be changed
  steps     [{need, subject, what, state}], in order
            need: acl-deluser, acl-setuser, client-kill, config-set, tls-reload,
              restart (of the container as it is), recreate (docker compose up)
            state: done, left";

/// What the manual page says of `secrets status --format json`; no line is longer than the help is wide.
const STATUS_JSON: &str = "\
The JSON of `--format json` is one object:
  version   1
  profiles  [{profile, out, rotation, problems, users}]
            rotation: {phase, began, users}, or null if none is pending
            problems: [{id, what}], of the folder and the sealed file
            users: [{name, file, age_days, problems}]
              age_days: since the last change of the file; null if it is missing";

/// What the manual page says of `--format json`; no line is longer than the help is wide.
const FINDINGS_JSON: &str = "\
The JSON of `--format json` is one object, for all profiles:
  version   1
  findings  [{rule, severity, message, path, file, line, column, end_line, end_column, help,
            related, fix}]
            severity: error, warning or info
            path: of the value in the profile, as network.allow[0].source; empty for the whole file
            line, column: from 1; columns count characters; the end is the first that is outside
            help: what to write, or null
            related: [{file, line, message}], as where a default stands
            fix: {line, column, end_line, end_column, text}, an edit that is certain, or null
  omitted   {error, warning, info, exact}: findings that are not listed, since there are many
            exact: false if nobody looked for more
  waived    how many findings `waivers` of the profiles accept";

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
