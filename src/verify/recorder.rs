//! In: checks as they start and end. Out: the records, and meanwhile a live line on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::Instant;

use super::check::{Outcome, Record, State, Trouble};
use super::inside::Message;
use super::level::Level;
use crate::console;

/// Who reads the progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A person at a terminal: the running check is shown and replaced.
    Terminal,
    /// A log: one line for each check that ended.
    Log,
    /// The proof that started this one: a line of JSON on standard output for each check.
    Parent,
}

impl Reader {
    /// Whoever reads standard error.
    pub fn of_stderr() -> Reader {
        if std::io::stderr().is_terminal() { Reader::Terminal } else { Reader::Log }
    }
}

/// Collects records.
pub struct Recorder {
    reader: Reader,
    records: Vec<Record>,
}

/// Width of a terminal that does not tell.
const WIDTH: usize = 80;

/// How many characters go into a line of standard error's terminal, without its last place: who fills that may wrap.
fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { WIDTH - 1 } else { columns - 1 }
}

/// What clears the live line: also where colours, and with them the terminal's own command, are not wanted.
fn clear() -> String {
    format!("\r{}\r", " ".repeat(width()))
}

impl Recorder {
    /// Nothing is recorded yet.
    pub fn new(reader: Reader) -> Recorder {
        Recorder { reader, records: Vec::new() }
    }

    /// Runs a check and records how it ended; true if it held. One that panics has failed, and the next one runs.
    pub fn run(&mut self, level: Level, id: &str, title: &str, prove: impl FnOnce() -> Outcome) -> bool {
        if super::interrupt::asked() {
            return false;
        }
        self.started(level, title);
        let start = Instant::now();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(prove)).unwrap_or_else(|cause| {
            let text = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
            Err(Trouble::Failed(format!("redisgen itself failed: {}", text.unwrap_or("no reason given"))))
        });
        let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let record = Record::new(level, id, title, outcome, millis);
        let held = record.state == State::Held;
        self.add(record);
        held
    }

    /// Tells of a check that starts, here or elsewhere.
    pub fn started(&self, level: Level, title: &str) {
        match self.reader {
            Reader::Parent => Message::Started { level, title: title.to_owned() }.say(),
            Reader::Terminal => {
                // One line, however narrow the terminal is: what wraps cannot be cleared.
                let text: String = format!("  …        {:<12} {title}", level.word()).chars().take(width()).collect();
                console::err(&format!("{}{text}", clear()));
            }
            Reader::Log => {}
        }
    }

    /// How many records of a level are proofs, and no advice.
    pub fn proofs(&self, level: Level) -> usize {
        self.records.iter().filter(|record| record.level == level && record.state != State::Advice).count()
    }

    /// Records a check that ended elsewhere.
    pub fn add(&mut self, record: Record) {
        match self.reader {
            Reader::Parent => Message::Record(record.clone()).say(),
            Reader::Terminal => console::err(&format!("{}{}\n", clear(), line(&record))),
            Reader::Log => console::err(&format!("{}\n", line(&record))),
        }
        self.records.push(record);
    }

    /// All that was recorded.
    pub fn finish(self) -> Vec<Record> {
        self.records
    }
}

/// One check, for people.
fn line(record: &Record) -> String {
    let style = match record.state {
        State::Held => anstyle::AnsiColor::Green,
        State::Failed => anstyle::AnsiColor::Red,
        State::NotRun => anstyle::AnsiColor::Yellow,
        State::Advice => anstyle::AnsiColor::Cyan,
    }
    .on_default();
    format!("  {style}{:<8}{style:#} {:<12} {}", record.state.word(), record.level.word(), record.told())
}
