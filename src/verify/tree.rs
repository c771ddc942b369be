//! Level `tree`: the files of --dir are all there, and the sealed users are the reviewed ones. What was edited is told, and
//! judged by the other levels by what it does.

use super::Bench;
use super::check::{Outcome, Trouble};
use super::lab::Lab;
use crate::model::Model;
use crate::provision;
use crate::rotation;

/// Proves the level; without --dir there is nothing to prove, since what is built is what is meant.
#[expect(clippy::unnecessary_wraps, reason = "as every level")]
pub(super) fn prove(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let (model, lab) = (bench.model, bench.lab);
    if lab.dir.is_none() {
        return Ok(());
    }
    bench.prove("files", "Each file that the profile builds is there", || match lab.missing.as_slice() {
        [] => Ok(format!("{} files", lab.files.len())),
        missing => Trouble::failed(missing.join(", ")),
    });
    if model.has_secrets() {
        bench.prove("sealed-users", "The sealed users are the reviewed ones, with passwords", || sealed(lab));
        bench.prove("secrets", "Each user has a password", || secrets(model, lab));
    }
    bench.prove("edited", "Each file is as the profile builds it", || {
        if lab.files.is_empty() {
            return Err(Trouble::missing(
                "no file of the profile is there",
                "build it into this folder, or name another one",
            ));
        }
        let edited: Vec<&str> = lab.edited().collect();
        if edited.is_empty() {
            return Ok(format!("{} files", lab.files.len()));
        }
        Err(Trouble::Advice(format!("edited, and judged by what they do: {}", edited.join(", "))))
    });
    Ok(())
}

fn sealed(lab: &Lab) -> Outcome {
    if lab.own_secrets {
        return Err(Trouble::missing("--dir has no secrets", "build it without --no-secrets, on the host"));
    }
    let bytes = lab.secret("server/users.acl").map_err(Trouble::Failed)?;
    let Some(bytes) = bytes else { return Trouble::failed("secrets/server/users.acl is missing") };
    let rotation = lab.rotation().map_err(Trouble::Failed)?;
    let sealed = provision::masked(&String::from_utf8_lossy(&bytes), &rotation::pending(rotation.as_ref()));
    let locked = lab.text("redis/users.acl");
    let differ = locked.lines().filter(|line| !sealed.lines().any(|other| other == *line));
    let more = sealed.lines().filter(|line| !locked.lines().any(|other| other == *line));
    let names: Vec<&str> = differ.chain(more).filter_map(|line| line.split(' ').nth(1)).collect();
    if sealed == locked { Ok(String::new()) } else { Trouble::failed(format!("other rules for {}", names.join(", "))) }
}

fn secrets(model: &Model, lab: &Lab) -> Outcome {
    if lab.own_secrets {
        return Err(Trouble::missing("--dir has no secrets", "build it without --no-secrets, on the host"));
    }
    let mut missing: Vec<String> = Vec::new();
    for user in model.users.iter().filter(|user| user.login == crate::model::Login::Password) {
        if let Err(reason) = lab.password(&user.name) {
            missing.push(reason);
        }
    }
    if missing.is_empty() { Ok(String::new()) } else { Trouble::failed(missing.join(", ")) }
}
