//! AWS Secrets Manager: the real command line, and moto as a stand-in for the service, with its HTTP API.

use std::net::TcpStream;
use std::process::Command;

use crate::common::{Room, check_script};
use crate::lab::{Redis, Service, Watched, free_port, holding, program};

const PROFILE: &str = "version: 1
name: orders
environment: production
engine: { kind: redis, version: \"7.0.15\" }
users:
  - { name: admin, role: admin }
  - { name: Order.Service_1, role: application, keys: [\"orders:*\"] }
secrets: { store: aws-secrets-manager, aws: { region: eu-central-1 } }
";
const KEPT: [(&str, &str); 2] =
    [("admin", "mC7nUe9Kq2ZsW4xR8tYb5vPd1LhJ6gFa"), ("Order.Service_1", "Xw3Rk8Bn5TzQ1yMv7CpL4dHs9GjF2aEu")];

#[test]
fn passwords_come_from_aws_and_leave_no_trace() {
    let room = Room::with(PROFILE);
    room.run(["build", "--deny", "error", "--no-secrets", "p.yaml"]).ended(0);
    check_script(&room.path("deploy/secret-store/fetch.sh"));
    let port = free_port();
    let mut moto = Command::new(program("moto"));
    moto.args(["-H", "127.0.0.1", "-p", &port.to_string()]).current_dir(room.path(""));
    let _moto = Service::start(&mut moto, &room.path("moto.log"), || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let endpoint = format!("http://127.0.0.1:{port}");
    let variables =
        [("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let aws = |words: &[&str]| {
        let mut command = Command::new(program("aws"));
        command.args(words).envs(variables).env("HOME", room.path("home")).env("AWS_DEFAULT_REGION", "eu-central-1");
        let output = command.output().expect("aws starts");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let watched = Watched::new(&room, ("aws", &program("aws")));
    let fetch = || watched.run("fetch.sh", &[], &variables);
    let password = |user: &str| room.read(&format!("deploy/secrets/clients/{user}/password"));

    // Of one user only: none is brought.
    let keep = |action: &str, option: &str, user: &str, value: &str| {
        room.file("value", value);
        let (name, value) =
            (format!("orders/redis/{user}/password"), format!("file://{}", room.path("value").display()));
        aws(&["secretsmanager", action, option, &name, "--secret-string", &value]);
        std::fs::remove_file(room.path("value")).expect("removed");
    };
    keep("create-secret", "--name", KEPT[0].0, KEPT[0].1);
    let refused = fetch().ended(1);
    assert!(refused.stderr.contains("AWS gives no password of Order.Service_1"), "{refused:?}");
    assert!(!room.path("deploy/secrets/clients").exists() && !room.path("deploy/secrets/fetched").exists());
    // What is no password is not taken for one.
    keep("create-secret", "--name", KEPT[1].0, "correct horse battery staple, and more of it");
    let refused = fetch().ended(1);
    assert!(refused.stderr.contains("Order.Service_1 is no password"), "{refused:?}");
    assert!(!room.path("deploy/secrets/clients").exists());
    keep("put-secret-value", "--secret-id", KEPT[1].0, KEPT[1].1);

    let fetched = fetch().ended(0);
    for (user, kept) in KEPT {
        assert_eq!(password(user), format!("{kept}\n"));
        assert_eq!(room.mode(&format!("deploy/secrets/clients/{user}/password")), 0o644);
        assert!(!watched.started().contains(kept), "in an argument or an environment");
        assert!(!format!("{fetched:?}").contains(kept), "on the terminal");
        assert_eq!(holding(&room.path("deploy"), kept), [format!("./secrets/clients/{user}/password")]);
        assert!(holding(&room.path("home"), kept).is_empty(), "at home");
    }
    assert_eq!(room.mode("deploy/secrets"), 0o700);
    room.run(["build", "--deny", "error", "p.yaml"]).ended(0);
    let redis = Redis::start(&room);
    assert!(KEPT.iter().all(|(user, password)| redis.admits(user, password)));
    assert!(!redis.admits("admin", KEPT[1].1), "the control");
    assert_eq!(fetch().ended(0).stderr, "", "a second time nothing is new");

    // A history of the command line's own would keep every answer: it does, and the script refuses to add to it.
    room.file("home/.aws/config", "[default]\ncli_history = enabled\n");
    let refused = fetch().ended(2);
    assert!(refused.stderr.contains("history"), "{refused:?}");
    assert!(holding(&room.path("home"), KEPT[0].1).is_empty());
    aws(&["secretsmanager", "get-secret-value", "--secret-id", "orders/redis/admin/password"]);
    assert_eq!(holding(&room.path("home"), KEPT[0].1), ["./.aws/cli/history/history.db"], "the control");
    std::fs::remove_dir_all(room.path("home/.aws")).expect("removed");

    // The control of what is watched: a script that is careless with one password.
    let script = room.read("deploy/secret-store/fetch.sh");
    let line = "\tchmod 644 \"secrets/fetched/$user\"\n";
    assert_eq!(script.matches(line).count(), 1);
    let careless =
        format!("{line}\tread -r word <\"secrets/fetched/$user\"\n\texport word\n\tmkdir -p -- \"$folder\"\n");
    room.file("deploy/secret-store/fetch.sh", script.replace(line, &careless));
    fetch().ended(0);
    assert!(watched.started().contains(&format!("word={}", KEPT[0].1)), "nobody sees environments");
    let careless = careless.replace("\texport word\n", "").replace("-- \"$folder\"", "-- \"$folder/$word\"");
    room.file("deploy/secret-store/fetch.sh", script.replace(line, &careless));
    fetch().ended(0);
    assert!(watched.started().contains(&format!("admin/{}", KEPT[0].1)), "nobody sees arguments");
}
