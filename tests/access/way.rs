//! The way from a person's machine to the server:
//!
//! ```text
//! client 192.0.2.10 ── 192.0.2.1 bastion 10.8.0.2 ── 10.8.0.1 target 172.30.0.1 ── 172.30.0.2 server
//! ```
//!
//! The client and the target name the bastion as their router, but it routes nothing unless a test says so.
//! `docker-proxy` publishes the port as Docker does: on the addresses of the compose file.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::deployment::Deployment;
use crate::engine;
use crate::hosts::{Host, Running, wait_for};
use crate::sandbox::{Server, succeeded};

pub const BASTION: &str = "bastion.example.com";
pub const TARGET: &str = "10.8.0.1";

/// Everything between a person and the data.
pub struct Way<'tree> {
    pub client: Host,
    pub bastion: Host,
    pub target: Host,
    _published: Vec<Running>,
    _server: Server<'tree>,
    folder: TempDir,
    /// What is run: `access/` and `client/` of the deployment, or of a copy.
    pub tree: PathBuf,
}

impl<'tree> Way<'tree> {
    pub fn new(deployment: &'tree Deployment) -> Way<'tree> {
        let server = Server::boot(deployment, &engine::debian());
        let folder = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| folder.path().join(name);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(at("home/.ssh")).expect("folder");
        for key in ["bastion", "target", "home/.ssh/id_ed25519"] {
            key_pair("ed25519", &at(key));
        }
        for key in ["bastion.ecdsa", "target.ecdsa"] {
            key_pair("ecdsa", &at(key));
        }
        fs::write(at("hosts"), format!("192.0.2.1 {BASTION}\n127.0.0.1 localhost\n")).expect("hosts");

        let client = Host::new(&at_home(folder.path()), "sleep infinity", &at("client.log"));
        let bastion = sshd(folder.path(), "bastion");
        let target = sshd(folder.path(), "target");
        client.link_to(("eth0", &["192.0.2.10/24"]), &bastion, ("eth0", &["192.0.2.1/24"]));
        bastion.link_to(
            ("eth1", &["10.8.0.2/24", "fd00:8::2/64"]),
            &target,
            ("eth0", &["10.8.0.1/24", "fd00:8::1/64"]),
        );
        target.link(("docker0", &["172.30.0.1/24"]), server.pid(), ("eth0", &["172.30.0.2/24"]));
        succeeded(&client.shell("ip route add default via 192.0.2.1"));
        succeeded(&target.shell("ip route add default via 10.8.0.2"));
        let published = publish(deployment, &target, folder.path());

        let way =
            Way { client, bastion, target, _published: published, _server: server, folder, tree: deployment.out() };
        way.trust(&[BASTION, TARGET]);
        way.routes(false);
        way
    }

    /// The bastion's kernel hands packets on, or does not.
    pub fn routes(&self, on: bool) {
        succeeded(&self.bastion.shell(&format!("echo {} >/proc/sys/net/ipv4/ip_forward", u8::from(on))));
    }

    pub fn known_hosts(&self) -> PathBuf {
        self.folder.path().join("home/.ssh/known_hosts")
    }

    /// The administrator's lines for these hosts, and for no others.
    pub fn trust(&self, hosts: &[&str]) {
        let line = |host: &&str| self.line(host, if *host == BASTION { "bastion" } else { "target" });
        fs::write(self.known_hosts(), hosts.iter().map(line).collect::<String>()).expect("known_hosts");
    }

    /// A line of `known_hosts` for a host, with a key of this folder.
    pub fn line(&self, host: &str, key: &str) -> String {
        let public = fs::read_to_string(self.folder.path().join(format!("{key}.pub"))).expect("public key");
        let words: Vec<&str> = public.split(' ').take(2).collect();
        format!("{host} {}\n", words.join(" "))
    }

    /// A new key in this folder.
    pub fn new_key(&self, name: &str) {
        key_pair("ed25519", &self.folder.path().join(name));
    }

    /// Starts `access/tunnel.sh`.
    pub fn start_tunnel(&self, arguments: &[&str]) -> Running {
        let script = self.tree.join("access/tunnel.sh");
        let log = tempfile::Builder::new().prefix("tunnel-").tempfile_in(self.folder.path()).expect("log");
        let (_, log) = log.keep().expect("log");
        self.client.start(&[&[script.to_str().expect("UTF-8")], arguments].concat(), &log)
    }

    /// A tunnel that does not come about: what it says, after ssh's exit code.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str]) -> String {
        let (code, said) = self.start_tunnel(arguments).ended();
        assert_eq!(code, Some(255), "{said}");
        said
    }

    /// An open tunnel on this port.
    #[track_caller]
    pub fn tunnel(&self, port: u16) -> Running {
        let mut tunnel = self.start_tunnel(&["-p", &port.to_string()]);
        wait_for("the tunnel opens", || {
            assert!(tunnel.runs(), "it ended:\n{}\nbastion:\n{}", tunnel.log(), self.bastion.log());
            self.client.listens_on_loopback(port)
        });
        tunnel
    }

    /// Runs `client/via-bastion.sh`.
    pub fn client(&self, arguments: &[&str]) -> Output {
        self.client
            .command("timeout")
            .arg("20")
            .arg(self.tree.join("client/via-bastion.sh"))
            .args(arguments)
            .output()
            .expect("runs")
    }

    /// What it prints, which must be no failure.
    #[track_caller]
    pub fn answer(&self, arguments: &[&str]) -> String {
        succeeded(&self.client(arguments)).trim_end().to_owned()
    }

    /// ssh with the settings, as the person runs it.
    pub fn ssh(&self, arguments: &[&str]) -> Command {
        let mut command = self.client.command("ssh");
        command.arg("-F").arg(self.tree.join("access/ssh_config")).args(arguments);
        command
    }

    /// A path of this test's own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// True if a TCP connection comes about from this machine.
pub fn connects(from: &Host, address: &str, port: u16) -> bool {
    const SCRIPT: &str = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)";
    let output = from.command("python3").args(["-c", SCRIPT, address, &port.to_string()]).output();
    output.expect("python3 runs: install the package python3").status.success()
}

fn key_pair(kind: &str, path: &Path) {
    let output = Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-f"]).arg(path).output();
    succeeded(&output.expect("ssh-keygen runs: install the package openssh-client"));
}

/// ssh looks for keys and known hosts in the account's home, whatever HOME says.
fn at_home(folder: &Path) -> String {
    let folder = folder.display();
    format!("mount --bind {folder}/home \"$(getent passwd 0 | cut -d: -f6)\"\nmount --bind {folder}/hosts /etc/hosts")
}

/// A machine with an SSH server that takes the person's key for the account `ops`, and forwards what it is asked.
fn sshd(folder: &Path, name: &str) -> Host {
    let program = "/usr/sbin/sshd";
    assert!(Path::new(program).exists(), "no {program}: install the package openssh-server");
    let key = folder.join(name).display().to_string();
    let config = format!(
        "HostKey {key}\nHostKey {key}.ecdsa\nPidFile none\nUsePAM no\nStrictModes no\nAuthorizedKeysFile /run/authorized_keys\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nAllowAgentForwarding yes\nX11Forwarding yes\n\
         AllowTcpForwarding yes\n"
    );
    fs::write(folder.join(format!("{name}.conf")), config).expect("settings of sshd");
    let passwd = fs::read_to_string("/etc/passwd").expect("passwd");
    fs::write(folder.join(format!("{name}.passwd")), format!("{passwd}ops:*:30000:30000::/:/bin/sh\n"))
        .expect("passwd");
    let folder = folder.display();
    // On a /run of its own: sshd wants a folder there, and reads the authorized keys as `ops`.
    let script = format!(
        "mount -t tmpfs -o mode=755 tmpfs /run\nmkdir -m 755 /run/sshd\n\
         install -m 644 {folder}/home/.ssh/id_ed25519.pub /run/authorized_keys\n\
         mount --bind {folder}/{name}.passwd /etc/passwd"
    );
    let host =
        Host::new(&script, &format!("{program} -D -e -f {folder}/{name}.conf"), &Path::new(&key).with_extension("log"));
    wait_for("sshd listens", || host.log().contains("Server listening on 0.0.0.0 port 22"));
    host
}

/// Publishes the port as Docker does with the ports of the compose file.
fn publish(deployment: &Deployment, target: &Host, folder: &Path) -> Vec<Running> {
    let program = "/usr/sbin/docker-proxy";
    assert!(Path::new(program).exists(), "no {program}: install the package docker.io");
    let compose = deployment.compose();
    let ports = compose["services"]["redis"]["ports"].as_sequence().expect("published ports").clone();
    let start = |(number, port): (usize, &serde_yaml::Value)| {
        let word = |key: &str| port[key].as_str().expect("text").to_owned();
        let (address, number_of_port) = (word("host_ip"), word("published"));
        let words = ["-proto", "tcp", "-host-ip", &address, "-host-port", &number_of_port];
        let inside = ["-container-ip", "172.30.0.2", "-container-port", "6379"];
        let log = folder.join(format!("published-{number}.log"));
        // It reports to dockerd through descriptor 3.
        let shell = ["sh", "-c", "exec \"$@\" 3>/dev/null", "sh", program];
        target.start(&[&shell[..], &words[..], &inside[..]].concat(), &log)
    };
    let published = ports.iter().enumerate().map(start).collect();
    for port in &ports {
        let probe = format!(
            "python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)' {} {} 2>/dev/null",
            port["host_ip"].as_str().expect("address"),
            port["published"].as_str().expect("port")
        );
        wait_for("the port is published", || target.shell(&probe).status.success());
    }
    published
}
