//! In: the bytes of an answer in Redis's protocol (RESP2). Out: the answer. Whoever is at the other end may be no Redis, so
//! that everything is bounded.

use std::fmt;
use std::io::{BufRead, Read};

use super::wire::NoAnswer;

/// Longest single text of an answer.
const LONGEST: usize = 64 * 1024 * 1024;
/// Most bytes of all texts of an answer.
const MOST: usize = 128 * 1024 * 1024;
/// Deepest answer.
const DEEPEST: u8 = 8;
/// Longest line that is no text, as a status.
const LINE: u64 = 64 * 1024;

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Status(String),
    /// `-NOPERM …`
    Error(String),
    /// `:1`
    Number(i64),
    /// A text, or nil.
    Text(Option<Vec<u8>>),
    /// A list, or nil.
    List(Option<Vec<Reply>>),
}

impl Reply {
    /// The words of an error.
    pub fn error(&self) -> Option<&str> {
        match self {
            Reply::Error(text) => Some(text),
            _ => None,
        }
    }

    /// A status, a text or a number, as text.
    pub fn text(&self) -> Option<String> {
        match self {
            Reply::Status(text) => Some(text.clone()),
            Reply::Text(Some(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Reply::Number(number) => Some(number.to_string()),
            Reply::Error(_) | Reply::Text(None) | Reply::List(_) => None,
        }
    }

    /// The items of a list.
    pub fn items(&self) -> Option<&[Reply]> {
        match self {
            Reply::List(Some(items)) => Some(items),
            _ => None,
        }
    }

    /// True if the server did not let the user run it: by permission, by a switch, or since there is no such command.
    pub fn is_refusal(&self) -> bool {
        self.error().is_some_and(|text| {
            text.starts_with("NOPERM ")
                || text.starts_with("NOAUTH ")
                || text.starts_with("EXECABORT Transaction discarded because of: NOPERM ")
                || text.starts_with("ERR unknown command")
                || text.starts_with("ERR DEBUG command not allowed")
                || text.starts_with("ERR MODULE command not allowed")
        })
    }
}

impl fmt::Display for Reply {
    /// For people: short, and never a value of the data.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Status(text) | Reply::Error(text) => out.write_str(text),
            Reply::Number(number) => write!(out, "{number}"),
            Reply::Text(None) | Reply::List(None) => out.write_str("nil"),
            Reply::Text(Some(bytes)) => write!(out, "a text of {} bytes", bytes.len()),
            Reply::List(Some(items)) => write!(out, "a list of {}", items.len()),
        }
    }
}

/// Reads one answer.
///
/// # Errors
/// It is no answer of Redis's, is larger or deeper than any that is asked for, or ends early.
pub fn read(stream: &mut impl BufRead) -> Result<Reply, NoAnswer> {
    within(stream, DEEPEST, &mut MOST.clone())
}

/// `budget` is how many bytes the texts may still have.
fn within(stream: &mut impl BufRead, depth: u8, budget: &mut usize) -> Result<Reply, NoAnswer> {
    let line = line(stream)?;
    let rest = line.get(1..).unwrap_or_default();
    let number = || rest.parse::<i64>().map_err(|_| NoAnswer("the answer is not Redis's".to_owned()));
    match line.as_bytes().first() {
        Some(b'+') => Ok(Reply::Status(rest.to_owned())),
        Some(b'-') => Ok(Reply::Error(rest.to_owned())),
        Some(b':') => number().map(Reply::Number),
        Some(b'$') => match usize::try_from(number()?) {
            Err(_) => Ok(Reply::Text(None)),
            Ok(length) if length <= LONGEST.min(*budget) => {
                *budget -= length;
                let mut bytes = vec![0; length + 2];
                stream.read_exact(&mut bytes)?;
                bytes.truncate(length);
                Ok(Reply::Text(Some(bytes)))
            }
            Ok(length) => Err(NoAnswer(format!("the answer is too large: {length} bytes"))),
        },
        Some(b'*') => match usize::try_from(number()?) {
            Err(_) => Ok(Reply::List(None)),
            Ok(_) if depth == 0 => Err(NoAnswer("the answer is nested too deep".to_owned())),
            Ok(count) => {
                let mut items = Vec::new();
                for _ in 0..count {
                    // An item costs memory even if it holds nothing.
                    *budget = budget.checked_sub(64).ok_or_else(|| NoAnswer("the answer is too large".to_owned()))?;
                    items.push(within(stream, depth - 1, budget)?);
                }
                Ok(Reply::List(Some(items)))
            }
        },
        _ => Err(NoAnswer("the answer is not Redis's".to_owned())),
    }
}

fn line(stream: &mut impl BufRead) -> Result<String, NoAnswer> {
    let mut bytes = Vec::new();
    stream.by_ref().take(LINE).read_until(b'\n', &mut bytes)?;
    match bytes.strip_suffix(b"\r\n") {
        Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
        None if bytes.is_empty() => Err(NoAnswer("the server closed the connection".to_owned())),
        None => Err(NoAnswer("the answer is not Redis's".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(mut bytes: &[u8]) -> Result<Reply, NoAnswer> {
        read(&mut bytes)
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(reply(b"+OK\r\n"), Ok(Reply::Status("OK".to_owned())));
        assert_eq!(reply(b"-NOPERM no\r\n").map(|reply| reply.is_refusal()), Ok(true));
        assert_eq!(reply(b"-ERR syntax error\r\n").map(|reply| reply.is_refusal()), Ok(false));
        assert_eq!(reply(b"$-1\r\n"), Ok(Reply::Text(None)));
        assert_eq!(reply(b"*2\r\n:1\r\n$2\r\nab\r\n").expect("a list").items().expect("items").len(), 2);
    }

    #[test]
    fn hostile_answers_end() {
        let deep = b"*1\r\n".repeat(20);
        for (bytes, reason) in [
            (&deep[..], "too deep"),
            (b"$99999999999\r\n", "too large"),
            (b"*9999999999\r\n", "closed"),
            (b"HTTP/1.1 400 Bad Request\r\n", "not Redis's"),
            (b"$5\r\nab\r\n", "fill"),
            (b"+never ends", "not Redis's"),
            (b"", "closed"),
        ] {
            let error = reply(bytes).expect_err(reason);
            assert!(error.0.contains(reason), "{error}");
        }
        let wide = [b"*9000000\r\n".to_vec(), b"$-1\r\n".repeat(3_000_000)].concat();
        assert!(reply(&wide).expect_err("wide").0.contains("too large"));
    }
}
