//! `key()` in each language: parts stay parts.

use crate::deployment::Deployment;
use crate::lab::{Lab, clear, printed};
use crate::languages::{go_program, rust_program};

/// Parts, and the key or none.
fn cases() -> Vec<(Vec<String>, Option<String>)> {
    let mut cases: Vec<(Vec<String>, Option<String>)> = Vec::new();
    let words = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    for (parts, expected) in [
        (&["user", "7", "profile"][..], "user:7:profile"),
        (&["auth", "a.b@example.com"], "auth:a.b@example.com"),
        (&["user", "A-Z_0+9=~"], "user:A-Z_0+9=~"),
    ] {
        cases.push((words(parts), Some(expected.to_owned())));
    }
    let longest = "a".repeat(128);
    cases.push((vec!["user".to_owned(), longest.clone()], Some(format!("user:{longest}"))));
    cases.push((vec!["user".to_owned(), format!("{longest}a")], None));
    cases.push((std::iter::once("user".to_owned()).chain(vec![longest; 4]).collect(), None));
    for part in [
        "",
        ":",
        "7:profile",
        "*",
        "?",
        "[a]",
        "\\",
        "^",
        "{a}",
        " ",
        "a b",
        "a\n",
        "\n",
        "a\tb",
        "\u{7f}",
        "\r\nDEL x",
        "é",
        "\u{202e}",
        "７",
        "'",
        "\"",
        "$(id)",
        "%s",
        "/",
        "a;b",
        "<a>",
    ] {
        cases.push((vec!["user".to_owned(), part.to_owned()], None));
        cases.push((vec!["user".to_owned(), part.to_owned(), "x".to_owned()], None));
    }
    // Not the user's: another name, a name that only begins alike, nothing behind it, nothing at all.
    for parts in [&["admin", "7"][..], &["users", "7"], &["user"], &["USER", "7"], &[]] {
        cases.push((words(parts), None));
    }
    // However the key of a session is cut: nobody but the store gets at it.
    let digest = "a".repeat(64);
    let session = format!("user::session:{digest}");
    for parts in [
        &["user", "", "session", &digest][..],
        &["user", ":session", &digest],
        &["user:", "session", &digest],
        &["user", &format!(":session:{digest}")],
        &["user::session", &digest],
        &["user::session:", &digest],
        &[&session],
    ] {
        cases.push((words(parts), None));
    }
    cases.push((words(&["user", "session", &digest]), Some(format!("user:session:{digest}"))));
    cases
}

#[test]
fn a_part_cannot_become_another_key() {
    let deployment = Deployment::build(&clear());
    let lab = Lab::new(&deployment);
    let cases = cases();
    let json = serde_json::to_string(&cases.iter().map(|(parts, _)| parts).collect::<Vec<_>>()).expect("JSON");
    let expected: Vec<Option<String>> = cases.iter().map(|(_, key)| key.clone()).collect();
    let python = "
import json
def tried(parts):
    try:
        return key(*parts)
    except ValueError:
        return None
say(json.dumps([tried(parts) for parts in json.load(sys.stdin)]))
for wrong in [7, None, b'x', ['x']]:
    try:
        say(key('user', wrong))
    except ValueError:
        pass
";
    let node = "
const tried = (parts) => {
  try {
    return key(...parts);
  } catch {
    return null;
  }
};
const { value } = await input();
say(JSON.stringify(JSON.parse(value).map(tried)));
for (const wrong of [7, null, undefined, ['x'], { toString: () => 'x' }]) if (tried(['user', wrong]) !== null) say('taken');
process.exit();
";
    for mut command in [lab.python(python), lab.node(node)] {
        let mut steps = crate::lab::Steps::start(&mut command);
        steps.line(&json);
        steps.close();
        let keys: Vec<Option<String>> = serde_json::from_str(&steps.said()).expect("JSON");
        assert_eq!(keys, expected);
        assert_eq!(steps.rest(), "", "what is no text is refused");
    }
    // The control: there is where sessions lie.
    let (python, node) = (
        "import redis_sessions\nsay(redis_sessions.PREFIX)",
        "const store = new SessionStore(await connect());
await store.create({});
process.exit();",
    );
    assert_eq!(printed(&mut lab.python(python)), "user::session:");
    printed(&mut lab.node(node));
    assert!(lab.admin("keys *").starts_with("user::session:"));
    let (go, rust) = (go_program(&deployment), rust_program(&deployment));
    for (parts, expected) in &cases {
        let said =
            |program: &std::path::Path| printed(lab.command(program.to_str().expect("UTF-8")).arg("key").args(parts));
        let in_go = said(&go);
        match expected {
            Some(key) => assert_eq!(in_go, format!("{key} <nil>")),
            None => assert!(in_go.starts_with(" a ") || in_go.starts_with("a "), "{parts:?}: {in_go}"),
        }
        assert_eq!(said(&rust), format!("{expected:?}"), "{parts:?}");
    }
}
