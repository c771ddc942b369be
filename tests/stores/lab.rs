//! What the tests of all stores use: programs, a service that ends with its test, a Redis server that reads the sealed
//! users, and an eye on every argument and environment of what a script starts.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{Out, Room, text_of};

/// What a script may start, and nothing else.
const TOOLS: &[&str] = &["awk", "cat", "chmod", "cmp", "dirname", "grep", "mkdir", "mv", "rm"];

/// A program that tests/stores.sh brought.
pub fn program(name: &str) -> PathBuf {
    static PROGRAMS: OnceLock<String> = OnceLock::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores.sh");
    let programs = PROGRAMS.get_or_init(|| text_of(&mut Command::new(script)));
    let line = programs.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    PathBuf::from(line.unwrap_or_else(|| panic!("tests/stores.sh brings no {name}")))
}

/// A port of the loopback that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port()
}

/// A service; ends with the test.
pub struct Service(Child);

impl Service {
    /// Starts it, and waits until it answers.
    #[track_caller]
    pub fn start(command: &mut Command, log: &Path, mut ready: impl FnMut() -> bool) -> Service {
        let out = fs::File::create(log).expect("a log");
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a log"))
            .stderr(out)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", command.get_program().display()));
        let service = Service(child);
        let start = Instant::now();
        while !ready() {
            let text = || fs::read_to_string(log).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_mins(1), "{}:\n{}", command.get_program().display(), text());
            sleep(Duration::from_millis(50));
        }
        service
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Redis server with the sealed users of a tree, on a socket.
pub struct Redis {
    socket: PathBuf,
    _service: Service,
}

impl Redis {
    pub fn start(room: &Room) -> Redis {
        let socket = room.path("redis.sock");
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--unixsocket"]).arg(&socket);
        command.arg("--aclfile").arg(room.path("deploy/secrets/server/users.acl")).current_dir(room.path(""));
        let service = Service::start(&mut command, &room.path("redis.log"), || socket.exists());
        Redis { socket, _service: service }
    }

    /// True if it admits them.
    pub fn admits(&self, user: &str, password: &str) -> bool {
        let mut command = Command::new("redis-cli");
        command.arg("-s").arg(&self.socket).args(["--no-auth-warning", "--user", user, "PING"]);
        text_of(command.env("REDISCLI_AUTH", password)).trim() == "PONG"
    }
}

/// Runs a script of a tree: nothing is on its PATH but what writes down how it was started, and runs.
pub struct Watched<'room> {
    room: &'room Room,
    tools: PathBuf,
    log: PathBuf,
}

impl Watched<'_> {
    /// `tool` is the store's: its name for the script, and where it is.
    pub fn new<'room>(room: &'room Room, tool: (&str, &Path)) -> Watched<'room> {
        let (tools, log) = (room.path("tools"), room.path("started"));
        fs::create_dir_all(&tools).expect("a folder");
        fs::create_dir_all(room.path("home")).expect("a folder");
        let found = |name: &str| {
            let line = format!("command -v {name}");
            PathBuf::from(text_of(Command::new("sh").args(["-c", &line])).trim())
        };
        let ours = TOOLS.iter().map(|name| (*name, found(name)));
        for (name, real) in ours.chain([(tool.0, tool.1.to_owned())]) {
            let text = format!(
                "#!/bin/sh\n{{ printf '%s\\n' \"$0\" \"$@\"; /usr/bin/env; }} >>'{}'\nexec '{}' \"$@\"\n",
                log.display(),
                real.display(),
            );
            fs::write(tools.join(name), text).expect("written");
            fs::set_permissions(tools.join(name), fs::Permissions::from_mode(0o755)).expect("chmod");
        }
        Watched { room, tools, log }
    }

    /// Runs a script below `deploy/secret-store` with these variables and no others.
    pub fn run(&self, script: &str, words: &[&str], variables: &[(&str, &str)]) -> Out {
        let mut command = Command::new(self.room.path(&format!("deploy/secret-store/{script}")));
        command.args(words).env_clear().env("PATH", &self.tools).env("HOME", self.room.path("home"));
        command.envs(variables.iter().copied()).current_dir("/").stdin(Stdio::null());
        Out::from(command.output().expect("the script starts"))
    }

    /// Every argument and environment so far.
    pub fn started(&self) -> String {
        fs::read_to_string(&self.log).expect("something was started")
    }
}

/// Paths of all files below a folder that hold this text.
pub fn holding(folder: &Path, text: &str) -> Vec<String> {
    let output = Command::new("grep").args(["-rlaF", "--", text]).arg(".").current_dir(folder).output().expect("grep");
    let mut paths: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    paths.sort();
    paths
}
