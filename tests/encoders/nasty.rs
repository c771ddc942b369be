//! Texts that mean something somewhere, and how a batch of them is tried.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

/// The most texts that one start of a reader gets.
const BATCH: usize = 400;
/// How many batches a property tries.
const BATCHES: u32 = 2;

/// What quotes, escapes, ends, expands or starts something in one of the formats.
const TOKENS: &[&str] = &[
    "\"",
    "'",
    "`",
    "\\",
    "\\\\",
    "\\\"",
    "\\'",
    "\\n",
    "\\x41",
    "\\u0041",
    "$",
    "$$",
    "${",
    "$(",
    "$x",
    "${x}",
    "$(id)",
    "%",
    "%%",
    "%h",
    "%{",
    "{{",
    "}}",
    "{%",
    "{#",
    "}",
    "]",
    ")",
    "#",
    " #",
    "//",
    "/*",
    "*/",
    "--",
    "-",
    "!",
    "&",
    "*",
    "|",
    ">",
    "<",
    ";",
    ":",
    ": ",
    "- ",
    "=",
    ",",
    "?",
    "@",
    "~",
    "^",
    " ",
    "  ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\0",
    "\u{1}",
    "\u{7}",
    "\u{8}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "\u{a0}",
    "ä",
    "e\u{301}",
    "\u{200b}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{feff}",
    "\u{fffd}",
    "\u{ffff}",
    "\u{1f512}",
    "\u{10ffff}",
    "null",
    "yes",
    "true",
    "~",
    "0x1f",
    "1e3",
    "012",
    "1:30",
    "on",
    "EOF",
    "<<EOF",
    "&amp;",
    "&#65;",
    "<b>",
    "$HOME",
    "$1",
    "a",
    "B",
    "7",
    "_",
    ".",
    "/",
    "+",
];

/// A text that an encoder may refuse only for a reason.
pub fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => vec(proptest::sample::select(TOKENS), 0..8).prop_map(|parts| parts.concat()),
        // One sign among letters, which no other sign gives away.
        3 => ("[A-Za-z0-9]{0,4}", proptest::sample::select(TOKENS), "[A-Za-z0-9]{0,4}").prop_map(|(a, sign, b)| a + sign + &b),
        2 => "[ -~]{0,24}",
        1 => "[\\x00-\\x7f]{0,16}",
        1 => any::<String>(),
        // Words, which every encoder takes.
        2 => "[A-Za-z0-9]{1,20}",
        2 => "[A-Za-z0-9][A-Za-z0-9._-]{0,20}",
    ]
}

/// True if no format has a meaning for any of it.
pub fn harmless(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Hands batches to a reader until one fails, then looks for the shortest that does.
#[track_caller]
pub fn batches(property: impl Fn(&[String]) -> TestCaseResult) {
    let config = Config { cases: BATCHES, max_shrink_iters: 400, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&vec(nasty(), 0..BATCH), |mut texts| {
        // Even of a short batch an encoder takes something.
        texts.push("harmless".to_owned());
        property(&texts)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Those texts that the encoder takes, encoded. Fails if it refuses a harmless one.
pub fn taken(
    texts: &[String],
    encode: impl Fn(&str) -> Result<String, String>,
) -> Result<Vec<(String, String)>, TestCaseError> {
    let mut taken = Vec::new();
    for text in texts {
        match encode(text) {
            Ok(written) => taken.push((text.clone(), written)),
            Err(reason) => prop_assert!(!harmless(text), "{:?} is refused: {}", text, reason),
        }
    }
    Ok(taken)
}

/// Compares what a reader gave with what was written.
pub fn same(pairs: &[(String, String)], read: &[String]) -> TestCaseResult {
    prop_assert_eq!(pairs.len(), read.len(), "{:?} gave {:?}", pairs, read);
    for ((text, written), read) in pairs.iter().zip(read) {
        prop_assert_eq!(text, read, "written {}", written);
    }
    Ok(())
}
