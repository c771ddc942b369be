//! One file per command; this one runs them and turns what happened into an exit code.

mod access;
mod advisories;
mod build;
mod diff;
mod explain;
mod init;
mod report;
pub mod rules;
mod validate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::CommandFactory;
use time::OffsetDateTime;

use crate::check;
use crate::cli::{Cli, Command, Judge, Target};
use crate::console;
use crate::engine::EngineArgument;
use crate::finding::{Report, Severity};
use crate::format::{Date, EngineVersion};
use crate::input::{self, DiskParents, ProfilePath};
use crate::load::{self, Input, Loaded};
use crate::model::Model;
use crate::output::{Format, github, human, json, sarif};
use crate::resolve;
use crate::source::Sources;

/// How a command ended; the codes are an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: fine.
    Fine,
    /// 1: findings at or above `--deny`, drift, or a failed proof.
    Found,
    /// 2: the command could not do its work.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::Found => 1,
            Exit::Failed => 2,
        })
    }
}

/// Runs a command. `now` is the only clock there is.
pub fn run(cli: &Cli, now: OffsetDateTime) -> Exit {
    let result = match &cli.command {
        Command::Init { environment, file } => init::run(environment, file.as_deref()),
        Command::Validate { profiles, judge, review } => validate::run(profiles, judge, review, now),
        Command::Build { target, judge, no_secrets, reprovision, force } => build::run(
            target,
            judge,
            &build::Options { secrets: !no_secrets, reprovision: *reprovision, force: *force },
            now,
        ),
        Command::Diff { target, judge } => diff::run(target, judge, now),
        Command::Access(arguments) => access::run(arguments, now),
        Command::Explain { subject, path, source, user, command } => {
            let asked = command.as_deref().zip(user.as_deref());
            explain::run(subject, path.as_deref(), *source, asked)
        }
        Command::Advisories { engine, format } => advisories::run(*engine, *format),
        Command::Report(arguments) => report::run(arguments, now),
        Command::Rules { format } => Ok(rules::run(*format)),
        Command::Schema => {
            console::out(crate::schema::PUBLISHED);
            Ok(Exit::Fine)
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "redisgen", &mut text);
            console::out(&String::from_utf8_lossy(&text));
            Ok(Exit::Fine)
        }
        Command::Man { command } => man(command.as_deref()),
    };
    result.unwrap_or_else(|reason| {
        console::err(&format!("redisgen: {reason}\n"));
        Exit::Failed
    })
}

fn man(command: Option<&str>) -> Result<Exit, String> {
    let mut all = Cli::command();
    all.build();
    let page = match command {
        None => all,
        Some(name) => all.find_subcommand(name).cloned().ok_or_else(|| format!("there is no command `{name}`"))?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(|error| error.to_string())?;
    console::out(&String::from_utf8_lossy(&text));
    Ok(Exit::Fine)
}

/// A profile that was read and judged.
struct Judged {
    path: ProfilePath,
    report: Report,
    /// None if structural errors stand in the way.
    model: Option<Model>,
    deny: Severity,
}

impl Judged {
    fn passes(&self) -> bool {
        self.model.is_some() && self.report.worst().is_none_or(|worst| worst < self.deny) && !self.report.has_errors()
    }
}

impl Judged {
    /// `ok`, or that it is refused and at which severity.
    fn verdict(&self) -> String {
        if self.passes() { "ok".to_owned() } else { format!("refused at --deny {}", self.deny.word()) }
    }
}

fn judge(path: ProfilePath, judge: &Judge, now: OffsetDateTime) -> Result<Judged, String> {
    let input = input::read(&path)?;
    judge_input(path, input, None, judge, now)
}

/// Judges what was read, perhaps as if it named another engine. A line stands for its newest build then.
fn judge_input(
    path: ProfilePath,
    input: Input,
    engine: Option<EngineArgument>,
    judge: &Judge,
    now: OffsetDateTime,
) -> Result<Judged, String> {
    let source = input::base_name(&path)?;
    let today = judge.as_of.unwrap_or(Date(now.date()));
    let strict = judge.deny.unwrap_or(Severity::Error);
    let (mut profile, loaded) = match load::load(input, &mut DiskParents::new(&path)) {
        Ok(loaded) => loaded,
        Err(report) => return Ok(Judged { path, report, model: None, deny: strict }),
    };
    if let Some(engine) = engine {
        profile.engine.kind = engine.kind;
        profile.engine.version = EngineVersion { line: engine.line, patch: engine.patch.unwrap_or(u16::MAX) };
    }
    match resolve::resolve(&loaded, profile, &source) {
        Err(finding) => {
            Ok(Judged { path, report: Report::new(vec![finding], loaded.sources), model: None, deny: strict })
        }
        Ok(model) => {
            let findings = check::check(&loaded, &model, today);
            let default = if model.production() { Severity::Warning } else { Severity::Error };
            let Loaded { sources, .. } = loaded;
            Ok(Judged {
                path,
                report: Report::new(findings, sources),
                model: Some(model),
                deny: judge.deny.unwrap_or(default),
            })
        }
    }
}

/// Reads and judges all profiles and prints the findings.
fn judge_all(profiles: &[String], options: &Judge, now: OffsetDateTime) -> Result<Vec<Judged>, String> {
    let judged: Vec<Judged> =
        input::profiles(profiles)?.into_iter().map(|path| judge(path, options, now)).collect::<Result<_, _>>()?;
    print(&judged, options.format);
    Ok(judged)
}

fn print(judged: &[Judged], format: Format) {
    let reports: Vec<&Report> = judged.iter().map(|judged| &judged.report).collect();
    let relative = |name: &str| input::in_repository(name);
    console::out(&match format {
        Format::Json => json::findings(&reports),
        Format::Human => human::all(&reports),
        Format::Sarif => sarif::findings(&reports, &relative),
        Format::Github => github::findings(&reports, &relative),
    });
}

/// The folder of each profile's artefacts.
///
/// # Errors
/// Two profiles would share one.
fn output_folders(target: &Target, judged: &[Judged]) -> Result<Vec<PathBuf>, String> {
    if judged.len() == 1 {
        return Ok(vec![target.out.clone()]);
    }
    let mut folders: Vec<PathBuf> = Vec::new();
    for judged in judged {
        let stem = judged.path.path.as_deref().and_then(Path::file_stem).unwrap_or("stdin".as_ref());
        let folder = target.out.join(stem);
        if folders.contains(&folder) {
            return Err(format!("two profiles would be written to {}", folder.display()));
        }
        folders.push(folder);
    }
    Ok(folders)
}

/// Name and position of a span, as `prod.yaml:3`.
fn place(sources: &Sources, span: crate::source::Span) -> String {
    format!("{}:{}", sources.name(span.file), sources.positions(span).0.line)
}
