//! Protections that only a running server shows: each is taken out, several at once where they do not touch each other,
//! and exactly their checks fail.

use crate::deployment::*;
use crate::program::*;
use crate::work::*;

const FILE: &str = "docker-compose.prod.yml";

pub fn a_weak_container(docker: &Docker) {
    let weak = Deployment::new("prod", &Deployment::runnable("prod"));
    edit(
        &weak,
        FILE,
        &[
            ("user: \"999:999\"", "user: \"0:0\""),
            ("    cap_drop: [ALL]\n", ""),
            ("    read_only: true\n", ""),
            ("target: \"/usr/local/etc/redis\", read_only: true,", "target: \"/usr/local/etc/redis\","),
            ("    memswap_limit: \"536870912\"\n", ""),
            ("          pids: 64\n", ""),
            ("      core: 0\n", ""),
        ],
    );
    docker.proof(&weak).fails(&[
        "compose/user",
        "compose/capabilities",
        "compose/read-only-root",
        "compose/settings-read-only",
        "compose/swap",
        "compose/pids",
        "compose/descriptors",
    ]);
}

pub fn weak_limits(docker: &Docker) {
    let weak = Deployment::new("prod", &Deployment::runnable("prod"));
    edit(
        &weak,
        FILE,
        &[
            // Alone: nobody has a capability, and a program with the bit for another user would bring some.
            ("    cap_drop: [ALL]\n", ""),
            ("    security_opt: [\"no-new-privileges:true\"]\n", ""),
            ("target: \"/run/redis\", read_only: true,", "target: \"/run/redis\","),
            ("/tmp:rw,noexec,nosuid", "/tmp:rw,exec,nosuid"),
            ("          memory: \"536870912\"\n", ""),
            ("    memswap_limit: \"536870912\"\n", ""),
            ("          cpus: \"1\"\n", ""),
            // In no network that leads out, a port is published nowhere.
            ("networks: [app, edge]", "networks: [app]"),
        ],
    );
    docker.proof(&weak).fails(&[
        "compose/capabilities",
        "compose/no-new-privileges",
        "compose/secrets-read-only",
        "compose/tmp",
        "compose/memory",
        "compose/swap",
        "compose/cpus",
        "compose/networks",
        "compose/port",
    ]);
}

pub fn weak_behaviour(docker: &Docker) {
    let profile = replace(&minimal("prod-minimal"), VERSION, "7.0.14");
    let weak = Deployment::new("prod-minimal", &profile);
    good("tag", docker.engine.docker(&["tag", IMAGE, "redis:7.0.14-bookworm.weak"]));
    // Under the name that the profile asks for lies another build.
    edit_image(&weak, &profile);
    let password = weak.password("app");
    edit(
        &weak,
        FILE,
        &[
            (
                "entrypoint: [\"redis-server\", \"/usr/local/etc/redis/redis.conf\"]",
                "entrypoint: [sh, -c, \"redis-server /usr/local/etc/redis/redis.conf; true\"]",
            ),
            ("stop_grace_period: 60s", "stop_grace_period: 1s"),
            ("labels: { ", &format!("labels: {{ note: {password}, ")),
        ],
    );
    edit(&weak, "docker-compose.app.yml", &[("        connect ping\n", "")]);
    edit(&weak, "redis/healthcheck.sh", &[("set -eu\n", "exit 0\n")]);
    docker.proof(&weak).fails(&[
        "compose/version",
        "compose/process",
        "compose/stop",
        "compose/no-password-shown",
        "compose/client",
        "compose/wrong-password",
    ]);
}

fn edit_image(weak: &Deployment, profile: &str) {
    weak.build(
        &replace(profile, "version: \"7.0.14\"", "version: \"7.0.14\", image: \"redis:7.0.14-bookworm.weak\""),
        &[],
    );
}

pub fn weak_development(docker: &Docker) {
    let weak = Deployment::new("dev", &Deployment::runnable("dev"));
    edit(&weak, "docker-compose.dev.yml", &[("stop_signal: SIGTERM", "stop_signal: SIGKILL")]);
    edit(
        &weak,
        "docker-compose.dev.yml",
        &[("    volumes:\n", "    volumes:\n      - { type: volume, source: data, target: /var/lib/other }\n")],
    );
    edit(&weak, "redis/redis.conf", &[("appendonly yes\n", "appendonly no\n")]);
    edit(&weak, "redis/healthcheck.sh", &[("set -eu\n", "exit 0\n")]);
    docker.proof(&weak).fails(&["compose/data-stays", "compose/stop", "compose/hanging-server", "compose/mounts"]);
}

/// A server that is never healthy is not tried, and goes.
pub fn a_sick_server(docker: &Docker) {
    let weak = Deployment::new("prod-minimal", &minimal("prod-minimal"));
    edit(&weak, "redis/healthcheck.sh", &[("set -eu\n", "exit 1\n")]);
    let proof = docker.proof(&weak);
    proof.fails(&["compose/up"]);
    assert!(!proof.states.contains_key("compose/user"), "{:?}", proof.states);
}

/// What no compose file may ask for: an engine whose filter of system calls is off, and a Compose that removes nothing.
/// A client says so in their place. What is left goes all the same.
pub fn a_weak_engine(docker: &Docker) {
    let weak = Deployment::new("prod-minimal", &minimal("prod-minimal"));
    let path = std::env::var("PATH").expect("PATH");
    let real = std::env::split_paths(&path).map(|folder| folder.join("docker")).find(|file| file.is_file());
    let real = real.expect("docker").display().to_string();
    let folder = weak.folder.path().join("programs");
    std::fs::create_dir(&folder).expect("folder");
    let script = format!(
        "#!/bin/sh
for word; do [ \"$word\" != down ] || exit 0; done
case $* in
*' cat /proc/1/status') '{real}' \"$@\" | sed 's/^Seccomp:.*/Seccomp:\t0/' ;;
*) exec '{real}' \"$@\" ;;
esac
"
    );
    std::fs::write(folder.join("docker"), script).expect("written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("docker"), executable).expect("chmod");
    let out = weak.out().display().to_string();
    let mut command = docker.command(&weak, &["--level", "compose", "--dir", &out]);
    let proof = Proof::of(&run(command.env("PATH", format!("{}:{path}", folder.display()))));
    proof.fails(&["compose/removed", "compose/seccomp"]);
    left_nothing(&weak);
}
