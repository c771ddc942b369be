//! `client/via-bastion.sh` through the tunnel, as the users of the profile.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use crate::deployment::{Deployment, development_profile, replaced};
use crate::tunnel::on_loopback;
use crate::way::Way;

/// That it failed, and what it said.
#[track_caller]
fn failed(output: &Output) -> String {
    let said = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    assert!(!output.status.success(), "{said}");
    said
}

#[test]
fn users_are_who_they_are_with_mutual_tls() {
    let deployment = Deployment::build(&on_loopback());
    let way = Way::new(&deployment);
    let _tunnel = way.tunnel(6379);
    assert_eq!(way.answer(&["admin", "acl", "whoami"]), "admin");
    assert_eq!(way.answer(&["sessionapp", "set", "user:1", "a b"]), "OK");
    assert_eq!(way.answer(&["readonly", "get", "user:1"]), "a b");
    assert!(failed(&way.client(&["readonly", "set", "user:1", "x"])).contains("NOPERM"));
    assert_eq!(way.answer(&["admin", "--no-raw", "get", "user:1"]), "\"a b\"", "options of the client");

    // A password that is not this user's, one that is not there, a user that is not there.
    let password = deployment.secret("clients/admin/password");
    let right = fs::read(&password).expect("password");
    fs::write(&password, deployment.password("readonly")).expect("written");
    assert!(failed(&way.client(&["admin", "ping"])).contains("WRONGPASS"));
    fs::remove_file(&password).expect("removed");
    assert!(failed(&way.client(&["admin", "ping"])).contains("No such file"));
    fs::write(&password, right).expect("written");
    assert_eq!(way.answer(&["admin", "ping"]), "PONG", "the control");
    assert!(failed(&way.client(&["nobody", "ping"])).contains("No such file"));

    // No certificate of the client's, and a server of another authority.
    let certificate = deployment.secret("clients/admin/client.crt");
    fs::rename(&certificate, certificate.with_extension("away")).expect("moved");
    assert!(!failed(&way.client(&["admin", "ping"])).contains("PONG"));
    fs::rename(certificate.with_extension("away"), &certificate).expect("moved");
    let elsewhere = Deployment::build(&on_loopback());
    fs::copy(elsewhere.secret("server/ca.crt"), deployment.secret("server/ca.crt")).expect("copied");
    assert!(failed(&way.client(&["admin", "ping"])).contains("certificate verify failed"));
}

/// The name is a matter for libraries: redis-cli checks the authority alone, as the script says.
#[test]
fn a_certificate_without_the_tunnels_name_is_fine_for_the_command_line() {
    let server = replaced(&on_loopback(), "mode: mutual ", "mode: server ");
    let unnamed = replaced(&server, "names: [redis, localhost]", "names: [redis]");
    let deployment = Deployment::build(&replaced(&unnamed, "addresses: [127.0.0.1]", "addresses: []"));
    let script = fs::read_to_string(deployment.out().join("client/via-bastion.sh")).expect("script");
    assert!(script.contains("tell the library to expect redis.internal.example.com (server name)"), "{script}");
    let way = Way::new(&deployment);
    let _tunnel = way.tunnel(6379);
    assert_eq!(way.answer(&["admin", "acl", "whoami"]), "admin");
    // What the comment says to a library, by one that checks names: Python's.
    let library = |expected: &str| {
        const SCRIPT: &str = "
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
with context.wrap_socket(socket.create_connection(('127.0.0.1', 6379), 5), server_hostname=sys.argv[2]) as server:
    server.sendall(b'PING\\r\\n')
    print(server.recv(100).decode())
";
        let ca = deployment.secret("server/ca.crt");
        way.client.command("python3").args(["-c", SCRIPT]).arg(ca).arg(expected).output().expect("python3")
    };
    assert!(failed(&library("127.0.0.1")).contains("IP address mismatch"));
    let output = library("redis.internal.example.com");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("-NOAUTH"), "{output:?}");
}

#[test]
fn nobody_needs_a_name_where_the_profile_has_none() {
    let bastion = "exposure: localhost\n  bastion: { host: bastion.example.com, user: ops, target: 10.8.0.1 }\n";
    let deployment = Deployment::build(
        &replaced(&development_profile(), "exposure: localhost ", bastion)
            .replace("\n       # published", "\n  # published"),
    );
    let way = Way::new(&deployment);
    let _tunnel = way.tunnel(6380);
    assert_eq!(way.answer(&["ping"]), "PONG");
    assert_eq!(way.answer(&["set", "a", "1"]), "OK");
    assert_eq!(way.answer(&["--", "--no-raw", "get", "a"]), "\"1\"");
}

/// Neither the arguments of any process nor what it prints hold the password.
#[test]
fn the_password_is_in_the_environment_of_the_client_only() {
    let deployment = Deployment::build(&on_loopback());
    let tools = deployment.folder().join("bin");
    fs::create_dir(&tools).expect("folder");
    let stand_in = tools.join("redis-cli");
    fs::write(&stand_in, "#!/bin/sh\nprintf '[%s]' \"$@\"\necho\necho \"$REDISCLI_AUTH\"\n").expect("written");
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).expect("chmod");
    let run = |arguments: &[&str]| {
        let path = format!("{}:/usr/bin:/bin", tools.display());
        let script = deployment.out().join("client/via-bastion.sh");
        Command::new(script).args(arguments).env("PATH", path).env_remove("REDISCLI_AUTH").output().expect("runs")
    };
    let output = run(&["admin", "get", "$(id) it's"]);
    let said = String::from_utf8(output.stdout).expect("text");
    let secrets = deployment.out().join("secrets");
    let secrets = secrets.display();
    let expected = format!(
        "[-e][--no-auth-warning][-h][127.0.0.1][-p][6379][--tls][--cacert][{secrets}/server/ca.crt][--user][admin]\
         [--cert][{secrets}/clients/admin/client.crt][--key][{secrets}/clients/admin/client.key][get][$(id) it's]"
    );
    assert_eq!(said.lines().collect::<Vec<_>>(), [expected.as_str(), deployment.password("admin").as_str()]);
    for arguments in [&[][..], &["-p", "0", "admin"], &["-p", "x", "admin"], &["-x"], &["../ca"], &[""]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage: via-bastion.sh"), "{arguments:?}");
    }
    // A copy that others can get into is told, not used.
    fs::set_permissions(deployment.out().join("secrets"), fs::Permissions::from_mode(0o755)).expect("chmod");
    assert!(failed(&run(&["admin", "ping"])).contains("is open to others"));
}
