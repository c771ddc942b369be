//! In: a deployment and whose passwords are replaced. Out: the commands that a person runs, with this deployment's names.
//! Passwords and digests reach redis-cli by its standard input: neither is an argument, nor in a variable of the environment.

use std::path::Path;

use crate::artefact::{cli, compose};
use crate::encode::shell;
use crate::model::{AclUser, EXPORTER, Model, keep};
use crate::profile::{Role, SecretStore};
use crate::rotation::beside;

/// What becomes of a user's passwords on the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The new one of `password.new` is added.
    AddNew,
    /// The one in `password` is added.
    AddCurrent,
    /// The old one of `password.old` is taken away.
    RemoveOld,
    /// The one in `password` is the only one.
    Only,
}

/// A shell block that changes users of the running server, by what their files hold.
pub(super) fn block(model: &Model, out: &Path, users: &[&AclUser], change: Change) -> String {
    let Some(admin) = administrator(model) else {
        return "  # No user of this profile may run ACL SETUSER: the server learns passwords by a restart only.\n"
            .to_owned();
    };
    let secrets = shell(&out.join("secrets").display().to_string());
    let compose = out.join(format!("docker-compose.{}.yml", model.environment_suffix()));
    let layout = &model.layout;
    let mut words = format!("{} -e --no-auth-warning -p {}", cli(model), layout.port);
    if model.tls() {
        words.push_str(&format!(" --tls --cacert {}/ca.crt", layout.secrets));
    }
    if model.mutual() {
        words.push_str(&format!(" --cert {0}/health.crt --key {0}/health.key", layout.secrets));
    }
    let kept = keep(&admin.name);
    let mut text = format!(
        "  secrets={secrets}\n  digest() {{ tr -d '\\n' <\"$secrets/$1\" | sha256sum | cut -d ' ' -f 1; }}\n  {{\n    printf 'AUTH %s ' {}\n    tr -d '\\n' <\"$secrets\"/{}\n    printf '\\n'\n",
        shell(&admin.name),
        shell(&kept.path(kept.password))
    );
    for user in users {
        let [new, old] = beside(&user.name);
        let current = user.keep().password;
        let (sign, file) = match change {
            Change::AddNew => ("#", new.as_str()),
            Change::AddCurrent => ("#", current),
            Change::RemoveOld => ("!", old.as_str()),
            Change::Only => ("resetpass #", current),
        };
        text.push_str(&format!(
            "    printf 'ACL SETUSER %s {sign}%s\\n' {} \"$(digest {})\"\n",
            shell(&user.name),
            shell(&user.keep().path(file))
        ));
    }
    text.push_str(&format!(
        "  }} | docker compose -f {} exec -T redis {words}\n",
        shell(&compose.display().to_string())
    ));
    text
}

/// All steps, in order.
pub(super) fn plan(model: &Model, out: &Path, users: &[&AclUser], command: &str, against: Option<&str>) -> String {
    let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    let mut text = format!(
        "Rotation of {}. In this order nobody is refused at any step; each command may be run again after an\ninterruption, and until step {} `{command}{} --rollback` goes back.\n\n",
        names.join(", "),
        if against.is_some() { 3 } else { 5 },
        against.unwrap_or_default(),
    );
    let mut steps: Vec<String> = Vec::new();
    if let Some(live) = against {
        steps.push(format!(
            "Make new passwords, seal both, teach the server both, give clients the new ones:\n  {command}{live}\n"
        ));
    } else {
        steps.push(format!("Make new passwords, seal both:\n  {command} --prepare\n"));
        steps.push(format!(
            "Teach the running server the new ones; ACL SETUSER ends no connection, ACL LOAD would before 7.4:\n{}",
            block(model, out, users, Change::AddNew)
        ));
        steps.push(format!("Give clients the new ones:\n  {command}\n"));
    }
    steps.push(clients(model, out, users));
    if let Some(live) = against {
        steps.push(format!("Take the old ones away:\n  {command}{live} --finish\n"));
    } else {
        let taken = block(model, out, users, Change::RemoveOld);
        steps.push(format!("Take the old ones from the running server:\n{taken}"));
        steps.push(format!("Take them out of the sealed file and remove them:\n  {command} --finish\n"));
    }
    for (place, step) in steps.iter().enumerate() {
        text.push_str(&format!("{}. {step}\n", place + 1));
    }
    text.push_str(
        "Connections that were opened with an old password stay open. If it may be known to others, end them:\n",
    );
    for name in names {
        text.push_str(&format!("  CLIENT KILL USER {name}\n"));
    }
    text
}

/// What clients have to do.
pub(super) fn clients(model: &Model, out: &Path, users: &[&AclUser]) -> String {
    let mut text = "Let clients log in anew with their new passwords:\n".to_owned();
    let example = out.join("docker-compose.app.yml");
    for user in users {
        let kept = user.keep();
        let file = kept.path(kept.password);
        if user.name == EXPORTER {
            let compose = shell(&out.join(compose::file_name(model)).display().to_string());
            text.push_str(&format!(
                "  {EXPORTER} reads it when it starts: docker compose -f {compose} restart {EXPORTER}\n"
            ));
        } else if user.place.is_none() {
            text.push_str(&format!("  {}: reads {file} each time; nothing to do\n", user.name));
        } else {
            text.push_str(&format!(
                "  {}: its new password is in {}\n",
                user.name,
                out.join("secrets").join(file).display()
            ));
        }
    }
    text.push_str(&format!(
        "  Clients of client/ read the file when they connect anew. A container that mounts the file by `secrets:` keeps\n  seeing the old one: recreate it, as in `docker compose -f {} up -d --force-recreate`.\n",
        shell(&example.display().to_string())
    ));
    if model.profile.secrets.store != SecretStore::Files {
        text.push_str("  The store of the profile still holds the old ones: put the new ones there, too.\n");
    }
    text
}

/// The first enabled user that may change users.
fn administrator(model: &Model) -> Option<&AclUser> {
    model.clients().filter(|user| user.enabled && user.role == Some(Role::Admin)).min_by_key(|user| user.place)
}
