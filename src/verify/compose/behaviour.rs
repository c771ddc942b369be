//! In: a server that runs in its container. Out: what it does when passwords are wrong, when a client comes, and when it
//! is told to stop.

use std::time::Duration;

use super::file;
use super::project::last;
use super::running::Running;
use crate::artefact::{SECRETS, app_compose, cli};
use crate::model::{HEALTH, Login, Model};
use crate::profile::Aof;
use crate::verify::check::{Check, Outcome, Trouble};
use crate::verify::docker::LIMIT;
use crate::verify::process::{self, Said};

/// What is stored before the restart.
const VALUE: &str = "kept-by-the-volume";

/// The password of the health check, in the private copy of the tree.
const HEALTH_PASSWORD: &str = "tree/secrets/server/health.password";

impl Running<'_> {
    /// What is tried, in this order: the last ones stop the server.
    pub(super) const BEHAVES: [Check<Self>; 6] = [
        Check {
            id: "wrong-password",
            title: "With a wrong password the container turns unhealthy, and recovers with the right one",
            applies: Model::passwords,
            prove: |server| server.a_wrong_password_is_unhealthy(),
        },
        Check {
            id: "hanging-server",
            title: "A server that hangs turns the container unhealthy",
            applies: |model| !model.passwords(),
            prove: |server| server.a_hanging_server_is_unhealthy(),
        },
        Check {
            id: "client",
            title: "The example client stores and reads from a second container",
            applies: |model| model.application().is_some(),
            prove: |server| server.the_client_is_served(),
        },
        Check {
            id: "no-password-shown",
            title: "No password shows in what the engine tells of the containers, nor in their logs",
            applies: Model::passwords,
            prove: |server| server.no_password_shows(),
        },
        Check {
            id: "stop",
            title: "Told to stop, the server ends in order and in time",
            applies: |_| true,
            prove: |server| server.it_stops_in_order(),
        },
        Check {
            id: "data-stays",
            title: "What was stored is there after a restart",
            applies: |model| persists(model) && app_compose::example(model).is_some(),
            prove: |server| server.data_stays(),
        },
    ];

    /// Runs what the container itself runs to see whether it is healthy.
    fn health_check(&self) -> Result<Said, Trouble> {
        let test = file::part(&self.inspected, &["Config", "Healthcheck", "Test"]);
        let words: Vec<&str> = file::list(test).iter().filter_map(|word| word.as_str()).collect();
        match words.split_first() {
            Some((&"CMD", words)) if !words.is_empty() => self.exec(words),
            Some((&"CMD-SHELL", [line])) => self.exec(&["sh", "-c", line]),
            _ => Trouble::failed(format!("the container has no health check: {test}")),
        }
    }

    fn a_wrong_password_is_unhealthy(&self) -> Outcome {
        let right = self.lab.password(HEALTH).map_err(Trouble::Failed)?;
        // By rename, as a secret store would: a folder that is mounted shows the new file.
        let put = |password: &str| self.lab.write(HEALTH_PASSWORD, password.as_bytes(), 0o644).map_err(Trouble::Failed);
        put(&"0".repeat(64))?;
        let turned = self.health_check().and_then(|said| {
            if said.well() {
                return Trouble::failed("the health check passes with a wrong password");
            }
            self.wait_for("unhealthy", Duration::from_secs(40)).map(|()| last(&said.all(), 1))
        });
        put(&right)?;
        let seen = turned?;
        self.wait_for("healthy", Duration::from_secs(20))?;
        Ok(seen)
    }

    fn a_hanging_server_is_unhealthy(&self) -> Outcome {
        let signal = |name: &str| self.docker.ask(["kill", "--signal", name, &self.id]);
        signal("STOP")?;
        let turned = self.wait_for("unhealthy", Duration::from_secs(20));
        signal("CONT")?;
        turned?;
        self.wait_for("healthy", Duration::from_secs(20))?;
        Ok(String::new())
    }

    fn the_client_is_served(&self) -> Outcome {
        if self.lab.file(app_compose::FILE).is_none() {
            return Trouble::failed(format!("{} is missing", app_compose::FILE));
        }
        self.project.up("app")?;
        let said = self.docker.ask(["logs", &self.project.container("app")?])?;
        let lines: Vec<&str> = said.out.lines().map(str::trim).collect();
        let wanted: &[&str] = match app_compose::example(self.model) {
            Some(_) => &["PONG", "OK", "stored"],
            None => &["PONG"],
        };
        let seen = lines.join(", ");
        if lines == wanted { Ok(seen) } else { Trouble::failed(seen) }
    }

    fn no_password_shows(&self) -> Outcome {
        let mut told = vec![self.inspect()?.to_string()];
        for service in ["redis", "app"] {
            // The client may not be there.
            let Ok(id) = self.project.container(service) else { continue };
            told.push(self.docker.ask(["container", "inspect", &id])?.all());
            told.push(self.docker.ask(["logs", &id])?.all());
        }
        let users = self.model.logins().map(|user| user.name.as_str());
        for user in users {
            let Ok(password) = self.lab.password(user) else { continue };
            if !password.is_empty() && told.iter().any(|text| text.contains(password.as_str())) {
                return Trouble::failed(format!("the password of {user} shows"));
            }
        }
        Ok(String::new())
    }

    /// Runs redis-cli in the server's container as the user of the example, whose password is in no argument.
    fn as_example(&self, words: &[&str]) -> Result<Said, Trouble> {
        let Some((user, key)) = app_compose::example(self.model) else {
            return Trouble::failed("nobody may store a key");
        };
        let mut command = self.docker.command(["exec"]);
        if user.login == Login::Password {
            let password = self.lab.password(&user.name).map_err(Trouble::Failed)?;
            command.env("REDISCLI_AUTH", password.as_str()).args(["--env", "REDISCLI_AUTH"]);
        }
        command.args([&self.id, cli(self.model), "-e", "--no-auth-warning", "-h", "127.0.0.1", "-p", "6379"]);
        if user.login == Login::Password {
            command.args(["--user", &user.name]);
        }
        let file = |name: &str| format!("{SECRETS}/{name}");
        if self.model.tls() {
            command.args(["--tls", "--cacert", &file("ca.crt")]);
        }
        if self.model.mutual() {
            command.args(["--cert", &file("health.crt"), "--key", &file("health.key")]);
        }
        let (first, rest) = words.split_first().unwrap_or((&"", &[]));
        command.arg(first).arg(key).args(rest);
        process::run(&mut command, LIMIT)
    }

    fn it_stops_in_order(&mut self) -> Outcome {
        if app_compose::example(self.model).is_some() {
            let said = self.as_example(&["set", VALUE])?;
            self.stored = said.well() && said.out.trim() == "OK";
        }
        let said = self.project.run(&["stop", "redis"])?;
        let state = self.inspect()?;
        let state = file::part(&state, &["State"]);
        let logs = self.docker.ask(["logs", "--tail", "20", &self.id])?.all();
        let (code, killed) = (file::part(state, &["ExitCode"]), file::part(state, &["OOMKilled"]));
        if said.well() && code == 0 && killed == false && logs.contains("ready to exit") {
            Ok(last(&logs, 1))
        } else {
            Trouble::failed(format!("it ended with {code}: {} {}", last(&said.err, 1), last(&logs, 2)))
        }
    }

    fn data_stays(&mut self) -> Outcome {
        if !self.stored {
            return Trouble::failed("nothing could be stored before the restart");
        }
        // A new container on the same volume, as after a change of the file.
        let removed = self.project.run(&["rm", "--force", "--stop", "redis"])?;
        if !removed.well() {
            return Trouble::failed(removed.told());
        }
        self.project.up("redis")?;
        self.id = self.project.container("redis")?;
        let said = self.as_example(&["get"])?;
        if said.well() && said.out.trim() == VALUE { Ok(VALUE.to_owned()) } else { Trouble::failed(said.told()) }
    }
}

/// True if what is stored is meant to outlive the server.
fn persists(model: &Model) -> bool {
    let persistence = &model.profile.persistence;
    persistence.aof != Aof::Disabled || !persistence.snapshots.is_empty()
}
