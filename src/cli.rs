//! The command line, as clap types only.

mod after_help;
mod arguments;

use clap::{Parser, Subcommand};

use crate::engine::EngineArgument;
use crate::format::Address;
use crate::output::ListFormat;

pub use arguments::{
    AccessArguments, AccessFormat, Judge, Keeper, ReportArguments, Review, RotateArguments, RulesFormat,
    SecretsArguments, Strictness, Target,
};
#[cfg(feature = "verify")]
pub use arguments::{ApplyArguments, VerifyArguments};

/// A compiler for Redis security: one profile in, a complete hardened deployment out.
#[derive(Debug, Parser)]
#[command(name = "redisgen", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_long_help = after_help::EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
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
    #[command(after_long_help = after_help::FINDINGS)]
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
        /// Take the folder over as it is: replace files that redisgen did not write, remove files that the profile no longer
        /// produces although they were edited, go on where the lock cannot be read or is another deployment's.
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
    #[command(after_long_help = after_help::DIFF)]
    Diff {
        /// What and where.
        #[command(flatten)]
        target: Target,
        /// How to judge.
        #[command(flatten)]
        judge: Judge,
    },
    /// Show who may do what, by a profile or by an ACL file of anybody's.
    #[command(after_long_help = after_help::ACCESS)]
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
    #[command(after_long_help = after_help::ADVISORIES)]
    Advisories {
        /// What applies to one build, as `redis-7.4.5`, or all that a line ever had, as `redis-7.4`.
        #[arg(long, value_name = "ENGINE")]
        engine: Option<EngineArgument>,
        /// How the list is printed.
        #[arg(long, value_enum, default_value_t = ListFormat::Human)]
        format: ListFormat,
    },
    /// Show what holds and what does not: the production checklist with its evidence, the attacks, the controls.
    #[command(after_long_help = after_help::REPORT)]
    Report(ReportArguments),
    /// Prove it: start the real consumers on the deployment and show what held. Runs what the tree holds, scripts
    /// included: give it a --dir only that you would deploy.
    #[cfg(feature = "verify")]
    #[command(after_long_help = after_help::VERIFY)]
    Verify(Box<VerifyArguments>),
    /// Bring a running server to the profile without a restart where that is possible: users, settings, certificates. The
    /// tree must be built, so that a restart brings the same. Ends with 1 if something is left, as a restart.
    #[cfg(feature = "verify")]
    #[command(after_long_help = after_help::APPLY)]
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

/// What to do with certificates.
#[derive(Clone, Debug, Subcommand)]
pub enum CertsCommand {
    /// Show every certificate: its end, names, chain, key, modes, against the profile. Ends with 1 if anything is wrong or
    /// is to be renewed.
    #[command(after_long_help = after_help::CERTS)]
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

/// What to do with passwords.
#[derive(Clone, Debug, Subcommand)]
pub enum SecretsCommand {
    /// Show the age of each password and what needs a hand; ends with 1 if anything does. The age is that of the file: a
    /// copy that does not keep dates looks new.
    #[command(after_long_help = after_help::STATUS)]
    Status(SecretsArguments),
    /// Check the password files that something else put there, and seal them; makes none.
    Seal(SecretsArguments),
    /// Replace passwords while clients go on: the new one into `password`, the old one into `password.old`, both sealed
    /// until --finish. Run again, it goes on where it was interrupted.
    Rotate(Box<RotateArguments>),
}
