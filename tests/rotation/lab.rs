//! A built tree, and a server that runs its users.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use redisgen::live::tls::{Identity, Tls};
use redisgen::live::wire::Connection;
use redisgen::model::keep;

use crate::common::{Out, Room};

/// Three users of the profile, health, exporter; client certificates.
pub fn profile(engine: &str, version: &str, tls: &str) -> String {
    format!(
        "version: 1\nname: demo\nenvironment: production\nengine: {{ kind: {engine}, version: \"{version}\" }}\n\
         users:\n  - {{ name: admin, role: admin }}\n  - {{ name: app, role: application, keys: [\"app:*\"] }}\n  \
         - {{ name: reports, role: readonly, keys: [\"app:*\"] }}\ntls: {{ mode: {tls} }}\n"
    )
}

/// What `build` made of it.
pub fn built(profile: &str) -> Room {
    let room = Room::with(profile);
    room.run(["build", "--deny", "error", "p.yaml"]).ended(0);
    room
}

pub fn file(user: &str) -> String {
    let keep = keep(user);
    format!("deploy/secrets/{}", keep.path(keep.password))
}

pub fn password(room: &Room, user: &str) -> String {
    room.read(&file(user))
}

/// The digests of a user in the sealed file.
pub fn sealed(room: &Room, user: &str) -> Vec<String> {
    let text = room.read("deploy/secrets/server/users.acl");
    let line = text.lines().find(|line| line.split(' ').nth(1) == Some(user)).expect("the user");
    line.split(' ').filter_map(|word| word.strip_prefix('#')).map(ToOwned::to_owned).collect()
}

pub fn digest(password: &str) -> String {
    redisgen::lock::sha256(password.as_bytes())
}

/// `secrets rotate` without a server.
pub fn rotate(room: &Room, more: &[&str]) -> Out {
    room.run(["secrets", "rotate", "p.yaml"].iter().chain(more))
}

/// Servers that this Debian does not have.
pub static OTHERS: LazyLock<Vec<(String, PathBuf)>> = LazyLock::new(|| {
    let output = Command::new("sh").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers.sh")).output().expect("sh");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter_map(|line| line.split_once(' ')).map(|(kind, path)| (kind.to_owned(), path.into())).collect()
});

/// A running server with the sealed users of a tree.
pub struct Server {
    child: Child,
    pub port: u16,
    pub tls: bool,
    secrets: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub fn start(room: &Room, program: &Path, tls: bool) -> Server {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("port").port();
        let secrets = room.path("deploy/secrets");
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]).arg("--dir").arg(room.path(""));
        command.arg("--aclfile").arg(secrets.join("server/users.acl"));
        if tls {
            command.args(["--port", "0", "--tls-port", &port.to_string(), "--tls-auth-clients", "yes"]);
            for (option, name) in [("cert", "redis.crt"), ("key", "redis.key"), ("ca-cert", "ca.crt")] {
                command.arg(format!("--tls-{option}-file")).arg(secrets.join("server").join(name));
            }
        } else {
            command.args(["--port", &port.to_string()]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the server starts");
        let server = Server { child, port, tls, secrets };
        let start = Instant::now();
        while server.open().and_then(|mut open| open.call(&["PING"]).map_err(|reason| reason.to_string())).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "the server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// How its clients shake hands; with the certificate of `app`.
    pub fn handshake(&self) -> Option<Tls> {
        let read = |name: &str| std::fs::read(self.secrets.join(name)).expect(name);
        self.tls.then(|| {
            let (certificate, key) = (read("clients/app/client.crt"), read("clients/app/client.key"));
            let identity = Identity { certificate: &certificate, key: &key };
            Tls::new(&read("server/ca.crt"), Some(identity), "localhost").expect("certificates")
        })
    }

    pub fn open(&self) -> Result<Connection, String> {
        Connection::open(self.address(), self.handshake().as_ref()).map_err(|reason| reason.to_string())
    }

    pub fn opens(&self, user: &str, password: &str) -> bool {
        self.open().expect("answers").login(user, password).is_ok()
    }

    /// A connection of the administrator's.
    pub fn admin(&self, room: &Room) -> Connection {
        let mut connection = self.open().expect("answers");
        connection.login("admin", &password(room, "admin")).expect("logs in");
        connection
    }

    /// `secrets rotate` on this server, too.
    pub fn rotate(&self, room: &Room, more: &[&str]) -> Out {
        let url = format!("{}://localhost:{}", if self.tls { "rediss" } else { "redis" }, self.port);
        rotate(room, &[&["--against", &url, "--as", "admin"], more].concat())
    }
}
