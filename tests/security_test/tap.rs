//! In: a script and a running server. Out: what the script printed, read by the rules of TAP 13.

use std::path::Path;
use std::process::Command;

use crate::deployment::Deployment;
use crate::sandbox::Server;

/// A line `ok` or `not ok`.
#[derive(Debug)]
pub struct Check {
    pub held: bool,
    pub description: String,
    pub skipped: bool,
}

/// What a run gave back.
#[derive(Debug)]
pub struct Tap {
    pub code: Option<i32>,
    pub text: String,
    pub checks: Vec<Check>,
    /// Ended by `Bail out!`.
    pub bailed: bool,
}

impl Tap {
    /// Runs the script of a tree in the server's network.
    pub fn of(server: &Server, arguments: &[&str]) -> Tap {
        Tap::run(server.in_network("sh").arg(script(server.deployment)).args(arguments))
    }

    pub fn run(command: &mut Command) -> Tap {
        let output = command.output().expect("the script runs");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.stderr.is_empty(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
        parse(output.status.code(), text)
    }

    /// The descriptions of what did not hold.
    pub fn failed(&self) -> Vec<&str> {
        self.checks.iter().filter(|check| !check.held).map(|check| check.description.as_str()).collect()
    }

    pub fn skipped(&self) -> Vec<&str> {
        self.checks.iter().filter(|check| check.skipped).map(|check| check.description.as_str()).collect()
    }

    /// Panics unless everything was tried and held.
    #[track_caller]
    pub fn holds(&self) {
        assert_eq!((self.code, self.failed(), self.skipped()), (Some(0), vec![], vec![]), "{}", self.text);
        assert!(!self.checks.is_empty());
    }
}

pub fn script(deployment: &Deployment) -> std::path::PathBuf {
    Path::new(&deployment.out()).join("tests/security-test.sh")
}

fn parse(code: Option<i32>, text: String) -> Tap {
    let mut checks = Vec::new();
    let (mut plan, mut bailed) = (None, false);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("TAP version 13"), "{text}");
    for line in lines {
        if let Some(count) = line.strip_prefix("1..") {
            assert!(plan.is_none(), "two plans:\n{text}");
            plan = Some(count.parse::<usize>().expect("a plan"));
            continue;
        }
        bailed |= line.starts_with("Bail out!");
        if line.starts_with("# ") || line.starts_with("Bail out! ") {
            continue;
        }
        assert!(plan.is_none() && !bailed, "a check behind the end: {line}\n{text}");
        let (held, rest) = match line.strip_prefix("not ok ") {
            Some(rest) => (false, rest),
            None => (true, line.strip_prefix("ok ").unwrap_or_else(|| panic!("no TAP: {line:?}\n{text}"))),
        };
        let (number, rest) = rest.split_once(" - ").expect("a number and a description");
        assert_eq!(number.parse::<usize>().ok(), Some(checks.len() + 1), "{text}");
        let (description, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
        let skipped = directive.starts_with("SKIP ");
        assert!(directive.is_empty() || skipped, "{line}");
        checks.push(Check { held, description: description.to_owned(), skipped });
    }
    assert_eq!(plan, (!bailed).then_some(checks.len()), "{text}");
    Tap { code, text, checks, bailed }
}
