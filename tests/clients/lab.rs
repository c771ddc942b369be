//! A server, and programs of the host in its network, where the names that a certificate may hold lead to it.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;

use crate::deployment::{Deployment, production_profile, replaced};
use crate::engine;
use crate::sandbox::{Changes, Server};

/// Names that lead to the server; the last one is in no certificate.
const NAMES: &str = "127.0.0.1 localhost redis redis.internal.example.com evil.example.com\n";

/// The production posture, whose sessions are encrypted.
pub fn encrypted() -> String {
    production_profile()
}

/// The same, whose sessions are stored as they are.
pub fn clear() -> String {
    replaced(&production_profile(), "application_encryption: fernet\n", "")
}

/// The same without client certificates.
pub fn without_certificates() -> String {
    replaced(&clear(), "mode: mutual ", "mode: server ")
}

/// What `tests/clients.sh` brought.
pub fn tool(name: &str) -> PathBuf {
    static LISTED: OnceLock<String> = OnceLock::new();
    let listed = LISTED.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients.sh");
        let output = Command::new(script).output().expect("tests/clients.sh runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    });
    let found = listed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    PathBuf::from(found.unwrap_or_else(|| panic!("tests/clients.sh printed no {name}:\n{listed}")))
}

/// The server and where its clients run.
pub struct Lab<'tree> {
    pub deployment: &'tree Deployment,
    pub server: Server<'tree>,
    hosts: PathBuf,
}

impl<'tree> Lab<'tree> {
    pub fn new(deployment: &'tree Deployment) -> Lab<'tree> {
        let hosts = deployment.folder().join("hosts");
        std::fs::write(&hosts, NAMES).expect("hosts");
        let modules = deployment.folder().join("node_modules");
        std::os::unix::fs::symlink(tool("modules"), modules).expect("linked");
        Lab { deployment, server: Server::boot(deployment, &engine::debian()), hosts }
    }

    /// A program in the server's network.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.server.in_network("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-euc"]);
        command.arg("mount --bind \"$0\" /etc/hosts\nexec \"$@\"").arg(&self.hosts).arg(program);
        command.env_remove("PYTHONPATH").env_remove("NODE_OPTIONS");
        command
    }

    /// Python that has imported the module of this tree.
    pub fn python_in(&self, tree: &Path, script: &str) -> Command {
        let mut command = self.command(tool("python").to_str().expect("UTF-8"));
        command.env("PYTHONPATH", tree.join("client/python")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg("-c").arg(format!("{PYTHON}{script}"));
        command
    }

    pub fn python(&self, script: &str) -> Command {
        self.python_in(&self.deployment.out(), script)
    }

    /// Node that has imported the modules of this tree.
    pub fn node_in(&self, tree: &Path, script: &str) -> Command {
        let mut command = self.command(tool("node").to_str().expect("UTF-8"));
        let folder = tree.join("client/node");
        let mut imports = format!("import {{ connect, healthy, key }} from '{}/redis_client.mjs';\n", folder.display());
        if folder.join("redis_sessions.mjs").exists() {
            imports.push_str(&format!("import {{ SessionStore }} from '{}/redis_sessions.mjs';\n", folder.display()));
        }
        command.args(["--input-type=module", "--eval"]).arg(format!("{imports}{NODE}{script}"));
        command
    }

    pub fn node(&self, script: &str) -> Command {
        self.node_in(&self.deployment.out(), script)
    }

    /// What a user of role `admin` is answered.
    pub fn admin(&self, command: &str) -> String {
        self.server.client("admin").run(command)
    }

    /// Starts the server again, in the network that this process is in.
    pub fn boot_beside(&mut self, process: u32) {
        let changes = Changes { network: Some(process), ..Changes::default() };
        self.server = Server::boot_with(self.deployment, &engine::debian(), &changes);
    }
}

const PYTHON: &str = "
import asyncio, sys, threading, time
import redis
import redis_client
from redis_client import connect, connect_async, healthy, healthy_async, key
def say(*words):
    print(*words, flush=True)
";

const NODE: &str = "
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
const say = (...words) => console.log(...words);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const input = () => lines.next();
";

/// What it printed, if it ended well.
#[track_caller]
pub fn printed(command: &mut Command) -> String {
    let output: Output = command.output().expect("starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said.trim_end().to_owned()
}

/// A program that waits for a line between its steps.
pub struct Steps {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Steps {
    pub fn start(command: &mut Command) -> Steps {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        Steps { child, input, output }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it prints.
    #[track_caller]
    pub fn said(&mut self) -> String {
        self.output.next().expect("another line; its errors stand above").expect("text")
    }

    /// Hands it a line, so that it goes on.
    pub fn line(&mut self, text: &str) {
        self.input.as_mut().expect("open").write_all(format!("{text}\n").as_bytes()).expect("it still runs");
    }

    /// Lets it go on, and gives what it then prints.
    #[track_caller]
    pub fn next(&mut self) -> String {
        self.line("");
        self.said()
    }

    /// Its input ends.
    pub fn close(&mut self) {
        self.input = None;
    }

    /// Everything else that it prints.
    pub fn rest(&mut self) -> String {
        self.output.by_ref().map(|line| line.expect("text")).collect()
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
