//! What the program builds holds, and an interrupted proof leaves nothing.

use std::process::Stdio;
use std::time::Duration;

use crate::deployment::*;
use crate::engine::*;
use crate::program::*;
use crate::work::*;

pub fn production_holds(docker: &Docker) {
    let production = Deployment::new("prod", &Deployment::runnable("prod"));
    let before = production.passwords();
    let out = production.out().display().to_string();
    let mut command = docker.command(&production, &["--require", "compose", "--level", "host", "--dir", &out]);
    docker.with_compose_on_path(&mut command);
    let proof = Proof::of(&run(&mut command));
    proof.holds();
    left_nothing(&production);
    assert_eq!(production.passwords(), before, "the user's own tree was changed");
    // Each check that the profile asks for.
    let compose = proof.states.keys().filter(|id| id.starts_with("compose/")).count();
    assert_eq!(compose, 37, "{:?}", proof.states);
    for id in ["compose/encrypted-data", "compose/wrong-password", "compose/data-stays", "host/secrets-closed"] {
        assert_eq!(proof.states.get(id).map(String::as_str), Some("held"), "{id}");
    }
    assert_eq!(proof.states.get("host/docker").map(String::as_str), Some("advice"), "the engine is older than 28");
    assert!(proof.text.contains("\"docker engine\": \"20.10"), "{}", proof.text);
    assert!(proof.text.contains(&format!("\"image\": \"{IMAGE} sha256:")), "{}", proof.text);
}

/// Without --dir; and a profile of another build than the image's is told as such.
pub fn a_tree_built_for_the_proof_holds(docker: &Docker) {
    let minimal = Deployment::new("prod-minimal", &minimal("prod-minimal"));
    let level = ["--require", "compose", "--level", "compose"];
    Proof::of(&run(&mut docker.command(&minimal, &level))).holds();
    left_nothing(&minimal);

    minimal.build(&replace(&Deployment::runnable_minimal(), VERSION, "7.0.14"), &[]);
    let missing = Proof::of(&run(&mut docker.command(&minimal, &level)));
    assert_eq!(missing.with("not-run"), ["compose/start"], "{}", missing.text);
    assert!(
        missing.text.contains("the image redis:7.0.14-bookworm is not here and cannot be pulled"),
        "{}",
        missing.text
    );
    assert_eq!(missing.code, Some(1), "{}", missing.text);
    let other = Proof::of(&run(&mut docker.command(&minimal, &[&level[..], &["--image", IMAGE]].concat())));
    other.holds();
    assert_eq!(other.with("advice"), ["compose/version"], "{}", other.text);
}

impl Deployment {
    fn runnable_minimal() -> String {
        minimal("prod-minimal")
    }
}

pub fn development_holds(docker: &Docker) {
    for (name, profile) in [("dev", Deployment::runnable("dev")), ("dev-minimal", minimal("dev-minimal"))] {
        let development = Deployment::new(name, &profile);
        let proof = docker.proof(&development);
        proof.holds();
        assert!(proof.states.contains_key("compose/hanging-server"), "{:?}", proof.states);
    }
}

/// Without a file for appends, with many users, and behind a bastion.
pub fn fixtures_hold(docker: &Docker) {
    for name in ["cache", "every-role", "bastion"] {
        let deployment = Deployment::new(name, &minimal(name));
        docker.proof(&deployment).holds();
    }
}

pub fn an_interrupt_leaves_nothing(docker: &Docker) {
    let deployment = Deployment::new("prod-minimal", &minimal("prod-minimal"));
    // While networks are made, and while the server is tried.
    for kind in [["network", "ls"], ["ps", "--all"]] {
        let child = docker
            .command(&deployment, &["--level", "compose"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut project = String::new();
        eventually("the project", Duration::from_mins(1), || {
            project = std::fs::read_dir(temporary(&deployment))
                .expect("folder")
                .find_map(|lab| std::fs::read_to_string(lab.ok()?.path().join("compose/docker-compose.json")).ok())
                .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
                .map(|file| file["name"].as_str().expect("a name").to_owned())
                .unwrap_or_default();
            !project.is_empty()
        });
        eventually(kind[0], Duration::from_mins(1), || {
            let filter = format!("label=com.docker.compose.project={project}");
            !stdout(&docker.engine.docker(&[&kind[..], &["--quiet", "--filter", &filter]].concat())).is_empty()
        });
        let pid = child.id().to_string();
        good("kill", run(std::process::Command::new("kill").args(["-INT", &pid])));
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(2), "{}", both(&output));
        assert!(both(&output).contains("interrupted"), "{}", both(&output));
        docker.nothing_is_left(&project.replace("redisgen-verify-", ""));
        left_nothing(&deployment);
    }
}
