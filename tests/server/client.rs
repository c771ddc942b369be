//! redis-cli in the server's network, as one user. Commands come by standard input and passwords by
//! environment, as the product itself does it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use crate::sandbox::Server;

/// True if the server did not run the command. From 7.0 on DEBUG is refused to all, before permissions are
/// looked at, since `enable-debug-command` is `no`.
pub fn is_refusal(reply: &str) -> bool {
    reply.starts_with("NOPERM ") || reply.starts_with("ERR DEBUG command not allowed")
}

/// Who connects, and with what.
#[derive(Clone)]
pub struct Client<'server> {
    server: &'server Server<'server>,
    login: Option<(String, String)>,
    certificate: Option<(PathBuf, PathBuf)>,
}

impl<'server> Server<'server> {
    /// Logs in with what the tree has for this user.
    pub fn client(&'server self, user: &str) -> Client<'server> {
        let client = self.stranger().password(user, &self.deployment.password(user));
        let (certificate, key) = self.deployment.certificate(user);
        if certificate.exists() { client.certificate(certificate, key) } else { client }
    }

    /// No password and no certificate.
    pub fn stranger(&'server self) -> Client<'server> {
        Client { server: self, login: None, certificate: None }
    }
}

impl Client<'_> {
    pub fn password(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    pub fn certificate(mut self, certificate: PathBuf, key: PathBuf) -> Self {
        self.certificate = Some((certificate, key));
        self
    }

    pub fn without_password(mut self) -> Self {
        self.login = None;
        self
    }

    pub fn without_certificate(mut self) -> Self {
        self.certificate = None;
        self
    }

    fn cli(&self) -> Command {
        let mut cli = self.server.in_network("redis-cli");
        cli.args(["--no-auth-warning", "-h", "127.0.0.1", "-p", "6379"]).env_remove("REDISCLI_AUTH");
        if let Some((user, password)) = &self.login {
            cli.args(["--user", user]).env("REDISCLI_AUTH", password);
        }
        if self.server.deployment.is_tls() {
            cli.arg("--tls").arg("--cacert").arg(self.server.deployment.secret("server/ca.crt"));
        }
        if let Some((certificate, key)) = &self.certificate {
            cli.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        cli
    }

    pub fn output(&self, commands: &[&str]) -> Output {
        let mut child = self
            .cli()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("redis-cli runs: install the package redis-tools");
        let mut input = commands.join("\n");
        input.push('\n');
        // A refused connection ends redis-cli before it reads; its exit code tells.
        let _ = child.stdin.take().expect("stdin").write_all(input.as_bytes());
        child.wait_with_output().expect("redis-cli ends")
    }

    /// What one command is answered, with what redis-cli has to say about the connection.
    pub fn run(&self, command: &str) -> String {
        let output = self.output(&[command]);
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }

    /// One line for each command: for replies of one line. redis-cli puts a blank line behind most errors.
    pub fn replies(&self, commands: &[&str]) -> Vec<String> {
        let output = self.output(commands);
        let replies: Vec<String> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|line| !line.is_empty())
            .map(ToOwned::to_owned)
            .collect();
        assert_eq!(
            replies.len(),
            commands.len(),
            "{commands:?}: {replies:?} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        replies
    }
}

impl Client<'_> {
    /// Connects and stays.
    pub fn open(&self) -> Open {
        let mut child = self.cli().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("redis-cli runs");
        let replies = BufReader::new(child.stdout.take().expect("stdout"));
        Open { child, replies }
    }
}

/// A client that stays connected. redis-cli connects anew where it has to: CLIENT ID tells.
pub struct Open {
    child: Child,
    replies: BufReader<ChildStdout>,
}

impl Open {
    pub fn ask(&mut self, command: &str) -> String {
        self.send(command);
        self.line()
    }

    pub fn send(&mut self, command: &str) {
        let stdin = self.child.stdin.as_mut().expect("stdin");
        writeln!(stdin, "{command}").expect("it reads");
    }

    /// The next line that is not blank, as one is behind most errors; empty at the end.
    pub fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            let length = self.replies.read_line(&mut line).expect("it answers");
            if length == 0 || !line.trim().is_empty() {
                return line.trim().to_owned();
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // One that waits for an answer does not see that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
