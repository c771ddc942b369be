//! Strings of programs and of pages, read by the languages themselves.

use std::process::Command;

use redisgen::encode;
use serde_json::Value;

use crate::common::{Room, python, text_of};
use crate::nasty::{batches, same, taken};

fn list(pairs: &[(String, String)]) -> String {
    let all: Vec<&str> = pairs.iter().map(|(_, written)| written.as_str()).collect();
    format!("[{}]", all.join(",\n"))
}

fn strings(json: &str) -> Vec<String> {
    serde_json::from_str(json).expect("a list of strings")
}

#[test]
fn python_reads_its_strings() {
    let room = Room::new();
    batches(|texts| {
        let pairs = taken(texts, |text| Ok(encode::python(text)))?;
        room.file("a.py", format!("import json\nprint(json.dumps({}))\n", list(&pairs)));
        same(&pairs, &strings(&text_of(python().arg(room.path("a.py")))))
    });
}

/// Go, and Vault's reader, which follows it, have Python's escapes; both refuse a `\u` that is half of a pair.
#[test]
fn go_and_vault_write_what_python_reads() {
    batches(|texts| {
        let pairs = taken(texts, |text| Ok(encode::go(text)))?;
        for (text, written) in &pairs {
            proptest::prop_assert_eq!(&encode::python(text), written);
            let halves =
                (0xd800..0xe000_u32).any(|half| written.contains(&format!("\\u{half:04x}")) && !text.contains('\\'));
            proptest::prop_assert!(!halves, "{}", written);
            match encode::vault(text) {
                Ok(vault) => proptest::prop_assert!(&vault == written && !text.contains("${"), "{}", vault),
                Err(_) => proptest::prop_assert!(text.contains("${"), "{:?} is refused", text),
            }
        }
        Ok(())
    });
}

#[test]
fn node_reads_its_strings_and_json() {
    let room = Room::new();
    for encode in [encode::javascript, encode::json] {
        batches(|texts| {
            let pairs = taken(texts, |text| Ok(encode(text)))?;
            room.file("a.mjs", format!("console.log(JSON.stringify({}))\n", list(&pairs)));
            same(&pairs, &strings(&text_of(Command::new("node").arg(room.path("a.mjs")))))
        });
    }
    batches(|texts| {
        let pairs = taken(texts, |text| Ok(encode::json(text)))?;
        same(&pairs, &strings(&list(&pairs)))
    });
}

#[test]
fn rust_reads_its_strings() {
    let room = Room::new();
    batches(|texts| {
        let pairs = taken(texts, |text| Ok(encode::rust(text)))?;
        // In hex, so that nothing has to be quoted again.
        room.file(
            "a.rs",
            format!(
                "fn main() {{ let all: &[&str] = &{}; for text in all {{ for byte in text.bytes() {{ print!(\"{{byte:02x}}\"); }} println!(); }} }}",
                list(&pairs)
            ),
        );
        text_of(Command::new("rustc").arg("-o").arg(room.path("a")).arg(room.path("a.rs")));
        let printed = text_of(&mut Command::new(room.path("a")));
        let hex: Vec<(String, String)> =
            pairs.iter().map(|(text, written)| (redisgen::hex(text.as_bytes()), written.clone())).collect();
        let read: Vec<String> = printed.lines().map(str::to_owned).collect();
        same(&hex, &read)
    });
}

#[test]
fn pages_show_what_a_terminal_would_be_shown() {
    const READER: &str = "
import html.parser, json, sys
class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.open = [], False
    def handle_starttag(self, tag, attributes):
        if tag != 'p' or len(attributes) != 1: raise SystemExit('a tag: ' + tag)
        self.found.append([attributes[0][1], ''])
        self.open = True
    def handle_endtag(self, tag):
        self.open = False
    def handle_data(self, data):
        if self.open: self.found[-1][1] += data
    def handle_comment(self, data): raise SystemExit('a comment')
    def handle_decl(self, data): raise SystemExit('a declaration')
    def handle_pi(self, data): raise SystemExit('an instruction')
reader = Reader()
reader.feed(open(sys.argv[1], encoding='utf-8', newline='').read())
reader.close()
print(json.dumps(reader.found))
";
    let room = Room::new();
    batches(|texts| {
        let shown: Vec<String> = texts.iter().map(|text| redisgen::access::human::shown(text).into_owned()).collect();
        let pairs: Vec<(String, String)> = shown.into_iter().zip(texts.iter().map(|text| encode::html(text))).collect();
        let page: String = pairs.iter().map(|(_, written)| format!("<p title=\"{written}\">{written}</p>\n")).collect();
        room.file("a.html", page);
        let printed = text_of(python().args(["-c", READER]).arg(room.path("a.html")));
        let read: Vec<Vec<Value>> = serde_json::from_str(&printed).expect("JSON");
        for place in [0, 1] {
            let texts: Vec<String> = read.iter().map(|both| both[place].as_str().unwrap_or("").to_owned()).collect();
            same(&pairs, &texts)?;
        }
        Ok(())
    });
}
