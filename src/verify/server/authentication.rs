//! Who gets in: nobody without a password, nobody with a wrong one, each user with its own.

use super::running::Running;
use crate::acl::file::DEFAULT;
use crate::model::{Login, Model};
use crate::verify::check::{Check, Outcome, Trouble};

pub(super) const CHECKS: &[Check<Running>] = &[
    Check {
        id: "unauthenticated",
        title: "Nobody runs anything without logging in",
        applies: closed,
        prove: unauthenticated,
    },
    Check {
        id: "wrong-password",
        title: "A wrong password opens no user",
        applies: Model::passwords,
        prove: wrong_password,
    },
    Check {
        id: "default-user",
        title: "The user `default` is off",
        applies: |model| model.users.iter().any(|user| user.name == DEFAULT && user.login == Login::Never),
        prove: default_user,
    },
    Check {
        id: "logins",
        title: "Each enabled user gets in with its own password",
        applies: Model::passwords,
        prove: logins,
    },
    Check {
        id: "disabled-users",
        title: "A disabled user does not get in with its own password",
        applies: |model| model.users.iter().any(|user| !user.enabled && user.login == Login::Password),
        prove: disabled_users,
    },
    Check {
        id: "open-default",
        title: "Development: `default` works without a password, as the profile says",
        applies: |model| !closed(model),
        prove: |server| {
            let reply = server.stranger()?.call(&["PING"])?;
            if reply.text().as_deref() == Some("PONG") { Ok(String::new()) } else { Trouble::failed(reply.to_string()) }
        },
    },
];

/// True if every connection has to log in.
fn closed(model: &Model) -> bool {
    !model.users.iter().any(|user| user.login == Login::Anything)
}

fn unauthenticated(server: &mut Running) -> Outcome {
    let commands: [&[&str]; 5] = [&["PING"], &["GET", "a"], &["SET", "a", "b"], &["INFO"], &["ACL", "WHOAMI"]];
    for words in commands {
        let reply = server.stranger()?.call(words)?;
        if !reply.error().is_some_and(|error| error.starts_with("NOAUTH ")) {
            return Trouble::failed(format!("{}: {reply}", words.join(" ")));
        }
    }
    Ok("NOAUTH".to_owned())
}

fn refused(server: &Running, user: &str, password: &str) -> Result<(), Trouble> {
    let reply = server.stranger()?.call(&["AUTH", user, password])?;
    match reply.error() {
        Some(error) if error.starts_with("WRONGPASS ") => Ok(()),
        _ => Trouble::failed(format!("{user}: {reply}")),
    }
}

fn wrong_password(server: &mut Running) -> Outcome {
    let zeros = "0".repeat(64);
    let mut count = 0;
    for user in server.enabled().filter(|user| user.login == Login::Password) {
        // The second is what stands in the reviewed file.
        for password in ["", zeros.as_str(), "redisgen-wrong"] {
            refused(server, &user.name, password)?;
            count += 1;
        }
    }
    Ok(format!("WRONGPASS to {count} logins"))
}

fn default_user(server: &mut Running) -> Outcome {
    for password in ["", "default", "foobared"] {
        refused(server, DEFAULT, password)?;
    }
    Ok("WRONGPASS".to_owned())
}

fn logins(server: &mut Running) -> Outcome {
    let mut count = 0;
    for user in server.enabled() {
        server.user(user).map_err(|reason| Trouble::Failed(format!("{}: {reason}", user.name)))?;
        count += 1;
    }
    Ok(format!("{count} users"))
}

fn disabled_users(server: &mut Running) -> Outcome {
    let off = server.model.users.iter().filter(|user| !user.enabled && user.login == Login::Password);
    let mut names = Vec::new();
    for user in off {
        match server.user(user) {
            Err(reason) if reason.0.starts_with("WRONGPASS ") => names.push(user.name.as_str()),
            Err(reason) => return Trouble::failed(format!("{}: {reason}", user.name)),
            Ok(_) => return Trouble::failed(format!("{} got in", user.name)),
        }
    }
    Ok(names.join(", "))
}
