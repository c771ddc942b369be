//! A running server and the part of its protocol that these tests speak.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redisgen::engine::{self, Line};
use redisgen::profile::EngineKind;

use crate::engine::Engine;

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Simple(String),
    Error(String),
    Number(i64),
    Text(Option<String>),
    List(Vec<Reply>),
}

impl Reply {
    fn text(&self) -> &str {
        match self {
            Reply::Simple(text) | Reply::Error(text) | Reply::Text(Some(text)) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    fn list(&self) -> &[Reply] {
        match self {
            Reply::List(items) => items,
            other => panic!("no list: {other:?}"),
        }
    }
}

/// Permitted to everyone, whatever the rules say.
const FREE: [&str; 4] = ["auth", "hello", "quit", "reset"];

/// What ACL GETUSER says.
pub struct Held {
    pub enabled: bool,
    pub nopass: bool,
    pub passwords: Vec<String>,
    pub commands: String,
    pub keys: Vec<String>,
    pub channels: Vec<String>,
    pub selectors: usize,
}

/// A server that ends with the test.
pub struct Running {
    process: Child,
    connection: BufReader<TcpStream>,
    /// A connection that a user without password logged in on.
    other: Option<BufReader<TcpStream>>,
    kind: EngineKind,
    version: String,
    arity: BTreeMap<String, i64>,
    folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    pub fn start(engine: &Engine) -> Running {
        let folder = tempfile::tempdir().expect("a folder");
        // Whoever takes this port in between makes the start fail, loudly.
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        std::fs::write(folder.path().join("users.acl"), "").expect("a file");
        let process = Command::new(&engine.binary)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--aclfile", "users.acl"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("the server starts");
        let start = Instant::now();
        let connection = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(connection) => break connection,
                Err(error) => assert!(start.elapsed() < Duration::from_secs(20), "{error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        connection.set_nodelay(true).expect("nodelay");
        let kind = if engine.kind == "valkey" { EngineKind::Valkey } else { EngineKind::Redis };
        let mut server = Running {
            process,
            connection: BufReader::new(connection),
            other: None,
            kind,
            version: engine.version.clone(),
            arity: BTreeMap::new(),
            folder,
        };
        let commands = server.call(&["COMMAND"]);
        server.learn(commands.list());
        server
    }

    fn learn(&mut self, commands: &[Reply]) {
        for command in commands {
            let fields = command.list();
            let (name, Reply::Number(arity)) = (fields[0].text().to_ascii_lowercase(), &fields[1]) else {
                panic!("arity")
            };
            self.arity.insert(name, *arity);
            if let Some(below) = fields.get(9) {
                self.learn(below.list());
            }
        }
    }

    pub fn line(&self) -> &'static Line {
        engine::line(self.kind, self.version.parse().expect("a version")).expect("a known line")
    }

    fn send(&mut self, words: &[&str]) {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
        self.connection.get_mut().write_all(&bytes).expect("sent");
    }

    pub fn call(&mut self, words: &[&str]) -> Reply {
        self.send(words);
        self.reply()
    }

    /// The same as a user without password, always the same one.
    pub fn call_as(&mut self, user: &str, words: &[&str]) -> Reply {
        let fresh = || {
            let address = self.connection.get_ref().peer_addr().expect("an address");
            BufReader::new(TcpStream::connect(address).expect("a connection"))
        };
        let (first, other) = (self.other.is_none(), self.other.take().unwrap_or_else(fresh));
        let own = std::mem::replace(&mut self.connection, other);
        if first {
            assert_eq!(self.call(&["AUTH", user, "x"]), Reply::Simple("OK".to_owned()));
        }
        let reply = self.call(words);
        self.other = Some(std::mem::replace(&mut self.connection, own));
        reply
    }

    fn reply(&mut self) -> Reply {
        let mut line = String::new();
        self.connection.read_line(&mut line).expect("a reply");
        assert!(!line.is_empty(), "the server has closed the connection");
        let line = line.trim_end_matches(['\r', '\n']);
        let (kind, rest) = line.split_at(1);
        let number = || rest.parse::<i64>().expect("a number");
        match kind {
            "+" => Reply::Simple(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Number(number()),
            "$" => match usize::try_from(number()) {
                Err(_) => Reply::Text(None),
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    self.connection.read_exact(&mut bytes).expect("the text");
                    bytes.truncate(length);
                    Reply::Text(Some(String::from_utf8(bytes).expect("text")))
                }
            },
            "*" => Reply::List((0..number()).map(|_| self.reply()).collect()),
            other => panic!("a reply of kind {other}"),
        }
    }

    /// Loads an ACL file.
    pub fn load(&mut self, text: &str) -> Reply {
        std::fs::write(self.folder.path().join("users.acl"), text).expect("written");
        self.call(&["ACL", "LOAD"])
    }

    /// Names of all users, sorted.
    pub fn users(&mut self) -> Vec<String> {
        let mut names: Vec<String> =
            self.call(&["ACL", "USERS"]).list().iter().map(|name| name.text().to_owned()).collect();
        names.sort();
        names
    }

    /// What the server holds of a user.
    pub fn held(&mut self, user: &str) -> Held {
        let reply = self.call(&["ACL", "GETUSER", user]);
        let fields: BTreeMap<&str, &Reply> = reply.list().chunks(2).map(|pair| (pair[0].text(), &pair[1])).collect();
        // Lists on 6.2, where the patterns stand without their signs; texts later.
        let patterns = |field: &str, sign: &str| match fields[field] {
            Reply::List(items) => items.iter().map(|item| format!("{sign}{}", item.text())).collect(),
            other => other.text().split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>(),
        };
        let flags: Vec<&str> = fields["flags"].list().iter().map(Reply::text).collect();
        Held {
            enabled: flags.contains(&"on"),
            nopass: flags.contains(&"nopass"),
            passwords: fields["passwords"].list().iter().map(|item| item.text().to_owned()).collect(),
            commands: fields["commands"].text().to_owned(),
            keys: patterns("keys", "~"),
            channels: patterns("channels", "&"),
            selectors: fields.get("selectors").map_or(0, |selectors| selectors.list().len()),
        }
    }

    /// A command with as many arguments as it needs.
    fn words(&self, name: &str, argument: &str) -> Vec<String> {
        let arity = *self.arity.get(name).unwrap_or_else(|| panic!("the server does not know {name}"));
        let mut words: Vec<String> = name.split('|').map(str::to_owned).collect();
        let wanted = usize::try_from(arity.abs()).expect("small").max(words.len());
        if words.len() < wanted {
            words.push(argument.to_owned());
        }
        words.resize(wanted, "x".to_owned());
        words
    }

    /// For every command that can be run by itself: its id, the first argument that it got, and whether the server
    /// permits it.
    pub fn dry_run(&mut self, line: &Line) -> Vec<(usize, Option<&'static str>, bool)> {
        // Containers are run by their subcommands.
        let ids: Vec<usize> = (0..line.commands.len())
            .filter(|id| line.with_subcommands(*id).len() == 1)
            .filter(|id| !FREE.contains(&line.commands[*id].name) && self.arity.contains_key(line.commands[*id].name))
            .collect();
        for id in &ids {
            let words = self.words(line.commands[*id].name, "x");
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.send(&[&["ACL", "DRYRUN", "tested"], words.as_slice()].concat());
        }
        let argument = |id: usize| {
            Some("x").filter(|_| self.words(line.commands[id].name, "x").last().is_some_and(|word| word == "x"))
        };
        let arguments: Vec<Option<&str>> = ids.iter().map(|id| argument(*id)).collect();
        let mut answers = Vec::new();
        for (id, argument) in ids.into_iter().zip(arguments) {
            if let Some(permitted) = permitted(&self.reply()) {
                answers.push((id, argument, permitted));
            }
        }
        answers
    }

    /// Whether the server permits a command with this first argument; none if it takes no arguments, or everyone may
    /// run it.
    pub fn dry_run_one(&mut self, line: &Line, id: usize, argument: &str) -> Option<bool> {
        let name = line.commands[id].name;
        if FREE.contains(&name) || self.arity.get(name) == Some(&1) {
            return None;
        }
        let mut words = self.words(name, argument);
        if words.len() == 1 {
            words.push(argument.to_owned());
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        permitted(&self.call(&[&["ACL", "DRYRUN", "tested"], words.as_slice()].concat()))
    }
}

/// A refusal of keys or channels is none of the command. None if the database is refused, which is looked at first.
fn permitted(reply: &Reply) -> Option<bool> {
    match reply {
        Reply::Error(text) => panic!("DRYRUN: {text}"),
        other if other.text().contains("database") => None,
        other => Some(!other.text().contains("has no permissions to run")),
    }
}
