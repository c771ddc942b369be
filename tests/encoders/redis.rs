//! Arguments of redis.conf and words of an ACL file, read by a real server.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use redisgen::{encode, lock};

use crate::common::{Room, text_of};
use crate::nasty::{batches, same, taken};

/// A server on a socket of its own, ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Starts a server with these settings and gives its `ACL LIST`: each user's words by name.
fn users(room: &Room, settings: &str) -> BTreeMap<String, Vec<String>> {
    let socket = room.path("socket");
    let _old = std::fs::remove_file(&socket);
    room.file("redis.conf", format!("port 0\nunixsocket {}\nsave \"\"\n{settings}", socket.display()));
    let log = |name: &str| std::fs::File::create(room.path(name)).expect("a log");
    let mut command = Command::new("redis-server");
    command.arg(room.path("redis.conf")).current_dir(room.path("")).stdout(log("out")).stderr(log("err"));
    let mut server = Server(command.spawn().expect("redis-server starts: install the package redis-server"));
    let begun = Instant::now();
    while UnixStream::connect(&socket).is_err() {
        let waited = begun.elapsed() < Duration::from_secs(30) && server.0.try_wait().expect("a child").is_none();
        assert!(waited, "the server did not start: {}{}", room.read("out"), room.read("err"));
        std::thread::sleep(Duration::from_millis(5));
    }
    let listed = text_of(Command::new("redis-cli").arg("-s").arg(&socket).args(["ACL", "LIST"]));
    let words = |line: &str| line.split(' ').skip(1).map(str::to_owned).collect::<Vec<_>>();
    listed.lines().map(words).map(|mut words| (words.remove(0), words)).collect()
}

/// A password may hold any byte, and the server tells its digest: hundreds of texts for one start.
#[test]
fn settings_arrive() {
    let room = Room::new();
    batches(|texts| {
        let pairs = taken(texts, |text| Ok(encode::redis_conf(&format!(">{text}"))))?;
        let lines: String =
            pairs.iter().enumerate().map(|(place, (_, written))| format!("user u{place} on {written} ~a\n")).collect();
        let users = users(&room, &lines);
        for (place, (text, written)) in pairs.iter().enumerate() {
            let words = users.get(&format!("u{place}")).cloned().unwrap_or_default();
            let digest = format!("#{}", lock::sha256(text.as_bytes()));
            prop_assert!(words.contains(&digest), "{:?} as {} gave {:?}", text, written, words);
            prop_assert!(words.contains(&"~a".to_owned()), "{:?} as {} took the rest of its line", text, written);
        }
        Ok(())
    });
}

/// The same for words that a server tells as they are, bare ones included.
#[test]
fn comments_and_words_of_settings_stay_apart() {
    let room = Room::new();
    batches(|texts| {
        // As names of users, which have no blanks and no zero.
        let named =
            |text: &&String| !text.is_empty() && !text.contains(|sign: char| sign.is_whitespace() || sign == '\0');
        let mut texts: Vec<String> = texts.iter().filter(named).filter(|text| *text != "default").cloned().collect();
        texts.sort();
        texts.dedup();
        let lines: String = texts.iter().map(|text| format!("user {} off\n", encode::redis_conf(text))).collect();
        let comments: String =
            texts.iter().filter_map(|text| encode::comment(text).ok()).map(|text| format!("# {text}\n")).collect();
        let users = users(&room, &format!("{comments}{lines}"));
        let mut expected: Vec<&str> = texts.iter().map(String::as_str).chain(["default"]).collect();
        expected.sort_unstable();
        prop_assert_eq!(users.keys().map(String::as_str).collect::<Vec<_>>(), expected);
        Ok(())
    });
}

#[test]
fn words_of_an_acl_file_arrive() {
    let room = Room::new();
    batches(|texts| {
        let pairs = taken(texts, encode::acl)?;
        // `~*` has a form of its own.
        let pairs: Vec<(String, String)> = pairs.into_iter().filter(|(text, _)| text != "*").collect();
        let lines: String = pairs
            .iter()
            .enumerate()
            .map(|(place, (_, written))| format!("user u{place:04} off ~{written} ~end\n"))
            .collect();
        room.file("users.acl", format!("user default on nopass ~* &* +@all\n{lines}"));
        let users = users(&room, &format!("aclfile {}\n", room.path("users.acl").display()));
        let patterns = |words: &Vec<String>| {
            let keys: Vec<&str> = words.iter().filter_map(|word| word.strip_prefix('~')).collect();
            keys.first().map_or_else(String::new, |key| (*key).to_owned())
        };
        let read: Vec<String> =
            users.iter().filter(|(name, _)| *name != "default").map(|(_, words)| patterns(words)).collect();
        same(&pairs, &read)
    });
}
