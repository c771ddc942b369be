//! What each command takes.

use clap::Args;

use crate::engine::EngineArgument;
use crate::finding::Severity;
use crate::format::Date;
use crate::output::{Format, ListFormat};

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

/// What a command asks of a profile before it works with it.
#[derive(Args, Clone, Copy, Debug)]
pub struct Strictness {
    /// Refuse a profile with findings of this severity or worse.
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub deny: Severity,
    /// The day to judge dates by, instead of today.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
}

impl Strictness {
    /// As `build` judges, for people.
    pub fn judge(self) -> Judge {
        Judge { deny: Some(self.deny), as_of: self.as_of, format: Format::Human }
    }
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
    /// How strictly.
    #[command(flatten)]
    pub strictness: Strictness,
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
    /// How strictly.
    #[command(flatten)]
    pub strictness: Strictness,
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
    /// How strictly.
    #[command(flatten)]
    pub strictness: Strictness,
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
    /// How strictly.
    #[command(flatten)]
    pub strictness: Strictness,
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
    /// How strictly.
    #[command(flatten)]
    pub strictness: Strictness,
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
