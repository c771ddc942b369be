//! What a stranger may write into a compose file: it is seen before anything starts, and then nothing does.

use crate::deployment::*;
use crate::program::*;
use crate::work::*;

const FILE: &str = "docker-compose.prod.yml";
const APP: &str = "docker-compose.app.yml";
const PLACE: &str = "    restart: unless-stopped\n";
const VOLUMES: &str = "    volumes:\n";

/// A file, what is replaced in it by what, and the checks that fail.
type Edit<'test> = (&'test str, &'test str, &'test str, &'test [&'test str]);

pub fn nothing_harmful_starts(docker: &Docker) {
    let production = Deployment::new("prod", &Deployment::runnable("prod"));
    let services = "services:\n";
    let miner = format!("services:\n  miner: {{ image: \"{IMAGE}\", networks: [app] }}\n");
    let edits: &[Edit] = &[
        (FILE, PLACE, "    privileged: true\n", &["privileges", "restart"]),
        (FILE, "    cap_drop: [ALL]\n", "    cap_drop: [ALL]\n    cap_add: [SYS_ADMIN]\n", &["privileges"]),
        (FILE, "    stop_signal: SIGTERM\n", "    devices: [/dev/kmsg]\n", &["privileges"]),
        (
            FILE,
            "\"no-new-privileges:true\"",
            "\"no-new-privileges:true\", \"seccomp:unconfined\"",
            &["privileges", "backups"],
        ),
        (FILE, "    stop_signal: SIGTERM\n", "    pid: host\n", &["namespaces"]),
        (FILE, "    stop_signal: SIGTERM\n", "    ipc: host\n", &["namespaces"]),
        (FILE, "    stop_signal: SIGTERM\n", "    userns_mode: host\n", &["namespaces"]),
        (FILE, "    networks: [app, edge, monitor]\n", "    network_mode: host\n", &["namespaces", "networks"]),
        (FILE, VOLUMES, "    volumes:\n      - /:/host\n", &["host-paths", "backups"]),
        (
            FILE,
            VOLUMES,
            "    volumes:\n      - /var/run/docker.sock:/var/run/docker.sock\n",
            &["host-paths", "backups"],
        ),
        (APP, "file: ./secrets/server/ca.crt", "file: /etc/shadow", &["host-paths"]),
        (APP, "file: ./secrets/server/ca.crt", "environment: HOME", &["host-paths"]),
        (FILE, services, &miner, &["services"]),
        (FILE, &format!("image: \"{IMAGE}\""), "image: \"redis:latest\"", &["image"]),
        (FILE, "    stop_signal: SIGTERM\n", "    build: .\n", &["settings"]),
        (FILE, "    stop_signal: SIGTERM\n", "    env_file: /etc/os-release\n", &["settings"]),
        (FILE, "    stop_signal: SIGTERM\n", "    environment: { A: b }\n", &["settings"]),
        // The client gets the settings that are written for it, and no other file of the host.
        (APP, "env_file: [client/environment]", "env_file: [client/environment, /etc/os-release]", &["settings"]),
        (APP, "env_file: [client/environment]", "env_file: [/etc/os-release]", &["settings"]),
        (APP, "env_file: [client/environment]", "environment: { LD_PRELOAD: /tmp/x.so }", &["settings"]),
        (FILE, "    stop_signal: SIGTERM\n", "    env_file: [client/environment]\n", &["settings"]),
        ("client/environment", "REDIS_HOST=redis\n", "REDIS_HOST=redis\nLD_PRELOAD=/tmp/x.so\n", &["settings"]),
        (FILE, "    stop_signal: SIGTERM\n", "    sysctls: { net.core.somaxconn: 1024 }\n", &["settings"]),
        (FILE, "driver: json-file", "driver: syslog", &["logs"]),
        // Services that run only when they are asked for are judged, too.
        (FILE, "source: ./secrets/backup, target", "source: /root, target", &["host-paths"]),
        (FILE, "source: ./secrets/backup, target", "source: ./secrets/ca, target", &["host-paths"]),
        (FILE, "    network_mode: none\n", "    network_mode: host\n", &["namespaces"]),
        (FILE, "logging: { driver: none }", "logging: { driver: json-file }", &["logs"]),
        (FILE, "options: { max-size: 10m, max-file: \"3\" }", "options: { max-size: 10m }", &["logs"]),
    ];
    for edit in edits {
        refused(docker, &production, edit, "compose/up");
    }
    // Compose itself refuses, or warns: of the environment it gets nothing but where the engine is.
    refused(docker, &production, &(FILE, "read_only: true\n", "read_onyl: true\n", &["config"]), "");
    refused(docker, &production, &(FILE, "labels: { ", "labels: { home: \"${REDISGEN_TEST}\", ", &["config"]), "");
    places(docker, &production, &miner);
}

/// What the trial replaces by its own, and would not harm: another service keeps it from starting here, which takes longer.
fn places(docker: &Docker, production: &Deployment, miner: &str) {
    let published = format!("host_ip: \"{HOST4}\", published: \"6379\"");
    let edits: &[Edit] = &[
        (FILE, &published, "host_ip: 0.0.0.0, published: \"6379\"", &["services", "published"]),
        (FILE, &published, "published: \"6379\"", &["services", "published"]),
        (FILE, &published, &published.replace("6379", "6380"), &["services", "published"]),
        (FILE, "    internal: true\n", "", &["services", "networks"]),
        (FILE, "-pub\"", "-other\"", &["services", "networks"]),
        (FILE, "-app\"", "-other\"", &["services", "networks"]),
        (FILE, "restart: unless-stopped", "restart: \"no\"", &["services", "restart"]),
        (FILE, "interval: 5s", "interval: 10m", &["services", "health-timing"]),
        (FILE, "retries: 3", "retries: 3\n      disable: true", &["services", "health-timing"]),
        (
            FILE,
            "/data\", target: /data",
            "/data\", target: /elsewhere",
            &["services", "host-paths", "encrypted-data", "backups"],
        ),
        (
            FILE,
            "target: /data, bind: { create_host_path: false }",
            "target: /data, bind: { create_host_path: true }",
            &["services", "encrypted-data"],
        ),
        (
            FILE,
            "target: /data, read_only: true, bind: { create_host_path: false }",
            "target: /data, read_only: true, bind: { create_host_path: true }",
            &["services", "encrypted-data"],
        ),
        (FILE, "target: /data, read_only: true,", "target: /data,", &["services", "backups"]),
        (FILE, "    profiles: [restore]\n", "", &["services", "backups"]),
        (FILE, "    network_mode: none\n", "    networks: [app]\n", &["services", "networks"]),
    ];
    let before = production.read(FILE);
    edit(production, FILE, &[("services:\n", miner)]);
    for edit in edits {
        refused(docker, production, edit, "compose/up");
    }
    std::fs::write(production.path(FILE), before).expect("written");
}

/// The checks fail, nothing starts, and the file is put back.
#[track_caller]
fn refused(docker: &Docker, deployment: &Deployment, (file, from, to, ids): &Edit, not_run: &str) {
    let before = deployment.read(file);
    edit(deployment, file, &[(from, to)]);
    let out = deployment.out().display().to_string();
    let mut command = docker.command(deployment, &["--level", "compose", "--dir", &out]);
    let proof = Proof::of(&run(command.env("REDISGEN_TEST", "secret")));
    let ids: Vec<String> = ids.iter().map(|id| format!("compose/{id}")).collect();
    proof.fails(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(proof.with("not-run").join(" "), not_run, "{to}: {}", proof.text);
    assert!(!proof.states.contains_key("compose/user"), "{to}: it was started");
    std::fs::write(deployment.path(file), before).expect("written");
}
