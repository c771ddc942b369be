//! `access/tunnel.sh`: where it leads, whom it believes, what it hands on, and how it ends.

use std::fs;
use std::process::Command;

use crate::deployment::{Deployment, production_profile, replaced};
use crate::hosts::wait_for;
use crate::sandbox::succeeded;
use crate::way::{BASTION, TARGET, Way, connects};

/// Production, published on the Redis host's loopback.
pub fn on_loopback() -> String {
    replaced(&production_profile(), "exposure: allowlist ", "exposure: localhost ")
}

/// Production, published on the Redis host's addresses.
pub fn on_address(target: &str) -> String {
    let open = replaced(&production_profile(), "exposure: allowlist ", "exposure: open ");
    let waived = format!(
        "{open}waivers:\n  - {{ rule: network-open, reason: a test }}\n  - {{ rule: version-open-to-strangers, reason: a test }}\n"
    );
    replaced(&waived, "target: 10.8.0.1", &format!("target: {target}"))
}

#[test]
fn leads_to_a_port_on_the_loopback_and_nothing_else_does() {
    let deployment = Deployment::build(&on_loopback());
    let way = Way::new(&deployment);
    // Even where the bastion routes, the loopback is closed; the control is SSH on the same host.
    way.routes(true);
    assert!(connects(&way.client, TARGET, 22) && !connects(&way.client, TARGET, 6379));
    way.routes(false);
    assert!(!connects(&way.client, TARGET, 22), "the client is meant to need the bastion");
    assert!(!way.client(&["admin", "ping"]).status.success(), "there is no tunnel yet");
    let _tunnel = way.tunnel(6379);
    assert_eq!(way.answer(&["admin", "ping"]), "PONG");
}

#[test]
fn leads_to_a_published_address_through_the_bastion_alone() {
    for target in ["10.8.0.1", "\"fd00:8::1\""] {
        let deployment = Deployment::build(&on_address(target));
        let way = Way::new(&deployment);
        // Nobody gets to the target itself by SSH.
        way.trust(&[BASTION]);
        assert!(!connects(&way.client, TARGET, 6379));
        way.routes(true);
        assert!(connects(&way.client, TARGET, 6379), "the control: it is the bastion that stands between");
        way.routes(false);
        let _tunnel = way.tunnel(6379);
        assert_eq!(way.answer(&["admin", "acl", "whoami"]), "admin");
    }
}

/// With the firewall of the same profile in front: it admits the bastion, which is in `allow`, and not the person
/// behind it, even where the bastion routes.
#[test]
fn leads_to_the_port_of_an_allow_list() {
    let deployment = Deployment::build(&production_profile());
    let way = Way::new(&deployment);
    way.trust(&[BASTION]);
    way.routes(true);
    assert!(connects(&way.client, TARGET, 6379), "the control: without the firewall the person gets there");
    let rules = deployment.out().join("firewall/redisgen.nft");
    let output = way.target.command("nft").arg("-f").arg(rules).output();
    succeeded(&output.expect("nft runs: install the package nftables"));
    assert!(!connects(&way.client, TARGET, 6379) && connects(&way.client, TARGET, 22));
    let _tunnel = way.tunnel(6379);
    assert_eq!(way.answer(&["admin", "acl", "whoami"]), "admin");
}

#[test]
fn believes_no_host_key_that_an_administrator_did_not_give() {
    let deployment = Deployment::build(&on_loopback());
    let way = Way::new(&deployment);
    way.new_key("stranger");
    let changed = |host: &str, other: &str, key: &str| way.line(host, "stranger") + &way.line(other, key);
    for (known, names) in [
        (String::new(), BASTION),
        (way.line(BASTION, "bastion"), TARGET),
        (changed(BASTION, TARGET, "target"), BASTION),
        (changed(TARGET, BASTION, "bastion"), TARGET),
        // The bastion's key does not make it the target.
        (way.line(BASTION, "bastion") + &way.line(TARGET, "bastion"), TARGET),
    ] {
        fs::write(way.known_hosts(), &known).expect("written");
        let said = way.refused(&[]);
        assert!(said.contains("Host key verification failed.") && said.contains(names), "{known}: {said}");
        assert!(said.contains("ask an administrator") && said.contains("ssh-keyscan believes whoever"), "{said}");
        assert!(!way.client.listens_on_loopback(6379));
        assert_eq!(fs::read_to_string(way.known_hosts()).expect("there"), known, "it learned a key");
    }
    way.trust(&[BASTION, TARGET]);
    let _tunnel = way.tunnel(6379);
    assert_eq!(way.answer(&["admin", "ping"]), "PONG", "the control: with the right keys it opens");
}

/// A server may offer further keys once it is trusted; sshd here has one more.
#[test]
fn learns_no_host_key_from_a_server() {
    let deployment = Deployment::build(&on_loopback());
    let way = Way::new(&deployment);
    let session = |options: &[&str]| {
        let arguments = [options, &["api-forge-bastion", "sleep 1"]].concat();
        succeeded(&way.ssh(&arguments).output().expect("ssh"));
        fs::read_to_string(way.known_hosts()).expect("there").matches("ecdsa-sha2-nistp256").count()
    };
    assert_eq!(session(&[]), 0);
    assert_eq!(session(&["-o", "UpdateHostKeys=yes"]), 1, "the control: what ssh does by default");
}

/// With the settings included first in a person's own, careless ones.
#[test]
fn opens_by_name_where_the_settings_are_included() {
    let deployment = Deployment::build(&on_loopback());
    let way = Way::new(&deployment);
    let settings = deployment.out().join("access/ssh_config");
    let own = "Host *\n  StrictHostKeyChecking no\n  User nobody\n  ControlMaster auto\n  ControlPath ~/.ssh/%C\n";
    fs::write(way.path("home/.ssh/config"), format!("Include {}\n{own}", settings.display())).expect("written");
    let start = || way.client.start(&["ssh", "-N", "api-forge-redis"], &way.path("ssh.log"));
    let mut tunnel = start();
    wait_for("the tunnel opens", || {
        assert!(tunnel.runs(), "{}", tunnel.log());
        way.client.listens_on_loopback(6379)
    });
    assert_eq!(way.answer(&["admin", "ping"]), "PONG");
    tunnel.signalled("TERM");
    assert!(!way.client.listens_on_loopback(6379), "a shared connection would stay");
    way.trust(&[BASTION]);
    let (code, said) = start().ended();
    assert!(code == Some(255) && said.contains("Host key verification failed."), "{said}");
}

#[test]
fn hands_no_agent_on() {
    let deployment = Deployment::build(&on_loopback());
    let way = Way::new(&deployment);
    let socket = way.path("agent");
    let socket = socket.to_str().expect("UTF-8");
    let _agent = way.client.start(&["ssh-agent", "-D", "-a", socket], &way.path("agent.log"));
    wait_for("the agent listens", || fs::exists(socket).expect("a path"));
    let key = way.path("home/.ssh/id_ed25519");
    succeeded(&Command::new("ssh-add").arg(&key).env("SSH_AUTH_SOCK", socket).output().expect("ssh-add"));
    // From now on the agent alone can log in.
    fs::remove_file(&key).expect("removed");
    let seen = |options: &[&str], host: &str| {
        let arguments = [options, &[host, "echo ${SSH_AUTH_SOCK-none}"]].concat();
        let output = way.ssh(&arguments).env("SSH_AUTH_SOCK", socket).output();
        succeeded(&output.expect("ssh")).trim_end().to_owned()
    };
    for host in ["api-forge-bastion", "api-forge-target"] {
        assert_eq!(seen(&[], host), "none", "{host}");
        let forwarded = seen(&["-A"], host);
        assert!(forwarded.starts_with("/tmp/ssh-"), "the control: {host}: {forwarded}");
    }
}

#[test]
fn takes_no_port_that_is_taken_and_leaves_none_open() {
    let deployment = Deployment::build(&on_loopback());
    let way = Way::new(&deployment);
    for signal in ["TERM", "INT", "HUP"] {
        let tunnel = way.tunnel(6379);
        let said = way.refused(&[]);
        assert!(said.contains("Address already in use") && said.contains("tunnel.sh -p PORT"), "{said}");
        let other = way.tunnel(16379);
        assert_eq!(way.answer(&["admin", "ping"]), "PONG", "the first one stays");
        assert_eq!(way.answer(&["-p", "16379", "admin", "ping"]), "PONG");
        other.signalled(signal);
        assert!(!way.client.listens_on_loopback(16379) && way.client.listens_on_loopback(6379));
        let (code, said) = tunnel.signalled(signal);
        let number = match signal {
            "HUP" => 1,
            "INT" => 2,
            _ => 15,
        };
        assert_eq!(code, Some(128 + number), "{signal}: {said}");
        assert!(!said.contains("the tunnel is closed"), "no explanation of what was asked for: {said}");
        // ssh has ended too, else the port would be open.
        assert!(!way.client.listens_on_loopback(6379));
        assert!(!way.client(&["admin", "ping"]).status.success());
    }
}

#[test]
fn refuses_arguments_that_it_does_not_know() {
    let deployment = Deployment::build(&on_loopback());
    let script = deployment.out().join("access/tunnel.sh");
    for arguments in [
        &["-p", "0"][..],
        &["-p", "006379"],
        &["-p", "123456"],
        &["-p", "-1"],
        &["-p", "1:10.0.0.1:22"],
        &["-p", ""],
        &["-p"],
        &["-oStrictHostKeyChecking=no"],
        &["-x"],
        &["6379"],
    ] {
        let output = Command::new(&script).args(arguments).output().expect("runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage: tunnel.sh [-p PORT]"), "{arguments:?}");
    }
}

/// `ProxyJump` puts the name of the settings into a shell's command line as it is (OpenSSH 9.2).
#[test]
fn works_in_a_folder_of_any_name() {
    let deployment = Deployment::build(&on_loopback());
    let mut way = Way::new(&deployment);
    let odd = way.path("it's a %h $(touch EVIL) \"folder\"; touch EVIL #");
    succeeded(&Command::new("cp").arg("-a").arg(deployment.out()).arg(&odd).output().expect("cp"));
    way.tree.clone_from(&odd);
    let _tunnel = way.tunnel(6379);
    assert_eq!(way.answer(&["admin", "ping"]), "PONG");
    assert!(!fs::exists(odd.join("access/EVIL")).expect("path") && !fs::exists("/EVIL").expect("path"));
    // The control: by its absolute name ssh does not even find the bastion.
    assert!(!way.ssh(&["api-forge-target", "true"]).output().expect("ssh").status.success());
}

/// A key with a passphrase asks for it on the terminal, though ssh is in the background there.
#[test]
fn asks_for_a_passphrase_on_the_terminal() {
    const SCRIPT: &str = r#"
import os, pty, select, signal, sys, time
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
said, answers, ended, deadline = b"", 0, False, time.monotonic() + 20
while time.monotonic() < deadline:
    if select.select([terminal], [], [], 0.05)[0]:
        try:
            said += os.read(terminal, 4096)
        except OSError:
            break
    if said.count(b"Enter passphrase") > answers:
        os.write(terminal, b"open sesame\n")
        answers += 1
    if not ended and b":18EB 00000000:0000 0A" in open("/proc/self/net/tcp", "rb").read():
        # As a person ends it.
        os.write(terminal, b"\x03")
        ended = True
else:
    os.kill(child, signal.SIGKILL)
print(said.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) % 256)
"#;
    let deployment = Deployment::build(&on_loopback());
    let way = Way::new(&deployment);
    let key = way.path("home/.ssh/id_ed25519");
    let output = Command::new("ssh-keygen").args(["-q", "-p", "-N", "open sesame", "-f"]).arg(&key).output();
    succeeded(&output.expect("ssh-keygen"));
    let script = way.tree.join("access/tunnel.sh");
    let output = way.client.command("python3").args(["-c", SCRIPT]).arg(&script).output().expect("python3");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(130), "Ctrl-C ends an open tunnel: {said}");
    wait_for("the port closes", || !way.client.listens_on_loopback(6379));
    // Once for each of the two hosts.
    assert_eq!(said.matches("Enter passphrase for key").count(), 2, "{said}");
}
