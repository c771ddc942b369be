//! The printed steps, run as they are printed: `docker compose exec` is played by a script that runs the rest here.

use std::path::Path;

use crate::common::{Out, Room, check_script};
use crate::lab::{Server, built, password, profile};

/// The command that a shell sees as `docker`, and one that sees our program.
fn tools(room: &Room, server: &Server) {
    let secrets = room.path("deploy/secrets/server").display().to_string();
    // compose -f FILE exec -T redis COMMAND...
    room.file(
        "bin/docker",
        format!(
            "#!/bin/sh\nset -eu\n[ \"$1 $2 $4 $5 $6\" = 'compose -f exec -T redis' ]\n[ -f \"$3\" ]\nshift 6\n\
             printf '%s\\n' \"$*\" >>\"$0.arguments\"\nfor word; do\n  shift\n  case \"$word\" in\n    6379) word={} ;;\n    \
             /run/redis/*) word={secrets}/${{word#/run/redis/}} ;;\n  esac\n  set -- \"$@\" \"$word\"\ndone\nexec \"$@\"\n",
            server.port
        ),
    );
    room.file("bin/redisgen", format!("#!/bin/sh\nexec {} \"$@\"\n", crate::common::REDISGEN));
    room.chmod("bin/docker", 0o755);
    room.chmod("bin/redisgen", 0o755);
}

/// Runs the commands of each step, which are indented; what a person does is left out.
fn steps(room: &Room) -> Vec<String> {
    let plan = room.run(["secrets", "rotate", "--plan", "--user", "app", "--user", "admin", "p.yaml"]);
    let plan = plan.ended(0);
    let steps =
        plan.stdout.split("\n\n").filter(|step| !step.starts_with("Rotation") && !step.starts_with("Connections"));
    let commands = |step: &str| {
        let lines: Vec<&str> = step.lines().filter(|line| line.starts_with("  ")).collect();
        lines.join("\n") + "\n"
    };
    steps.filter(|step| !step.contains("Let clients")).map(commands).collect()
}

fn run(room: &Room, step: &str) -> Out {
    let script = room.file("step.sh", format!("#!/bin/sh\nset -eu\n{step}"));
    check_script(&script);
    room.shell("PATH=\"$PWD/bin:$PATH\" sh step.sh")
}

#[test]
fn the_plan_works_as_it_is_printed() {
    for tls in ["mutual", "disabled"] {
        let room = built(&profile("redis", "7.0.15", tls));
        let server = Server::start(&room, Path::new("redis-server"), tls == "mutual");
        tools(&room, &server);
        let before = room.tree("deploy").len();
        let (old, steps) = (password(&room, "app"), steps(&room));
        assert_eq!(room.tree("deploy").len(), before, "a plan changes nothing");
        assert_eq!(steps.len(), 5, "{steps:?}");
        for (place, step) in steps.iter().enumerate() {
            let out = run(&room, step);
            assert_eq!(out.code, Some(0), "{step}\n{}{}", out.stdout, out.stderr);
            let now = password(&room, "app");
            assert!(server.opens("app", &now), "refused after step {place}");
            assert_eq!(server.opens("app", &old), place < 3, "step {place}");
            for secret in [&now, &old] {
                let arguments = std::fs::read_to_string(room.path("bin/docker.arguments")).unwrap_or_default();
                assert!(!arguments.contains(secret.as_str()) && !out.stdout.contains(secret.as_str()));
            }
        }
        assert_ne!(password(&room, "app"), old);
        room.run(["secrets", "status", "p.yaml"]).ended(0);
    }
}

#[test]
fn with_a_server_the_plan_is_shorter() {
    let room = built(&profile("redis", "7.0.15", "mutual"));
    let plan = room.run(["secrets", "rotate", "--plan", "p.yaml", "--against", "rediss://redis:6379", "--as", "admin"]);
    let plan = plan.ended(0);
    assert!(plan.stdout.contains("--against rediss://redis:6379 --as admin --finish"), "{}", plan.stdout);
    assert!(!plan.stdout.contains("docker compose -f deploy/docker-compose.prod.yml exec"), "{}", plan.stdout);
}
