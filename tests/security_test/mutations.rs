//! Each protection taken away from what was built: exactly its check says so.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::deployment::{Deployment, development_profile, replaced};
use crate::engine;
use crate::engines::profile;
use crate::sandbox::Server;
use crate::tap::{Tap, script};

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("readable");
    fs::write(path, replaced(&text, from, to)).expect("writable");
}

/// Edits the line of one user in the file that the server reads.
fn edit_user(deployment: &Deployment, user: &str, change: impl Fn(&str) -> String) {
    let path = deployment.secret("server/users.acl");
    let text = fs::read_to_string(&path).expect("users.acl");
    let start = format!("user {user} ");
    let changed: String =
        text.lines().map(|line| if line.starts_with(&start) { change(line) } else { line.to_owned() } + "\n").collect();
    assert_ne!(changed, text, "{user}");
    fs::write(&path, changed).expect("users.acl");
}

fn hashless(line: &str) -> String {
    let words = line.split(' ').map(|word| if word.starts_with('#') { "nopass" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

type UserChange = fn(&str) -> String;
type UserChanges = &'static [(&'static str, UserChange)];
/// What stands in redis.conf, and what instead.
type Edits = &'static [(&'static str, &'static str)];

#[test]
fn a_right_too_much_is_found() {
    let changes: &[(&str, UserChange, &[&str])] = &[
        (
            "default",
            |line| line.replace(" off ", " on nopass "),
            &["without a login nothing is answered", "default is off"],
        ),
        ("cart", hashless, &["cart: a wrong password is refused"]),
        ("cart", |line| format!("{line} +flushall"), &["cart: dangerous commands are refused"]),
        (
            "cart",
            |line| format!("{line} +config"),
            &["cart: dangerous commands are refused", "cart: further commands would be refused"],
        ),
        ("cart", |line| format!("{line} +keys"), &["cart: further commands would be refused"]),
        ("cart", |line| line.replace("~cart:*", "~*"), &["cart reads no other keys", "cart writes no other keys"]),
        ("cart", |line| line.replace("~cart:*", "~cart:* %R~*"), &["cart reads no other keys"]),
        ("cart", |line| line.replace("~cart:*", "~cart:* %W~*"), &["cart writes no other keys"]),
        ("cart", |line| line.replace("resetchannels &cart:*", "&*"), &["cart would use no other channels"]),
        ("listed", |line| format!("{line} +eval"), &["listed: dangerous commands are refused"]),
        ("reports", |line| format!("{line} +set"), &["reports writes nothing"]),
        ("grafana", |line| format!("{line} +shutdown"), &["grafana: dangerous commands are refused"]),
        (
            "health",
            |line| format!("{line} +acl"),
            &["health: dangerous commands are refused", "health: further commands would be refused"],
        ),
        ("Narrow_9.x-y", |line| format!("{line} ~redis*"), &["Narrow_9.x-y reads no other keys"]),
        ("retired", |line| line.replace(" off ", " on "), &["retired is disabled: its password is refused"]),
        // The other way round: a right that is missing is seen by the controls.
        (
            "cart",
            |line| format!("{line} -@all"),
            &[
                "cart reads its own keys (control)",
                "cart reads no other keys",
                "cart writes its own keys (control)",
                "cart writes no other keys",
                "cart would use its own channels (control)",
                "cart would use no other channels",
            ],
        ),
    ];
    for (user, change, expected) in changes {
        let deployment = Deployment::build(&profile(&engine::debian(), "disabled"));
        edit_user(&deployment, user, change);
        let server = Server::boot(&deployment, &engine::debian());
        let tap = Tap::of(&server, &[]);
        assert_eq!((tap.code, tap.failed()), (Some(1), expected.to_vec()), "{user}\n{}", tap.text);
        assert!(tap.text.contains("# seen: "), "{}", tap.text);
    }
}

/// The same on every other server, whose answers are in other words: rights that do not touch each other at once.
#[test]
fn a_right_too_much_is_found_on_every_engine() {
    let together: &[(UserChanges, &[&str])] = &[
        (
            &[
                ("default", |line| line.replace(" off ", " on nopass ")),
                ("cart", hashless),
                ("listed", |line| format!("{line} +eval")),
                ("reports", |line| format!("{line} +set")),
                ("grafana", |line| format!("{line} +shutdown")),
                ("health", |line| format!("{line} +acl")),
                ("Narrow_9.x-y", |line| format!("{line} ~redis*")),
                ("retired", |line| line.replace(" off ", " on ")),
            ],
            &[
                "without a login nothing is answered",
                "default is off",
                "cart: a wrong password is refused",
                "listed: dangerous commands are refused",
                "reports writes nothing",
                "grafana: dangerous commands are refused",
                "health: dangerous commands are refused",
                "health: further commands would be refused",
                "Narrow_9.x-y reads no other keys",
                "retired is disabled: its password is refused",
            ],
        ),
        (
            &[("cart", |line| {
                format!("{line} +flushall +config").replace("~cart:*", "~*").replace("resetchannels &cart:*", "&*")
            })],
            &[
                "cart: dangerous commands are refused",
                "cart: further commands would be refused",
                "cart reads no other keys",
                "cart writes no other keys",
                "cart would use no other channels",
            ],
        ),
        (
            &[("cart", |line| format!("{line} -@all"))],
            &[
                "cart reads its own keys (control)",
                "cart reads no other keys",
                "cart writes its own keys (control)",
                "cart writes no other keys",
                "cart would use its own channels (control)",
                "cart would use no other channels",
            ],
        ),
    ];
    for engine in engine::others() {
        for (changes, expected) in together {
            let deployment = Deployment::build(&profile(&engine, "disabled"));
            for (user, change) in *changes {
                edit_user(&deployment, user, change);
            }
            let server = Server::boot(&deployment, &engine);
            let tap = Tap::of(&server, &[]);
            // Before 7.0 nobody can ask what somebody else would be answered.
            let mut expected: Vec<&str> =
                expected.iter().copied().filter(|text| engine.since(7, 0) || !text.contains(" would ")).collect();
            let mut failed = tap.failed();
            expected.sort_unstable();
            failed.sort_unstable();
            assert_eq!((tap.code, failed), (Some(1), expected), "{engine:?}\n{}", tap.text);
        }
    }
}

#[test]
fn a_setting_that_is_not_as_written_is_found() {
    const CIPHERS: &str = "ECDHE-RSA-AES128-GCM-SHA256\n";
    let changes: &[(Edits, &[&str])] = &[
        (&[("protected-mode yes", "protected-mode no")], &["the setting protected-mode is as written"]),
        (&[("port 0\n", "port 6380\n")], &["the setting port is as written"]),
        (
            &[("enable-debug-command no", "enable-debug-command yes")],
            &["the setting enable-debug-command is as written"],
        ),
        (
            &[("enable-module-command no", "enable-module-command local")],
            &["the setting enable-module-command is as written"],
        ),
        (
            &[("enable-protected-configs no", "enable-protected-configs yes")],
            &["the setting enable-protected-configs is as written"],
        ),
        (&[("maxmemory 320mb", "maxmemory 0")], &["the setting maxmemory is as written"]),
        (
            &[("maxmemory-policy noeviction", "maxmemory-policy allkeys-lru")],
            &["the setting maxmemory-policy is as written"],
        ),
        (&[("timeout 300", "timeout 0")], &["the setting timeout is as written"]),
        (&[("appendonly yes", "appendonly no")], &["the setting appendonly is as written"]),
        (
            &[("TLS_AES_128_GCM_SHA256\n", "TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256\n")],
            &["the setting tls-ciphersuites is as written"],
        ),
        (&[("aclfile /run/redis/users.acl", "aclfile /run/redis/other.acl")], &["the setting aclfile is as written"]),
        (
            &[
                ("\"TLSv1.2 TLSv1.3\"", "\"TLSv1 TLSv1.1 TLSv1.2 TLSv1.3\""),
                (CIPHERS, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA@SECLEVEL=0\n"),
            ],
            &[
                "the setting tls-protocols is as written",
                "the setting tls-ciphers is as written",
                "TLS 1.0 is refused",
                "TLS 1.1 is refused",
            ],
        ),
        (&[("maxclients ", "maxclients 9")], &["the setting maxclients is as written"]),
        (
            &[("acl-pubsub-default resetchannels", "acl-pubsub-default allchannels")],
            &["the setting acl-pubsub-default is as written"],
        ),
        (
            &[("tls-auth-clients yes", "tls-auth-clients no")],
            &["the setting tls-auth-clients is as written", "a right password without a certificate is refused"],
        ),
        (
            &[(CIPHERS, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256\n")],
            &["the setting tls-ciphers is as written", "weak ciphers are refused"],
        ),
        (
            &[
                ("\"TLSv1.2 TLSv1.3\"", "\"TLSv1.1 TLSv1.2 TLSv1.3\""),
                (CIPHERS, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA@SECLEVEL=0\n"),
            ],
            &["the setting tls-protocols is as written", "the setting tls-ciphers is as written", "TLS 1.1 is refused"],
        ),
    ];
    for (edits, expected) in changes {
        let deployment = Deployment::build(&profile(&engine::debian(), "mutual"));
        for (from, to) in *edits {
            // At the start of a line: `port 0` is part of no other word.
            let (from, to) = if from.starts_with("port") {
                (format!("\n{from}"), format!("\n{to}"))
            } else {
                ((*from).to_owned(), (*to).to_owned())
            };
            edit(&deployment.out().join("redis/redis.conf"), &from, &to);
        }
        fs::copy(deployment.secret("server/users.acl"), deployment.secret("server/other.acl")).expect("copied");
        let server = Server::boot(&deployment, &engine::debian());
        let tap = Tap::of(&server, &[]);
        assert_eq!((tap.code, tap.failed()), (Some(1), expected.to_vec()), "{edits:?}\n{}", tap.text);
    }
}

#[test]
fn an_older_tls_than_the_profile_wants_is_found() {
    let deployment = Deployment::build(&profile(&engine::debian(), "mutual, minimum: \"1.3\""));
    let conf = deployment.out().join("redis/redis.conf");
    edit(&conf, "tls-protocols TLSv1.3", "tls-protocols \"TLSv1.2 TLSv1.3\"");
    let server = Server::boot(&deployment, &engine::debian());
    let tap = Tap::of(&server, &[]);
    let expected = vec!["the setting tls-protocols is as written", "TLS 1.2 is refused"];
    assert_eq!((tap.code, tap.failed()), (Some(1), expected), "{}", tap.text);
}

/// A command that is back under its name: of all users only the admins may run it then.
#[test]
fn a_command_that_is_back_is_found() {
    for engine in engine::all() {
        let renamed = format!(
            "{}commands: {{ disabled: [flushall, config, eval, shutdown, keys], rename: true }}\nwaivers: [{{ rule: rename-meets-old-aof, reason: a test }}]\n",
            profile(&engine, "disabled")
        );
        let deployment = Deployment::build(&renamed);
        edit(&deployment.out().join("redis/redis.conf"), "rename-command flushall \"\"\n", "");
        let server = Server::boot(&deployment, &engine);
        let tap = Tap::of(&server, &[]);
        assert_eq!((tap.code, tap.failed()), (Some(1), vec!["admin: dangerous commands are refused"]), "{}", tap.text);
    }
}

/// Development: nobody has a password, so nobody but this machine may get there; and who has one is judged as elsewhere.
#[test]
fn a_weak_development_is_found() {
    let deployment = Deployment::build(&development_profile());
    let server = Server::boot(&deployment, &engine::debian());
    in_its_network(&server, &["link", "add", "outside", "type", "veth", "peer", "name", "other"]);
    in_its_network(&server, &["address", "add", "192.0.2.7/24", "dev", "outside"]);
    in_its_network(&server, &["link", "set", "outside", "up"]);
    in_its_network(&server, &["link", "set", "other", "up"]);
    let tap = Tap::of(&server, &["--port", "6379"]);
    assert_eq!((tap.code, tap.failed()), (Some(1), vec!["no answer at 192.0.2.7"]), "{}", tap.text);
    drop(server);
    let users =
        replaced(&profile(&engine::debian(), "disabled"), "environment: production", "environment: development");
    let deployment = Deployment::build(&users);
    edit_user(&deployment, "cart", |line| format!("{line} +flushall ~*"));
    let server = Server::boot(&deployment, &engine::debian());
    let tap = Tap::of(&server, &["--port", "6379"]);
    let failed = tap.failed();
    for expected in ["cart reads no other keys", "cart writes no other keys"] {
        assert!(failed.contains(&expected), "{failed:?}\n{}", tap.text);
    }
    assert_eq!(tap.code, Some(1));
}

/// The script of one profile on the tree of another one, whose certificate lacks a name.
#[test]
fn a_certificate_of_another_name_or_authority_is_found() {
    let engine = engine::debian();
    let asked = Deployment::build(&profile(&engine, "mutual"));
    let built =
        Deployment::build(&replaced(&profile(&engine, "mutual"), "[redis, localhost]", "[elsewhere, localhost]"));
    let server = Server::boot(&built, &engine);
    let secrets = built.out().join("secrets").display().to_string();
    let run = |secrets: &str| Tap::run(server.in_network("sh").arg(script(&asked)).args(["--secrets", secrets]));
    let tap = run(&secrets);
    assert_eq!(
        (tap.code, tap.failed()),
        (Some(1), vec!["the certificate is of our authority and names redis"]),
        "{}",
        tap.text
    );
    // Another authority: nothing is sent to that server.
    let tap = run(&asked.out().join("secrets").display().to_string());
    assert!(tap.bailed && tap.code == Some(2), "{}", tap.text);
    assert!(tap.text.contains("certificate verify failed"), "{}", tap.text);
}

/// No server has two protocols on one port; this one in front of it does, as a proxy might.
const BOTH: &str = r"
import socket, threading
def carry(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
    except OSError: pass
    for end in (a, b):
        try: end.shutdown(socket.SHUT_RDWR)
        except OSError: pass
def serve(client):
    first = client.recv(1, socket.MSG_PEEK)
    server = socket.create_connection(('127.0.0.1', 6390 if first == b'\x16' else 6391))
    threading.Thread(target=carry, args=(client, server), daemon=True).start()
    carry(server, client)
listener = socket.create_server(('127.0.0.1', 6379))
print('ready', flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
";

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_port_without_tls_is_found() {
    let deployment = Deployment::build(&profile(&engine::debian(), "mutual"));
    let conf = deployment.out().join("redis/redis.conf");
    edit(&conf, "\nport 0\n", "\nport 6391\n");
    edit(&conf, "tls-port 6379", "tls-port 6390");
    let server = Server::boot(&deployment, &engine::debian());
    let mut proxy = server.in_network("python3");
    let mut proxy = Ended(proxy.args(["-c", BOTH]).stdout(Stdio::piped()).spawn().expect("python3 runs"));
    let mut line = String::new();
    let out = proxy.0.stdout.take().expect("stdout");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).expect("it is ready");
    assert_eq!(line, "ready\n");
    let tap = Tap::of(&server, &[]);
    let expected =
        ["the setting port is as written", "the setting tls-port is as written", "without TLS nothing is answered"];
    assert_eq!((tap.code, tap.failed()), (Some(1), expected.to_vec()), "{}", tap.text);
}

fn in_its_network(server: &Server, words: &[&str]) {
    let status = server.in_network("ip").args(words).status().expect("ip runs: install the package iproute2");
    assert!(status.success(), "{words:?}");
}

/// Without Docker in between, the server listens at all addresses of its host.
#[test]
fn a_port_at_other_addresses_is_found() {
    let deployment = Deployment::build(&profile(&engine::debian(), "disabled"));
    let server = Server::boot(&deployment, &engine::debian());
    Tap::of(&server, &[]).holds();
    in_its_network(&server, &["link", "add", "outside", "type", "veth", "peer", "name", "other"]);
    in_its_network(&server, &["address", "add", "192.0.2.7/24", "dev", "outside"]);
    in_its_network(&server, &["link", "set", "outside", "up"]);
    in_its_network(&server, &["link", "set", "other", "up"]);
    let tap = Tap::of(&server, &[]);
    assert_eq!((tap.code, tap.failed()), (Some(1), vec!["no answer at 192.0.2.7"]), "{}", tap.text);
    let tap = Tap::of(&server, &["--outside", "192.0.2.7"]);
    assert_eq!((tap.code, tap.failed()), (Some(1), vec!["no answer at 192.0.2.7"]), "{}", tap.text);
    // Nobody is there; a name that does not exist proves nothing.
    Tap::of(&server, &["--outside", "192.0.2.9"]).holds();
    let tap = Tap::of(&server, &["--outside", "nosuch.invalid"]);
    assert_eq!((tap.code, tap.failed()), (Some(1), vec!["no answer at nosuch.invalid"]), "{}", tap.text);
    // The same port, closed there.
    edit(&deployment.out().join("redis/redis.conf"), "bind * -::*", "bind 127.0.0.1");
    drop(server);
    let server = Server::boot(&deployment, &engine::debian());
    in_its_network(&server, &["address", "add", "192.0.2.7/32", "dev", "lo"]);
    Tap::of(&server, &["--outside", "192.0.2.7"]).holds();
}
