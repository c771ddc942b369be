//! Machines: each a process with mounts, a network and (for sshd) processes of its own, which end with it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::sandbox::succeeded;

const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must happen.
#[track_caller]
pub fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < PATIENCE, "this did not happen: {what}");
        sleep(Duration::from_millis(5));
    }
}

/// A program that ends with the test, even with one that was killed.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub fn start(words: &[&str], log: &Path) -> Running {
        let out = File::create(log).expect("log");
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .args(words)
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("log"))
            .stderr(out)
            .spawn()
            .expect("setpriv runs: install the package util-linux");
        Running { child, log: log.to_owned() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// True while it runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("child").is_none()
    }

    /// Waits for its end: its exit code and what it said.
    #[track_caller]
    pub fn ended(mut self) -> (Option<i32>, String) {
        wait_for("the program ends", || !self.runs());
        (self.child.wait().expect("child").code(), self.log())
    }

    /// Ends it by a signal.
    #[track_caller]
    pub fn signalled(self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        self.ended()
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args(["-s", signal, &self.pid().to_string()]).status();
        assert!(status.expect("kill").success(), "kill -s {signal}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.runs() {
            // TERM first: a tunnel takes its ssh with it.
            self.signal("TERM");
            let start = Instant::now();
            while self.runs() && start.elapsed() < Duration::from_secs(2) {
                sleep(Duration::from_millis(5));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}:\n{}", self.log.display(), self.log());
        }
    }
}

/// A machine.
pub struct Host {
    holder: Running,
}

impl Drop for Host {
    fn drop(&mut self) {
        // unshare hears no TERM; its end is that of all processes in there.
        self.holder.signal("KILL");
    }
}

impl Host {
    /// One that prepares itself by a script and goes on as a program.
    pub fn new(script: &str, program: &str, log: &Path) -> Host {
        let script = format!("{script}\nip link set lo up\necho prepared\nexec {program}\n");
        let words = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"];
        let mut holder = Running::start(&[&words[..], &["sh", "-euc", &script]].concat(), log);
        wait_for("a machine is prepared", || {
            assert!(holder.runs(), "this needs root:\n{}", holder.log());
            holder.log().contains("prepared\n")
        });
        Host { holder }
    }

    pub fn log(&self) -> String {
        self.holder.log()
    }

    /// A program in its network, with its files.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(self.enter()).arg(program).env_remove("SSH_AUTH_SOCK").stdin(Stdio::null());
        command
    }

    /// The same, going on in the background.
    pub fn start(&self, words: &[&str], log: &Path) -> Running {
        let enter = self.enter();
        let enter: Vec<&str> = std::iter::once("nsenter").chain(enter.iter().map(String::as_str)).collect();
        Running::start(&[&enter[..], words].concat(), log)
    }

    fn enter(&self) -> [String; 4] {
        ["--target".to_owned(), self.holder.pid().to_string(), "--net".to_owned(), "--mount".to_owned()]
    }

    /// Runs a line of shell there.
    pub fn shell(&self, line: &str) -> Output {
        self.command("sh").args(["-euc", line]).output().expect("sh")
    }

    /// A cable to another network, named by a process in it; both ends get addresses.
    pub fn link(&self, end: (&str, &[&str]), other: u32, other_end: (&str, &[&str])) {
        let ((name, addresses), (other_name, other_addresses)) = (end, other_end);
        let pid = self.holder.pid();
        let mut script = format!("ip link add {name} netns {pid} type veth peer name {other_name} netns {other}\n");
        for (pid, name, addresses) in [(pid, name, addresses), (other, other_name, other_addresses)] {
            let within = format!("nsenter --target {pid} --net ip");
            for address in addresses {
                // Without nodad an IPv6 address is tentative for a second.
                let nodad = if address.contains(':') { "nodad" } else { "" };
                script.push_str(&format!("{within} address add {address} dev {name} {nodad}\n"));
            }
            script.push_str(&format!("{within} link set {name} up\n"));
        }
        let output = Command::new("sh").args(["-euc", &script]).output().expect("sh");
        succeeded(&output);
    }

    /// A cable to another machine.
    pub fn link_to(&self, end: (&str, &[&str]), other: &Host, other_end: (&str, &[&str])) {
        self.link(end, other.holder.pid(), other_end);
    }

    /// True if something listens on this port of its IPv4 loopback, and on no other address.
    pub fn listens_on_loopback(&self, port: u16) -> bool {
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.holder.pid())).expect("it lives");
        // Local address, remote address, state: 0A is LISTEN.
        let listening: Vec<&str> = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|words| words.len() > 3 && words[3] == "0A" && words[1].ends_with(&format!(":{port:04X}")))
            .map(|words| if words[1].starts_with("0100007F:") { "loopback" } else { "elsewhere" })
            .collect();
        assert!(!listening.contains(&"elsewhere"), "port {port} is open to the network");
        !listening.is_empty()
    }
}
