//! `redisgen secrets rotate`: replaces passwords, on disk and on the running server if it is named.

use std::collections::BTreeSet;
use std::path::Path;

use time::OffsetDateTime;

use super::runbook::{self, Change};
use super::{Exit, built, opened, profiles};
use crate::cli::{RotateArguments, Target};
use crate::console;
use crate::encode::shell;
use crate::folder::Folder;
use crate::model::{AclUser, Model};
use crate::output::ListFormat;
use crate::rotation::files::{Rotation, Server};
use crate::rotation::{Phase, State};

pub(super) fn run(arguments: &RotateArguments, now: OffsetDateTime) -> Result<Exit, String> {
    let target = Target { profiles: arguments.profile.iter().cloned().collect(), out: arguments.out.clone() };
    let found = profiles(&target, arguments.strictness, ListFormat::Human, now)?;
    let Some(mut all) = found else { return Ok(Exit::Found) };
    let (Some((judged, path)), true) = (all.pop(), all.is_empty()) else {
        return Err("a rotation is of one profile: name it".to_owned());
    };
    let Some(model) = &judged.model else { return Ok(Exit::Found) };
    let command = command(arguments, &judged.path.name, &path);
    if arguments.plan {
        let users = users(model, &arguments.user.iter().cloned().collect());
        console::out(&runbook::plan(model, &path, &users, &command, live(arguments).as_deref()));
        return Ok(Exit::Fine);
    }
    #[cfg(feature = "verify")]
    crate::verify::interrupt::listen()?;
    let out = opened(&path)?;
    if (arguments.finish || arguments.rollback) && State::read(&out)?.is_none() {
        console::err("no rotation is pending: nothing to do\n");
        return Ok(Exit::Fine);
    }
    let locked = built(&out, model, &path)?;
    let names: BTreeSet<String> = arguments.user.iter().cloned().collect();
    let pause = |_: &str| stopped();
    let mut rotation = Rotation::begin(&out, model, &locked, &names, now, &pause)?;
    with_server(arguments, model, &out, |server| go(arguments, &mut rotation, server)).map_err(|reason| {
        format!(
            "{reason}\nNothing is lost: run the same again to go on, or `{command}{} --rollback`",
            live(arguments).unwrap_or_default()
        )
    })?;
    let users = users(model, &rotation.state.users);
    console::err(&done(arguments, rotation.state.phase, &users));
    console::out(&next(arguments, (model, rotation.state.phase), &path, &users, &command));
    Ok(Exit::Fine)
}

/// True to its word between any two steps: what was begun is on disk.
#[cfg_attr(not(feature = "verify"), expect(clippy::unnecessary_wraps, reason = "signals are the proofs'"))]
fn stopped() -> Result<(), String> {
    #[cfg(feature = "verify")]
    if crate::verify::interrupt::asked() {
        return Err("interrupted".to_owned());
    }
    Ok(())
}

fn go(arguments: &RotateArguments, rotation: &mut Rotation<'_>, server: Option<&mut dyn Server>) -> Result<(), String> {
    if arguments.rollback {
        return rotation.roll_back(server);
    }
    if arguments.finish {
        return rotation.finish(server);
    }
    rotation.prepare(server)?;
    if arguments.prepare { Ok(()) } else { rotation.switch() }
}

/// The users of the rotation; of nobody's name, all.
fn users<'model>(model: &'model Model, names: &BTreeSet<String>) -> Vec<&'model AclUser> {
    model.logins().filter(|user| names.is_empty() || names.contains(&user.name)).collect()
}

fn command(arguments: &RotateArguments, profile: &str, path: &Path) -> String {
    let profile = if arguments.profile.is_some() { format!(" {}", shell(profile)) } else { String::new() };
    let out =
        arguments.out.as_ref().map(|_| format!(" --out {}", shell(&path.display().to_string()))).unwrap_or_default();
    let mut command = format!("redisgen secrets rotate{profile}{out}");
    for user in &arguments.user {
        command.push_str(&format!(" --user {}", shell(user)));
    }
    command
}

fn done(arguments: &RotateArguments, phase: Phase, users: &[&AclUser]) -> String {
    let names = users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>().join(", ");
    let what = match (arguments.rollback, arguments.finish, phase == Phase::Prepared) {
        (true, _, _) => "the old passwords are back, the new ones are gone",
        (_, true, _) => "the old passwords are gone",
        (_, _, true) => "both passwords are sealed; clients still read the old ones",
        _ => "clients read the new passwords; the old ones are in password.old, and both are sealed",
    };
    format!("{names}: {what}\n")
}

fn next(
    arguments: &RotateArguments,
    (model, phase): (&Model, Phase),
    path: &Path,
    users: &[&AclUser],
    command: &str,
) -> String {
    let known = live(arguments);
    let live = known.clone().unwrap_or_default();
    let block = |change| runbook::block(model, path, users, change);
    match (arguments.rollback || arguments.finish, phase == Phase::Prepared, known.is_some()) {
        (true, _, true) => String::new(),
        (true, _, false) => {
            format!(
                "next: the running server still accepts the others; let it know these only:\n{}",
                block(Change::Only)
            )
        }
        (_, true, true) => format!("next: {command}{live}\n"),
        (_, true, false) => {
            format!("next: teach the running server the new ones:\n{}then: {command}\n", block(Change::AddNew))
        }
        (_, _, true) => {
            format!("next: {}then: {command}{live} --finish\n", runbook::clients(model, path, users))
        }
        (_, _, false) => format!(
            "next, unless --prepare came first: teach the running server the new ones, which it refuses until then:\n{}then: {}then: take the old ones from it:\n{}then: {command} --finish\n",
            block(Change::AddCurrent),
            runbook::clients(model, path, users),
            block(Change::RemoveOld),
        ),
    }
}

#[cfg(feature = "verify")]
fn with_server(
    arguments: &RotateArguments,
    model: &Model,
    out: &Folder,
    go: impl FnOnce(Option<&mut dyn Server>) -> Result<(), String>,
) -> Result<(), String> {
    let Some(url) = arguments.against.clone() else { return go(None) };
    let target = crate::live::target::Target {
        url,
        user: arguments.login.clone(),
        password: arguments.password_file.clone(),
        authority: arguments.ca.clone(),
        identity: arguments.cert.clone().zip(arguments.key.clone()),
    };
    let secrets = |path: &str| {
        let read = crate::write::read(out, &format!("secrets/{path}"))?;
        Ok(read.map(|(bytes, _)| zeroize::Zeroizing::new(bytes)))
    };
    let mut server = crate::rotation::server::Running::new(model, &target, &secrets)?;
    go(Some(&mut server))
}

#[cfg(not(feature = "verify"))]
fn with_server(
    _arguments: &RotateArguments,
    _model: &Model,
    _out: &Folder,
    go: impl FnOnce(Option<&mut dyn Server>) -> Result<(), String>,
) -> Result<(), String> {
    go(None)
}

/// The options that name the running server, as they were given.
#[cfg(feature = "verify")]
fn live(arguments: &RotateArguments) -> Option<String> {
    let url = arguments.against.as_ref()?;
    let host = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() };
    let mut text = format!(" --against {}://{host}:{}", if url.tls { "rediss" } else { "redis" }, url.port);
    text.push_str(&format!(" --as {}", shell(arguments.login.as_deref().unwrap_or_default())));
    let files = [
        ("password-file", &arguments.password_file),
        ("ca", &arguments.ca),
        ("cert", &arguments.cert),
        ("key", &arguments.key),
    ];
    for (name, file) in files {
        if let Some(file) = file {
            text.push_str(&format!(" --{name} {}", shell(&file.display().to_string())));
        }
    }
    Some(text)
}

#[cfg(not(feature = "verify"))]
fn live(_arguments: &RotateArguments) -> Option<String> {
    None
}
