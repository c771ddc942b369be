//! `redisgen secrets status`: the age of each password, and what needs a hand. Reads only; no password is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{Exit, locked, profiles};
use crate::cli::SecretsArguments;
use crate::console;
use crate::folder::Folder;
use crate::lock::sha256;
use crate::model::{AclUser, Model};
use crate::output::ListFormat;
use crate::provision::{masked, strength};
use crate::rotation::{self, Phase, State};
use crate::write;

/// What `--format json` prints.
#[derive(Serialize)]
struct Document {
    version: u32,
    profiles: Vec<Status>,
}

/// The secrets of one profile.
#[derive(Serialize)]
struct Status {
    profile: String,
    out: String,
    rotation: Option<Pending>,
    problems: Vec<Problem>,
    users: Vec<User>,
}

#[derive(Serialize)]
struct Pending {
    phase: Phase,
    began: String,
    users: BTreeSet<String>,
}

#[derive(Serialize)]
struct User {
    name: String,
    file: String,
    age_days: Option<i64>,
    problems: Vec<Problem>,
}

/// Something that needs a hand.
#[derive(Serialize)]
struct Problem {
    id: &'static str,
    what: String,
}

fn problem(id: &'static str, what: impl Into<String>) -> Problem {
    Problem { id, what: what.into() }
}

const DAY: i64 = 86_400;

pub(super) fn run(arguments: &SecretsArguments, now: OffsetDateTime) -> Result<Exit, String> {
    let Some(all) = profiles(&arguments.keeper.target, arguments.keeper.strictness, arguments.format, now)? else {
        return Ok(Exit::Found);
    };
    let now = arguments.keeper.strictness.as_of.map_or(now, |date| date.0.midnight().assume_utc());
    let mut found = Vec::new();
    for (judged, path) in &all {
        let Some(model) = &judged.model else { continue };
        found.push(status(model, judged.path.name.clone(), path, now)?);
    }
    let fine = found.iter().all(Status::fine);
    match arguments.format {
        ListFormat::Human => console::out(&found.iter().map(human).collect::<String>()),
        ListFormat::Json => console::json(&Document { version: 1, profiles: found }),
    }
    Ok(if fine { Exit::Fine } else { Exit::Found })
}

impl Status {
    fn fine(&self) -> bool {
        self.problems.is_empty() && self.users.iter().all(|user| user.problems.is_empty())
    }
}

fn status(model: &Model, profile: String, path: &Path, now: OffsetDateTime) -> Result<Status, String> {
    let mut status =
        Status { profile, out: path.display().to_string(), rotation: None, problems: Vec::new(), users: Vec::new() };
    if !model.passwords() {
        return Ok(status);
    }
    let out = if path.exists() { Some(Folder::open(path)?) } else { None };
    let secrets = out.as_ref().map(|out| out.subfolder("secrets")).transpose()?.flatten();
    let (Some(out), Some(secrets)) = (out, secrets) else {
        status.problems.push(problem("no-secrets", "there is no secrets/: `redisgen build` on the host makes it"));
        return Ok(status);
    };
    let mode = secrets.mode()?;
    if mode & 0o077 != 0 {
        status.problems.push(problem(
            "open",
            format!(
                "secrets/ is open to others, mode {mode:04o}: close it by chmod 0700 and replace what was readable"
            ),
        ));
    }
    if !secrets.is_mine()? {
        status.problems.push(problem("owner", "secrets/ belongs to another user, who can read what is in it"));
    }
    let state = match State::read(&out) {
        Ok(state) => state,
        Err(reason) => {
            status.problems.push(problem("rotation-damaged", reason));
            None
        }
    };
    if let Some(state) = &state {
        let (what, end) = state.phase.words();
        let what = format!("a rotation is pending since {}: {what}; `redisgen secrets rotate`: {end}", state.began);
        status.problems.push(problem("rotation-pending", what));
        status.rotation = Some(Pending { phase: state.phase, began: state.began.clone(), users: state.users.clone() });
    }
    let (pending, both) = (rotation::pending(state.as_ref()), rotation::both(state.as_ref()));
    let sealed = Sealed::read(&out, &mut status)?;
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for user in model.logins() {
        let mut found = look(&out, model, user, now)?;
        if let Some(password) = &found.1 {
            let digest = sha256(password.as_bytes());
            if let Some(other) = seen.insert(digest.clone(), user.name.clone()) {
                found.0.problems.push(problem("shared", format!("{other} has the same password")));
            }
            sealed.compare(&out, user, digest, &both, &mut found.0)?;
        }
        let rotating = state.as_ref().is_some_and(|state| state.users.contains(&user.name));
        for name in rotation::beside(&user.name).iter().filter(|_| !rotating) {
            let file = user.keep().path(name);
            if write::read(&out, &format!("secrets/{file}"))?.is_some() {
                found.0.problems.push(problem("leftover", format!("{file} belongs to no rotation: remove it")));
            }
        }
        status.users.push(found.0);
    }
    if let Some(text) = &sealed.text {
        let (masked, locked) = (masked(text, &pending), locked(model)?);
        let lines = |text: &str| text.lines().map(ToOwned::to_owned).collect::<BTreeSet<String>>();
        let (masked, locked) = (lines(&masked), lines(&locked));
        let names: BTreeSet<&str> =
            masked.symmetric_difference(&locked).filter_map(|line| line.split(' ').nth(1)).collect();
        if !names.is_empty() {
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            let what = format!("the sealed file has other rules than the profile for {names}: run `redisgen build`");
            status.problems.push(problem("sealed-rules", what));
        }
    }
    Ok(status)
}

/// The file of a user's password by itself, and the password.
fn look(
    out: &Folder,
    model: &Model,
    user: &AclUser,
    now: OffsetDateTime,
) -> Result<(User, Option<Zeroizing<String>>), String> {
    let keep = user.keep();
    let file = keep.path(keep.password);
    let mut found = User { name: user.name.clone(), file: file.clone(), age_days: None, problems: Vec::new() };
    let mut folder = out.subfolder("secrets")?;
    for part in keep.chain() {
        folder = folder.map(|folder| folder.subfolder(part)).transpose()?.flatten();
    }
    let read = folder.as_ref().map(|folder| folder.read(keep.password)).transpose()?.flatten();
    let Some(((bytes, mode), folder)) = read.zip(folder) else {
        found.problems.push(problem("missing", format!("{file} is missing: put it back, or `redisgen build`")));
        return Ok((found, None));
    };
    let bytes = Zeroizing::new(bytes);
    if mode != 0o644 {
        found.problems.push(problem("mode", format!("{file} has mode {mode:04o}, which `redisgen build` makes 0644")));
    }
    if let Some((owner, date)) = folder.owner_and_date(keep.password)? {
        if owner != rustix::process::geteuid().as_raw() {
            found.problems.push(problem("owner", format!("{file} belongs to user {owner}, who can change it")));
        }
        let age = now.unix_timestamp() - date;
        found.age_days = Some(age.div_euclid(DAY));
        let limit = model.profile.secrets.rotate_after;
        if age < -DAY {
            found.problems.push(problem("future", format!("{file} is dated in the future: its age is not known")));
        } else if let Some(limit) = limit.filter(|limit| age > i64::try_from(limit.seconds()).unwrap_or(i64::MAX)) {
            let days = age / DAY;
            let what = format!("{days} days old, and `secrets.rotate_after` is {limit}: `redisgen secrets rotate`");
            found.problems.push(problem("old", what));
        }
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        found.problems.push(problem("not-text", format!("{file} is not text")));
        return Ok((found, None));
    };
    let password = Zeroizing::new(text.strip_suffix('\n').unwrap_or(text).to_owned());
    if let Some(why) = strength::weakness(&password) {
        found.problems.push(problem("weak", why));
    }
    if !password.bytes().all(|byte| byte.is_ascii_graphic()) {
        found.problems.push(problem("weak", "it is not one line of visible ASCII without blanks"));
    }
    Ok((found, Some(password)))
}

/// The sealed file, if there is one.
struct Sealed {
    text: Option<String>,
    /// The digests of each user's passwords.
    digests: BTreeMap<String, BTreeSet<String>>,
}

impl Sealed {
    fn read(out: &Folder, status: &mut Status) -> Result<Sealed, String> {
        let read = write::read(out, "secrets/server/users.acl")?;
        if read.is_none() {
            let what = "secrets/server/users.acl is missing: run `redisgen build` or `redisgen secrets seal`";
            status.problems.push(problem("sealed-missing", what));
        }
        let text = read.map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned());
        let of_line = |line: &str| {
            let digests = line.split(' ').filter_map(|word| word.strip_prefix('#')).map(str::to_ascii_lowercase);
            Some((line.split(' ').nth(1)?.to_owned(), digests.collect()))
        };
        let digests = text.iter().flat_map(|text| text.lines()).filter_map(of_line).collect();
        Ok(Sealed { text, digests })
    }

    /// Are the digests of the user those of its files?
    fn compare(
        &self,
        out: &Folder,
        user: &AclUser,
        digest: String,
        both: &BTreeSet<&str>,
        found: &mut User,
    ) -> Result<(), String> {
        if self.text.is_none() {
            return Ok(());
        }
        let mut wanted = BTreeSet::from([digest]);
        for name in rotation::beside(&user.name).iter().filter(|_| both.contains(user.name.as_str())) {
            if let Some((bytes, _)) = write::read(out, &format!("secrets/{}", user.keep().path(name)))? {
                let bytes = Zeroizing::new(bytes);
                wanted.insert(sha256(bytes.strip_suffix(b"\n").unwrap_or(&bytes)));
            }
        }
        if self.digests.get(&user.name).is_none_or(|there| *there != wanted) {
            let what = "the sealed file holds another password than the file: run `redisgen secrets seal`";
            found.problems.push(problem("sealed-password", what));
        }
        Ok(())
    }
}

fn human(status: &Status) -> String {
    let mut text = format!("{}: {}\n", status.profile, status.out);
    let wide = status.users.iter().map(|user| user.name.len()).max().unwrap_or(0);
    for user in &status.users {
        let age = match user.age_days {
            Some(days) => format!("{days:>5} days"),
            None => "         -".to_owned(),
        };
        let told: Vec<&str> = user.problems.iter().map(|problem| problem.what.as_str()).collect();
        let told = if told.is_empty() { "ok".to_owned() } else { told.join("; ") };
        text.push_str(&format!("  {:wide$} {age}  {told}\n", user.name));
    }
    if status.users.is_empty() && status.problems.is_empty() {
        text.push_str("  nobody has a password\n");
    }
    for problem in &status.problems {
        text.push_str(&format!("  {}\n", problem.what));
    }
    text
}
