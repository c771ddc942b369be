//! Level `compose`: the compose file, judged as Compose resolves it, then really up under a name of its own, tried, stopped
//! and removed.
//!
//! The file may be a stranger's: what could harm this machine is judged first, and then nothing is started. What is started
//! is made of what was judged ([`trial`]). Images are what the profile says; one that is missing is pulled.

mod behaviour;
mod file;
mod place;
mod project;
mod running;
mod trial;

use std::time::Duration;

use file::File;
use project::Project;
use running::Running;

use super::Bench;
use super::check::{Outcome, Trouble};
use super::docker::{Compose, Docker};
use super::process;

/// Takes the compose files of the lab's tree; gives a record for each check.
pub(super) fn prove(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let docker = Docker::find()?;
    docker.is_here()?;
    let compose = docker.compose()?;
    bench.judge("docker engine", &docker.version);
    bench.judge("docker compose", &compose.version);
    let (model, lab) = (bench.model, bench.lab);
    let mut file = File { model, lab, config: serde_json::Value::Null };
    if !bench.prove("config", "Compose reads the file and warns of nothing", || file.read(&compose)) {
        return Ok(());
    }
    bench.run(&File::PLACE, &mut file);
    let harmful: Vec<&str> = File::HARM
        .iter()
        .filter(|check| !bench.prove(check.id, check.title, || (check.prove)(&mut file)))
        .map(|check| check.id)
        .collect();
    if !harmful.is_empty() {
        let missing = format!("not started, since it could harm this machine: see {}", harmful.join(", "));
        bench.prove("up", UP, || Err(Trouble::missing(missing, "mend the file, or build it again")));
        return Ok(());
    }
    let image = bench.options.image.clone().unwrap_or_else(|| model.image.clone());
    let pulled = pull(&docker, &image)?;
    bench.judge("image", &pulled);
    let other = image != model.image;
    let name = Project::name()?;
    let trial = trial::make(&file, &name, &image).map_err(Trouble::Failed)?.to_string();
    let path = lab.write("compose/docker-compose.json", trial.as_bytes(), 0o600).map_err(Trouble::Failed)?;
    let project = Project::new(&docker, &compose, name, &path);
    if !bench.prove("up", UP, || project.up("redis").map(|()| pulled.clone())) {
        return Ok(());
    }
    let mut running = Running::new((model, lab), &docker, project, other)?;
    bench.run(&Running::CONFINED, &mut running);
    bench.run(&Running::BEHAVES, &mut running);
    let mut project = running.project;
    bench.prove("removed", "Nothing of it is left: no container, volume or network", || project.down());
    Ok(())
}

/// What `up` shows.
const UP: &str = "The server comes up and is healthy";

impl File<'_> {
    /// Lets Compose resolve the files.
    fn read(&mut self, compose: &Compose) -> Outcome {
        let mut command = compose.command();
        command.current_dir(self.lab.tree());
        for name in file::names(self.model, self.lab) {
            command.args(["--file", &name]);
        }
        let said = process::run(
            command.args(["--profile", "backup", "--profile", "restore", "config", "--format", "json"]),
            Duration::from_secs(30),
        )?;
        if !said.well() || !said.err.trim().is_empty() {
            return Trouble::failed(said.told());
        }
        self.config = serde_json::from_str(&said.out)
            .map_err(|error| Trouble::Failed(format!("config prints no JSON: {error}")))?;
        Ok(String::new())
    }
}

/// The id of an image, which is pulled if it is not here.
fn pull(docker: &Docker, image: &str) -> Result<String, Trouble> {
    let here = || docker.ask(["image", "inspect", "--format", "{{.Id}}", image]);
    let mut said = here()?;
    if !said.well() {
        let pull = process::run(&mut docker.command(["pull", "--quiet", image]), Duration::from_mins(5))?;
        if !pull.well() {
            let missing = format!("the image {image} is not here and cannot be pulled: {}", pull.all());
            return Err(Trouble::missing(missing, "pull or load it, or name another by --image"));
        }
        said = here()?;
    }
    Ok(format!("{image} {}", said.out.trim()))
}
