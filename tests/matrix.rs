//! `redisgen access`: who may do what, and what changed, by profiles and by files that others wrote.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail"
)]

mod common;

use common::{PROD, Room};
use serde_json::Value;

/// The guide's users, the way people write them by hand.
const GUIDE: &str = "\
user default off
user admin on nopass ~* &* +@all
user sessionapp on >hunter2 ~user:* ~auth:* +get +set +setex +del +expire +ttl +exists
user readonly on >r3ad ~user:* +@read -keys
user monitor on >m0n ~* +@read +info +ping +config|get
user job on >j0b resetkeys %R~in:* %W~out:* +@all -@dangerous (+scan ~*)
";

fn snapshot(name: &str, content: &str) {
    insta::with_settings!({
        snapshot_path => format!("{}/snapshots/access", env!("CARGO_MANIFEST_DIR")),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, content) });
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_file_of_somebody_else_is_shown_in_three_forms() {
    let room = Room::new();
    room.file("users.acl", GUIDE);
    let human = room.run(["access", "users.acl"]).ended(0);
    assert!(human.stderr.contains("read as redis-7.4 reads it"), "{}", human.stderr);
    snapshot("guide.txt", &human.stdout);
    snapshot("guide.md", &room.run(["access", "users.acl", "--format", "markdown"]).ended(0).stdout);
    let out = room.run(["access", "users.acl", "--format", "json", "--engine", "redis-7.4"]).ended(0);
    assert_eq!(out.stderr, "");
    snapshot("guide.json", &out.stdout);
    for text in [&human.stdout, &out.stdout] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    // The same from standard input, which has no name to go by.
    assert_eq!(room.run_with_input(["access", "-"], GUIDE).ended(0).stdout, human.stdout);
}

#[test]
fn the_documented_shape() {
    let room = Room::new();
    room.file("users.acl", "user a on nopass %R~x ~y &c +get +select|0 +config|get db=1 (+set ~z)\n");
    let out = room.run(["access", "users.acl", "--format", "json", "--engine", "valkey-9.1"]).ended(0);
    let value = json(&out.stdout);
    assert_eq!(value["engine"], "valkey-9.1");
    let user = &value["users"]["a"];
    assert_eq!((&user["enabled"], &user["login"]), (&Value::Bool(true), &Value::from("anything")));
    let commands: Vec<&str> = user["commands"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(commands, ["auth", "config|get", "get", "hello", "quit", "reset", "select|0"]);
    assert_eq!(
        user["keys"],
        json(r#"[{"pattern":"x","read":true,"write":false},{"pattern":"y","read":true,"write":true}]"#)
    );
    assert_eq!(user["channels"], json(r#"["c"]"#));
    assert_eq!(user["databases"], json("[1]"));
    assert_eq!(user["selectors"][0]["keys"][0]["pattern"], "z");
    // Nobody listed `default`: everybody is it.
    let default = &value["users"]["default"];
    assert_eq!(default["login"], "anything");
    assert!(default["dangers"].as_array().is_some_and(|dangers| dangers.len() == 6), "{default}");
}

#[test]
fn the_document_of_a_profile_is_the_command_s_answer() {
    let room = Room::built(PROD);
    let written = std::fs::read_to_string(room.path("deploy/docs/ACCESS.md")).expect("written");
    assert_eq!(room.run(["access", "p.yaml", "--format", "markdown"]).ended(0).stdout, written);
    // Computed from the model, and the same from the file that is written, but for its name.
    let file = room.run(["access", "deploy/redis/users.acl", "--format", "markdown"]).ended(0).stdout;
    assert_eq!(file.replace("from users.acl", "from p.yaml"), written);
    let (profile, file) =
        (["access", "p.yaml", "--format", "json"], ["access", "deploy/redis/users.acl", "--format", "json"]);
    assert_eq!(room.run(profile).ended(0).stdout, room.run(file).ended(0).stdout);
}

#[test]
fn what_a_server_refuses_is_told_at_its_place() {
    let room = Room::new();
    room.file("users.acl", "user a on +get\n\n# no comments here\nuser b on >hunter2 +nosuch\n");
    let out = room.run(["access", "users.acl", "--engine", "redis-7.0"]).ended(1);
    for words in ["acl-file-refused", "users.acl:3:1", "users.acl:4:20", "+nosuch", "should start with user keyword"] {
        assert!(out.stdout.contains(words), "{words}:\n{}", out.stdout);
    }
    assert!(!out.stdout.contains("hunter2"), "{}", out.stdout);
    // The rule is one that can be explained.
    room.run(["explain", "acl-file-refused"]).ended(0);
    room.file("binary.acl", b"user \xff on\n");
    assert!(room.run(["access", "binary.acl"]).ended(1).stdout.contains("UTF-8"));
    room.file("broken.yaml", "version: 1\nname: demo\nenvironment: production\nnetwrok: {}\n");
    room.run(["access", "broken.yaml"]).ended(1);
}

#[test]
fn usage() {
    let room = Room::with(PROD);
    for wrong in [
        &["access"][..],
        &["access", "absent.acl"],
        &["access", "p.yaml", "p.yaml"],
        &["access", "--diff", "p.yaml"],
        &["access", "p.yaml", "--engine", "redis-5.0"],
        &["access", "p.yaml", "--engine", "redis-7.4", "--engine", "redis-7.0"],
        &[
            "access",
            "--diff",
            "p.yaml",
            "p.yaml",
            "--engine",
            "redis-7.4",
            "--engine",
            "redis-7.0",
            "--engine",
            "redis-7.2",
        ],
        &["access", "p.yaml", "--format", "sarif"],
    ] {
        let out = room.run(wrong).ended(2);
        assert!(out.stdout.is_empty() && !out.stderr.is_empty(), "{wrong:?}");
    }
}

#[test]
fn texts_of_a_stranger_do_not_reach_the_terminal_as_they_are() {
    let room = Room::new();
    room.file("users.acl", "user a\u{1b}[2J on nopass ~\u{202e}x\u{7}`|<b> +get\n");
    for format in ["human", "markdown"] {
        let out = room.run(["access", "users.acl", "--format", format]).ended(0).stdout;
        assert!(
            !out.chars().any(|sign| sign == '\u{1b}' || sign == '\u{202e}' || sign == '\u{7}'),
            "{format}: {out:?}"
        );
        assert!(out.contains(r"\u{202e}x\u{7}`|<b>"), "{format}: {out}");
    }
    // A first argument can hold anything, too, and so can a file's name.
    room.file("old.acl", "user a on nopass\n");
    room.file("a-->b.acl", "user a on nopass +flushall|\u{1b}[2J\n");
    let out = room.run(["access", "--diff", "old.acl", "a-->b.acl"]).ended(1).stdout;
    assert!(out.contains(r"flushall|\u{1b}[2j") && !out.contains('\u{1b}'), "{out:?}");
    let out = room.run(["access", "a-->b.acl", "--format", "markdown"]).ended(2);
    assert!(out.stdout.is_empty(), "{}", out.stdout);
}

/// Old words, new words, what is gained and what is lost, each as `what items`.
type Case<'text> = (&'text str, &'text str, &'text [&'text str], &'text [&'text str]);

const CASES: &[Case] = &[
    ("+get ~a", "+get ~a", &[], &[]),
    ("+get ~a", "+get +set ~a", &["commands set"], &[]),
    ("+get +set ~a", "+get ~a", &[], &["commands set"]),
    // By effect, not by spelling.
    ("+@string ~a", "+@all -@all +@string ~a", &[], &[]),
    ("+get ~user:*", "+get ~user:1:*", &[], &["keys ~user:*"]),
    ("+get ~user:1:*", "+get ~user:*", &["keys ~user:*"], &[]),
    ("+get %R~a", "+get ~a", &["keys ~a"], &[]),
    ("+get %R~a %W~a", "+get ~a", &[], &[]),
    ("+get ~*", "+get ~a ~b", &[], &["keys ~*"]),
    ("+publish &a", "+publish &*", &["channels &*"], &[]),
    ("off", "on nopass", &["login by anything", "flags nopass"], &[]),
    ("on nopass", "on >secret", &[], &["login by anything", "flags nopass"]),
    ("+get ~a", "+get ~a (+set ~b)", &["selectors (+set ~b)"], &[]),
    // Nothing new: its own permissions give it already.
    ("+get +set ~*", "+get +set ~* (+set ~b)", &[], &[]),
    ("on", "on skip-sanitize-payload", &["flags skip-sanitize-payload"], &[]),
    ("off", "off nopass", &["flags nopass"], &[]),
    // A part of what was there, and the whole of which there was a part.
    ("+select", "+select|0", &[], &["commands select"]),
    ("+config", "+config|get", &[], &["commands config|help, config|resetstat, config|rewrite, config|set"]),
    ("(~ax62* +get)", "(\"~a\\x62*\" +get)", &["selectors (\"~a\\x62*\" +get)"], &["selectors (~ax62* +get)"]),
    ("+select|0", "+select", &["commands select"], &[]),
];

#[test]
fn gains_end_with_one() {
    for (old, new, gained, lost) in CASES {
        let room = Room::new();
        room.file("old.acl", format!("user default off\nuser u {old}\n"));
        room.file("new.acl", format!("user default off\nuser u {new}\n"));
        let arguments = ["access", "--diff", "old.acl", "new.acl"];
        let out = room.run(arguments).ended(i32::from(!gained.is_empty()));
        let mut expected = String::new();
        if !gained.is_empty() || !lost.is_empty() {
            expected.push_str("u\n");
        }
        for (sign, rights) in [("+", gained), ("-", lost)] {
            for right in *rights {
                let (what, items) = right.split_once(' ').expect("what and items");
                expected.push_str(&format!("  {sign} {what:<10} {items}\n"));
            }
        }
        let lines = out.stdout.lines().filter(|line| !line.contains(" can n") && !line.contains("~ passwords"));
        assert_eq!(lines.fold(String::new(), |text, line| text + line + "\n"), expected, "{old} to {new}");
        let markdown = room.run(arguments.iter().copied().chain(["--format", "markdown"])).stdout;
        assert_eq!(markdown.contains("gained"), !gained.is_empty(), "{markdown}");
        let value = json(&room.run(arguments.iter().copied().chain(["--format", "json"])).stdout);
        assert_eq!(
            value["users"]["u"]["gained"].as_object().is_some_and(|gained| !gained.is_empty()),
            !gained.is_empty()
        );
    }
}

#[test]
fn users_that_come_and_go() {
    let room = Room::new();
    room.file("old.acl", "user default off\nuser gone on nopass +get ~a\n");
    room.file("new.acl", "user default off\nuser come on nopass +get ~a\n");
    let out = room.run(["access", "--diff", "old.acl", "new.acl"]).ended(1);
    for part in
        ["come\n  + login      by anything\n  + flags      nopass\n  + commands   auth, get, hello", "gone\n  - login"]
    {
        assert!(out.stdout.contains(part), "{part}:\n{}", out.stdout);
    }
    // A file that forgets `default` opens the server: the worst gain of all.
    room.file("forgot.acl", "user gone on nopass +get ~a\n");
    let out = room.run(["access", "--diff", "old.acl", "forgot.acl"]).ended(1);
    for part in [
        "default\n  + can now run code in the server: debug, eval",
        "\n  + login      by anything\n",
        "@string: append",
    ] {
        assert!(out.stdout.contains(part), "{part}:\n{}", out.stdout);
    }
}

#[test]
fn what_a_reviewer_found() {
    let room = Room::new();
    let diff = |old: &str, new: &str, engines: &[&str], code: i32| {
        room.file("old.acl", format!("user default off resetchannels\nuser u {old}\n"));
        room.file("new.acl", format!("user default off resetchannels\nuser u {new}\n"));
        let engines = engines.iter().flat_map(|engine| ["--engine", engine]);
        let arguments = ["access", "--diff", "old.acl", "new.acl"].into_iter().chain(engines);
        room.run(arguments.collect::<Vec<_>>()).ended(code).stdout
    };
    // The last list of databases counts alone.
    let out = diff("db=1 db=2 +get ~a", "db=1 +get ~a", &["valkey-9.1"], 1);
    assert!(out.contains("+ databases  db=1"), "{out}");
    // A first argument is as dangerous as its command.
    let out = diff("on nopass", "on nopass +flushall|async +keys|*", &["redis-7.4"], 1);
    assert!(out.contains("can now destroy all data or end the server: flushall|async"), "{out}");
    // 6.2 lets SORT read what it does not name.
    let same = "on nopass resetchannels ~a* +sort";
    let out = diff(same, same, &["redis-7.4", "redis-6.2"], 1);
    assert!(out.contains("carry data out past its key patterns, or all of it: sort"), "{out}");
    // An upgrade that changes nothing for a user is none.
    let same = "on nopass resetchannels ~a* +get +config|get";
    assert_eq!(diff(same, same, &["redis-6.2", "redis-7.4"], 0), "");
    // Another password is told, and is no right.
    let out = diff("on >a +get ~a", "on >a >b +get ~a", &["redis-7.4"], 0);
    assert_eq!(out, "u\n  ~ passwords  1 new\n");
}

#[test]
fn hostile_files_take_no_quadratic_step() {
    let room = Room::new();
    let stars =
        format!("user u on nopass ~{}b +get\nuser v on nopass ~{}b +get\n", "*a".repeat(2000), "a*".repeat(2000));
    let patterns = |prefix: &str| {
        let keys: Vec<String> = (0..10_000).map(|number| format!("~{prefix}{number}:*")).collect();
        format!("user u on nopass +get {}\n", keys.join(" "))
    };
    let selectors = |prefix: &str| format!("user u on nopass {}\n", format!("(+@all ~{prefix}) ").repeat(2000));
    let admins: Vec<String> = (0..5000).map(|number| format!("user u{number} on nopass ~* &* +@all\n")).collect();
    let admins = admins.concat();
    for (what, old, new) in [
        ("stars", stars.clone(), stars.replace("user u", "user w").replace("user v", "user u")),
        ("patterns", patterns("a"), patterns("b")),
        ("selectors", selectors("a"), selectors("b")),
        ("admins", String::new(), admins.clone()),
    ] {
        room.file("old.acl", old);
        room.file("new.acl", new);
        let (out, usage) = room.measure(&["access", "--diff", "old.acl", "new.acl", "--engine", "redis-7.4"]);
        assert_eq!(out.code, Some(1), "{what}: {}", out.stderr);
        // A debug build beside other tests; what this guards against took minutes.
        assert!(usage.cpu < 20.0, "{what}: {usage:?}");
    }
    room.file("admins.acl", admins);
    for format in ["human", "json", "markdown"] {
        let (out, usage) = room.measure(&["access", "admins.acl", "--format", format, "--engine", "redis-7.4"]);
        assert!(out.code == Some(0) && usage.cpu < 30.0 && usage.memory < 400.0, "{format}: {usage:?}");
    }
}

#[test]
fn renaming_counts() {
    let room = Room::with(&format!("{PROD}commands: {{ disabled: [flushall, \"@scripting\"], rename: true }}\n"));
    room.file("plain.yaml", format!("{PROD}commands: {{ disabled: [flushall, \"@scripting\"] }}\n"));
    let out = room.run(["access", "--diff", "p.yaml", "plain.yaml"]).ended(1);
    for part in
        ["admin\n  + can now run code in the server: eval", "can now destroy all data or end the server: flushall"]
    {
        assert!(out.stdout.contains(part), "{part}:\n{}", out.stdout);
    }
    room.run(["access", "--diff", "plain.yaml", "p.yaml"]).ended(0);
    let human = room.run(["access", "p.yaml"]).ended(0).stdout;
    assert!(human.contains("Renamed away for everybody by redis.conf: eval, eval_ro"), "{human}");
    let value = json(&room.run(["access", "p.yaml", "--format", "json"]).ended(0).stdout);
    assert!(value["renamed"].as_array().is_some_and(|names| names.iter().any(|name| name == "flushall")), "{value}");
    let commands = value["users"]["admin"]["commands"].as_array().expect("a list");
    assert!(!commands.iter().any(|name| name == "eval" || name == "flushall" || name == "function|load"));
    let page = room.run(["access", "p.yaml", "--format", "markdown"]).ended(0).stdout;
    assert!(page.contains("Renamed away for everybody by redis.conf: `eval`"), "{page}");
}

#[test]
fn an_upgrade_is_compared_across_lines() {
    let room = Room::with(PROD);
    let out =
        room.run(["access", "--diff", "p.yaml", "p.yaml", "--engine", "redis-7.4", "--engine", "redis-8.0"]).ended(1);
    // The admin's `+@all` has the new commands; the application's categories have no vector sets, and `default` gets
    // those that write by name.
    let of = |user: &str| {
        let lines = out.stdout.lines().skip_while(|line| *line != user).skip(1);
        lines.take_while(|line| line.starts_with(' ')).collect::<String>()
    };
    for (user, vectors) in [("admin", ["vadd", "vsim"].as_slice()), ("app", &[]), ("default", &["vadd"])] {
        let found: Vec<&str> = ["vadd", "vsim"].into_iter().filter(|name| of(user).contains(name)).collect();
        assert!(found == vectors && of(user).contains("hgetex"), "{user}: {}", out.stdout);
    }
    assert!(out.stderr.contains("redis-7.4 to redis-8.0"), "{}", out.stderr);
    room.run(["access", "--diff", "p.yaml", "p.yaml", "--engine", "redis-7.4"]).ended(0);
    // Profiles name their own engines.
    room.file("new.yaml", format!("{PROD}engine: {{ version: \"7.2.16\" }}\n"));
    let out = room.run(["access", "--diff", "new.yaml", "p.yaml"]).ended(1);
    assert!(out.stdout.contains("hexpire"), "{}", out.stdout);
}
