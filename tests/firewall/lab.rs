//! A server of its own for each test: the test's program starts itself again in new namespaces, and is root there.

use std::env;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::clients::{CLIENTS, SERVER};
use crate::rules::{self, Backend};

/// Set inside; its value is the program under test.
const INSIDE: &str = "REDISGEN_TEST_INSIDE";
/// Who has no rights at all.
const NOBODY: &str = "65534";

/// One test for each backend, each on a server of its own.
macro_rules! on_a_server {
    ($($backend:ident: $($test:ident),+;)+) => {
        $(mod $backend {
            $(#[test]
            fn $test() {
                let name = concat!(module_path!(), "::", stringify!($test));
                crate::lab::on_a_server(name, crate::rules::Backend::named(stringify!($backend)), super::$test);
            })+
        })+
    };
}

/// The server, as a test inside sees it.
pub struct Server {
    pub backend: Backend,
    pub folder: TempDir,
}

/// Runs a test on a server of its own; `name` as libtest lists it, with the crate in front.
pub fn on_a_server(name: &str, backend: Backend, test: fn(&Server)) {
    if env::var_os(INSIDE).is_some() {
        return test(&Server::new(backend));
    }
    let program = PathBuf::from(env!("CARGO_BIN_EXE_redisgen"));
    let itself = env::current_exe().expect("this program");
    let (_, name) = name.split_once("::").expect("a crate");
    let root = rustix::process::geteuid().is_root();
    passed(name, &unshare(Command::new("setpriv").args(["--pdeathsig", "KILL"]), !root, &itself, &program, name));
}

/// Runs tests again as a user who may do nothing; returns when all have passed.
pub fn as_nobody(names: &[&str]) {
    // What cargo builds may lie where only its owner can go.
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let (itself, program) = (folder.path().join("tests"), folder.path().join("redisgen"));
    fs::copy(env::current_exe().expect("this program"), &itself).expect("copied");
    fs::copy(env!("CARGO_BIN_EXE_redisgen"), &program).expect("copied");
    std::thread::scope(|scope| {
        for name in names {
            let (itself, program) = (&itself, &program);
            scope.spawn(move || {
                let mut command = Command::new("setpriv");
                if rustix::process::geteuid().is_root() {
                    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs"]);
                }
                passed(name, &unshare(&mut command, true, itself, program, name));
            });
        }
    });
}

/// Its own network, mounts and processes; they end with the first process, and that with its parent.
fn unshare(command: &mut Command, user: bool, itself: &Path, program: &Path, name: &str) -> Output {
    command.arg("unshare").args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    if user {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .arg(itself)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, program)
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("RUST_BACKTRACE", "0")
        .env_remove("SSH_CONNECTION")
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .expect("setpriv and unshare start: install the package util-linux")
}

/// A name that matches no test passes too, with libtest.
#[track_caller]
fn passed(name: &str, output: &Output) {
    let text = both(output);
    assert!(output.status.success() && text.contains("1 passed"), "{name}, inside: {}\n{text}", output.status);
}

impl Server {
    fn new(backend: Backend) -> Server {
        let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/firewall/network.sh");
        // Its text, for the folder may be closed to whom this runs as.
        let mut command = Command::new("sh");
        command.args(["-euc", include_str!("network.sh")]).arg(network).args([SERVER.v4, SERVER.v6]);
        for client in CLIENTS {
            command.args([client.name, client.v4, client.v6]);
        }
        good("network.sh", run(&mut command));
        let server = Server { backend, folder: tempfile::tempdir_in("/run").expect("a folder") };
        if backend == Backend::Legacy {
            rules::link_legacy_tools();
        }
        server.listen("redis-server", 6379);
        server
    }

    /// Starts a Redis server under any name, for both families and everyone.
    pub fn listen(&self, program: &str, port: u16) {
        let words = ["--daemonize", "yes", "--bind", "*", "-::*", "--protected-mode", "no", "--save", ""];
        let status =
            self.command(program).args(["--port", &port.to_string()]).args(words).stdout(Stdio::null()).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "{program} does not start: install the package redis-server"
        );
        eventually("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    /// A copy of the host's /etc that tests may change.
    pub fn private_etc(&self) {
        let script = "mkdir upper work && mount -t overlay -o lowerdir=/etc,upperdir=upper,workdir=work overlay /etc";
        self.sh(script);
    }

    /// A shell line in the test's folder, which must succeed; its output.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let output = run(self.command("sh").args(["-euc", script]));
        String::from_utf8(good(script, output).stdout).expect("text")
    }

    /// A program in the test's folder, with the tools of the backend.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).env("PATH", self.backend.path());
        command
    }
}

/// The program under test.
pub fn redisgen() -> Command {
    Command::new(env::var_os(INSIDE).expect("inside"))
}

pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

pub fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
pub fn good(what: &str, output: Output) -> Output {
    assert!(output.status.success(), "{what}: {}\n{}", output.status, both(&output));
    output
}

/// Waits for what happens in the background.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(15);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within 15 s");
        sleep(Duration::from_millis(20));
    }
}
