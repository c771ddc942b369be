//! A project file lists profiles and is the policy that they can't loosen: however they are named, whatever they say,
//! and whatever files a change adds beside them. One that cannot be used ends every command.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test may fail"
)]

mod common;

use std::os::unix::fs::{lchown, symlink};

use common::{DEV, Out, PROD, Room};

/// A warning in production, and nothing worse.
const WARNED: &str = "version: 1\nname: demo\nenvironment: production\ntls: { mode: disabled }\n";
/// The same, accepted by the profile itself.
const WAIVED: &str = "version: 1\nname: demo\nenvironment: production\ntls: { mode: disabled }\nwaivers:\n  - { rule: tls-disabled, reason: a test }\n";
const RULE: &str = "tls-disabled";

/// A project of one production profile.
const ONE: &str = "version = 1\n[[profiles]]\npath = \"profiles/prod.yaml\"\nenvironment = \"production\"\n";

fn project(profile: &str, file: &str) -> Room {
    let room = Room::new();
    room.file("profiles/prod.yaml", profile);
    room.file("redisgen.toml", file);
    room
}

/// The file of one profile with these lines of policy.
fn policy(lines: &str) -> String {
    ONE.replace("[[profiles]]", &format!("[policy]\n{lines}\n[[profiles]]"))
}

/// The program, started in a folder of the room.
fn run_in(room: &Room, folder: &str, arguments: &[&str]) -> Out {
    let line: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
    room.shell(&format!("cd '{folder}' && exec \"$REDISGEN\" {}", line.join(" ")))
}

#[test]
fn commands_work_on_the_whole_project() {
    let two = format!("{ONE}[[profiles]]\npath = \"dev.yaml\"\nout = \"try/it\"\nenvironment = \"development\"\n");
    let room = project(PROD, &two);
    room.file("dev.yaml", DEV);
    std::fs::create_dir_all(room.path("deep/er")).expect("folders");
    let out = room.run(["validate"]).ended(0);
    assert!(out.stderr.contains("profiles/prod.yaml: ok") && out.stderr.contains("dev.yaml: ok"), "{}", out.stderr);
    let out = run_in(&room, "deep/er", &["validate"]).ended(0);
    assert!(out.stderr.contains("../../profiles/prod.yaml: ok"), "{}", out.stderr);

    let out = room.run(["diff"]).ended(1);
    assert!(
        out.stderr.contains("deploy/prod is behind; mend it with: redisgen build profiles/prod.yaml\n"),
        "{}",
        out.stderr
    );
    assert!(out.stderr.contains("try/it is behind; mend it with: redisgen build dev.yaml\n"), "{}", out.stderr);
    run_in(&room, "deep/er", &["build", "--no-secrets"]).ended(0);
    for file in ["deploy/prod/redisgen.lock", "try/it/redisgen.lock"] {
        assert!(room.path(file).exists(), "{file}");
    }
    room.run(["diff"]).ended(0);
    // What diff says to run is enough, and one profile keeps its own folder.
    room.file("try/it/redis/redis.conf", "changed\n");
    room.run(["diff"]).ended(1);
    room.run(["diff", "profiles/prod.yaml"]).ended(0);
    room.run(["build", "--force", "dev.yaml"]).ended(0);
    room.run(["diff"]).ended(0);
    room.run(["build", "--no-secrets", "--out", "else", "dev.yaml"]).ended(0);
    assert!(room.path("else/redisgen.lock").exists());
    room.run(["build", "--no-secrets", "--out", "all"]).ended(0);
    assert!(room.path("all/prod/redisgen.lock").exists() && room.path("all/dev/redisgen.lock").exists());

    let out = room.run(["access"]).ended(0);
    let (prod, dev) = (out.stdout.find("== profiles/prod.yaml\n"), out.stdout.find("== dev.yaml\n"));
    assert!(prod == Some(0) && dev > prod, "{}", out.stdout);
    let out = room.run(["access", "--format", "json"]).ended(0);
    let json: serde_json::Value = serde_json::from_str(&out.stdout).expect("one document");
    let one = room.run(["access", "--format", "json", "dev.yaml"]).ended(0);
    assert_eq!(json["profiles"]["dev.yaml"], serde_json::from_str::<serde_json::Value>(&one.stdout).expect("JSON"));
    assert!(json["profiles"]["profiles/prod.yaml"]["users"]["admin"].is_object());
    let out = room.run(["access", "--format", "markdown"]).ended(0);
    assert!(out.stdout.starts_with("# profiles/prod.yaml\n\n<!--"), "{}", out.stdout);
    room.run(["access", "--diff"]).ended(2);

    // One that is refused stops the build of all, and half of the access is not shown as if it were all.
    room.file("dev.yaml", "version: 1\nname: demo\n");
    for command in ["validate", "diff", "access"] {
        room.run([command]).ended(1);
    }
    let before = room.tree("");
    room.run(["build"]).ended(1);
    assert_eq!(before, room.tree(""));
    assert!(!room.run(["access"]).ended(1).stdout.contains("admin"));
    std::fs::remove_file(room.path("dev.yaml")).expect("removed");
    for command in ["validate", "build", "diff", "access"] {
        let out = room.run([command]).ended(2);
        assert!(out.stderr.starts_with("redisgen: redisgen.toml:6: dev.yaml: No such file"), "{}", out.stderr);
        assert!(out.stdout.is_empty(), "{}", out.stdout);
    }
}

#[test]
fn two_folders_are_compared_profile_by_profile() {
    let room = Room::new();
    let app = |keys: &str| {
        format!(
            "{PROD}users:\n  - {{ name: admin, role: admin }}\n  - {{ name: cart, role: application, keys: [\"{keys}\"] }}\n"
        )
    };
    for (folder, keys) in [("old", "cart:*"), ("new", "*")] {
        room.file(&format!("{folder}/redisgen.toml"), ONE);
        room.file(&format!("{folder}/base.yaml"), app(keys));
        room.file(&format!("{folder}/profiles/prod.yaml"), "version: 1\nextends: [../base.yaml]\n");
    }
    let diff = ["access", "--diff", "--format", "markdown", "old", "new"];
    let out = room.run(diff).ended(1);
    assert!(out.stdout.starts_with("## Changes of access\n\n### `profiles/prod.yaml`\n"), "{}", out.stdout);
    assert!(out.stdout.contains("  - gained keys: `~*`\n"), "{}", out.stdout);
    let out = room.run(["access", "--diff", "new", "old"]).ended(0);
    assert!(
        out.stdout.starts_with("Changes of access\n\n== profiles/prod.yaml\n") && out.stdout.contains("- keys"),
        "{}",
        out.stdout
    );
    let out = room.run(["access", "--diff", "--format", "json", "old", "new"]).ended(1);
    let json: serde_json::Value = serde_json::from_str(&out.stdout).expect("one document");
    assert_eq!(json["profiles"]["profiles/prod.yaml"]["users"]["cart"]["gained"]["keys"], serde_json::json!(["~*"]));
    room.file("new/base.yaml", app("cart:*"));
    assert_eq!(room.run(diff).ended(0).stdout, "## Changes of access\n\nNone.\n");

    // A profile that only the new folder has gives its users everything, one that is gone takes it; moving one into the
    // project's list is neither.
    std::fs::remove_file(room.path("old/profiles/prod.yaml")).expect("removed");
    room.file("old/redisgen.toml", "version = 1\n");
    assert!(room.run(diff).ended(1).stdout.contains("gained keys: `~cart:*`"));
    let out = room.run(["access", "--diff", "new", "old"]).ended(0);
    assert!(out.stdout.contains("- keys       ~cart:*"), "{}", out.stdout);
    room.file("old/profiles/prod.yaml", "version: 1\nextends: [../base.yaml]\n");
    room.run(diff).ended(0);
    std::fs::remove_file(room.path("old/redisgen.toml")).expect("removed");
    let out = room.run(diff).ended(1);
    assert!(out.stderr.contains("the old one cannot be read and counts for nothing"), "{}", out.stderr);
    assert!(out.stdout.contains("The old one could not be read"), "{}", out.stdout);

    // A new profile that is refused is no answer; a project file that is broken neither.
    room.file("new/base.yaml", "version: 1\nname: demo\n");
    let out = room.run(diff).ended(1);
    assert!(out.stderr.contains("missing-key") && out.stdout.is_empty(), "{}", out.stdout);
    room.file("old/redisgen.toml", "version = 3\n");
    assert!(room.run(diff).ended(2).stderr.starts_with("redisgen: old/redisgen.toml:1: "));
    std::fs::create_dir(room.path("none")).expect("folder");
    room.run(["access", "--diff", "none", "none"]).ended(2);
    // Folders without a project file hold their profiles themselves.
    for (folder, keys) in [("a", "cart:*"), ("b", "*")] {
        room.file(&format!("{folder}/p.yaml"), app(keys));
    }
    assert!(room.run(["access", "--diff", "a", "b"]).ended(1).stdout.contains("== p.yaml"));
}

#[test]
fn without_a_project_a_profile_is_named() {
    let room = Room::with(PROD);
    for command in ["validate", "build", "diff", "access"] {
        let out = room.run([command]).ended(2);
        assert!(out.stderr.contains("no profile is named") && out.stderr.contains("redisgen.toml"), "{}", out.stderr);
        assert!(out.stdout.is_empty(), "{}", out.stdout);
    }
    // A file without profiles still is the project's folder, for `extends`.
    room.file("redisgen.toml", "version = 1\n");
    let out = room.run(["validate"]).ended(2);
    assert!(out.stderr.contains("redisgen.toml lists none"), "{}", out.stderr);
    room.file("in/p.yaml", "version: 1\nextends: [../p.yaml]\n");
    room.run(["validate", "in/p.yaml"]).ended(0);
    run_in(&room, "/", &["validate", &room.path("in/p.yaml").display().to_string()]).ended(0);
    std::fs::remove_file(room.path("redisgen.toml")).expect("removed");
    room.run(["validate", "in/p.yaml"]).ended(1);
    room.run(["validate", "p.yaml"]).ended(0);
}

#[test]
fn the_environment_is_as_agreed() {
    let room = project(DEV, ONE);
    let out = room.run(["validate", "--format", "json"]).ended(1);
    assert_eq!(out.rules().iter().filter(|rule| *rule == "environment-not-as-agreed").count(), 1);
    let finding = out.findings().into_iter().find(|it| it["rule"] == "environment-not-as-agreed").expect("found");
    assert_eq!((&finding["line"], &finding["severity"]), (&3.into(), &"error".into()), "{finding}");
    let message = finding["message"].as_str().expect("text");
    assert_eq!(message, "redisgen.toml:4 says that this is a production profile");
    // Neither flags nor waivers help, and nothing is written.
    let waived = format!("{DEV}waivers:\n  - {{ rule: environment-not-as-agreed, reason: x }}\n");
    room.file("profiles/prod.yaml", waived);
    let out = room.run(["build", "--deny", "error", "--format", "json"]).ended(1);
    assert!(out.rules().contains(&"environment-not-as-agreed".to_owned()));
    assert!(out.rules().contains(&"waiver-not-allowed".to_owned()));
    assert!(!room.path("deploy").exists());
    // An inherited environment counts as one that is written.
    room.file("base.yaml", DEV);
    room.file("profiles/prod.yaml", "version: 1\nextends: [../base.yaml]\n");
    let out = room.run(["validate"]).ended(1);
    assert!(out.stdout.contains("environment-not-as-agreed") && out.stdout.contains("base.yaml:3"), "{}", out.stdout);
    room.file("profiles/prod.yaml", PROD);
    room.run(["validate"]).ended(0);
}

#[test]
fn the_lowest_deny_holds_however_the_profile_is_named() {
    let room = project(WARNED, &policy("deny = \"warning\""));
    symlink("profiles/prod.yaml", room.path("link.yaml")).expect("symlink");
    let absolute = room.path("profiles/prod.yaml").display().to_string();
    std::fs::create_dir_all(room.path("elsewhere")).expect("folder");
    for name in ["profiles/prod.yaml", "./profiles/../profiles/prod.yaml", &absolute, "link.yaml", "profiles"] {
        let out = room.run(["validate", "--deny", "error", name]).ended(1);
        assert!(
            out.stderr.contains("refused at --deny warning, which redisgen.toml:3 demands"),
            "{name}: {}",
            out.stderr
        );
        room.run(["build", "--deny", "error", name]).ended(1);
        room.run(["diff", "--deny", "error", name]).ended(1);
    }
    let out = room.run(["access", "--deny", "error", "link.yaml"]).ended(1);
    assert!(out.stderr.contains("redisgen.toml:3 demands"), "{}", out.stderr);
    // It does not matter where the program is started, either.
    run_in(&room, "/", &["validate", "--deny", "error", &absolute]).ended(1);
    run_in(&room, "elsewhere", &["validate", "--deny", "error"]).ended(1);
    assert!(!room.path("deploy").exists());
    // Controls: the policy is what refuses; it may be stricter still; others are not bound.
    room.file("other.yaml", WARNED);
    room.run(["validate", "--deny", "error", "other.yaml"]).ended(0);
    room.run_with_input(["validate", "--deny", "error", "-"], WARNED).ended(0);
    room.file("redisgen.toml", policy("deny = \"error\""));
    room.run(["validate", "--deny", "error"]).ended(0);
    let out = room.run(["validate"]).ended(1);
    assert!(out.stderr.contains("refused at --deny warning, "), "the default stays: {}", out.stderr);
    room.file("redisgen.toml", format!("{}deny = \"info\"\n", policy("deny = \"error\"")));
    room.run(["validate", "--deny", "error"]).ended(1);
    // A profile that passes says, too, that it was judged more strictly than was asked for.
    room.file("redisgen.toml", policy("deny = \"warning\""));
    room.file("profiles/prod.yaml", PROD);
    let out = room.run(["validate", "--deny", "error"]).ended(0);
    assert!(out.stderr.contains("prod.yaml: ok at --deny warning, which redisgen.toml:3 demands"), "{}", out.stderr);
}

#[test]
fn only_what_the_policy_admits_can_be_waived() {
    let room = project(WAIVED, ONE);
    room.run(["validate"]).ended(0);
    for none in ["waivable = []", "waivable = [\"leaf-too-long\"]"] {
        room.file("redisgen.toml", policy(none));
        let out = room.run(["validate", "--format", "json", "profiles/prod.yaml"]).ended(1);
        for rule in [RULE, "waiver-not-allowed"] {
            assert!(out.rules().contains(&rule.to_owned()), "{none}: {rule} is missing: {:?}", out.rules());
        }
        let finding = out.findings().into_iter().find(|it| it["rule"] == "waiver-not-allowed").expect("found");
        assert_eq!(finding["line"], 6);
        assert_eq!(finding["message"], format!("redisgen.toml:3 admits no waiver of `{RULE}`"));
    }
    room.file("redisgen.toml", policy(&format!("waivable = [\"{RULE}\", \"leaf-too-long\"]")));
    room.run(["validate"]).ended(0);
    room.file("other.yaml", WAIVED);
    room.file("redisgen.toml", policy("waivable = []"));
    room.run(["validate", "other.yaml"]).ended(0);
}

/// A change may add a nearer project file: it must not take the outer one's policy away.
#[test]
fn a_nearer_project_file_only_adds() {
    let room = project(WAIVED, &policy("deny = \"warning\"\nwaivable = []"));
    let mild = "version = 1\n[[profiles]]\npath = \"prod.yaml\"\nout = \"mine\"\nenvironment = \"production\"\n";
    room.file("profiles/redisgen.toml", mild);
    for (folder, name) in [(".", "profiles/prod.yaml"), ("profiles", "prod.yaml"), ("/", "")] {
        let absolute = room.path("profiles/prod.yaml").display().to_string();
        let name = if name.is_empty() { &absolute } else { name };
        let out = run_in(&room, folder, &["validate", "--deny", "error", name]).ended(1);
        assert!(out.stdout.contains("waiver-not-allowed"), "{folder}: {}", out.stdout);
    }
    run_in(&room, "profiles", &["validate", "--deny", "error"]).ended(1);
    // The artefacts stay where the project says; the inner one's own runs use the inner folder.
    room.file("profiles/prod.yaml", PROD);
    let out = room.run(["diff", "profiles/prod.yaml"]).ended(1);
    assert!(out.stderr.contains("deploy/prod is behind"), "{}", out.stderr);
    let out = run_in(&room, "/", &["diff", &room.path("profiles/prod.yaml").display().to_string()]).ended(1);
    assert!(out.stderr.contains("deploy/prod is behind"), "{}", out.stderr);
    let out = run_in(&room, "profiles", &["diff"]).ended(1);
    assert!(out.stderr.contains("prod.yaml: mine is behind"), "{}", out.stderr);
    // Both bind: the stricter of the two wins.
    room.file("profiles/redisgen.toml", mild.replace("[[profiles]]", "[policy]\ndeny = \"info\"\n[[profiles]]"));
    let out = room.run(["validate", "profiles/prod.yaml"]).ended(1);
    assert!(out.stderr.contains("refused at --deny info, which profiles/redisgen.toml:3 demands"), "{}", out.stderr);
    room.file("profiles/redisgen.toml", mild.replace("production", "development"));
    assert!(room.run(["validate"]).ended(1).stdout.contains("environment-not-as-agreed"));
    // It narrows what the profile may extend, wherever the program was started.
    room.file("profiles/redisgen.toml", mild);
    room.file("base.yaml", PROD);
    room.file("profiles/prod.yaml", "version: 1\nextends: [../base.yaml]\n");
    assert!(room.run(["validate"]).ended(1).stdout.contains("extends-unreadable"));
    std::fs::remove_file(room.path("profiles/redisgen.toml")).expect("removed");
    room.run(["validate"]).ended(0);
}

/// Somebody who may not write here.
const NOBODY: Option<u32> = Some(65534);

/// Where everybody may write, as in /tmp, a stranger's file must not decide anything.
#[test]
fn a_stranger_s_project_file_is_not_considered() {
    let room = Room::new();
    let own = |name: &str, user| lchown(room.path(name), user, None).expect("the tests run as root");
    room.file("mine/p.yaml", PROD);
    room.file("mine/child.yaml", "version: 1\nextends: [../base.yaml]\n");
    room.file("base.yaml", PROD);
    let list = "version = 1\n[[profiles]]\npath = \"mine/p.yaml\"\nenvironment = \"production\"\nout = \"evil\"\n";
    room.file("redisgen.toml", list);
    own("redisgen.toml", NOBODY);
    let told = format!("{} belongs to another user and is not considered\n", room.path("redisgen.toml").display());
    let once = |out: &Out| assert_eq!(out.stderr.matches(&told).count(), 1, "{}", out.stderr);
    let absolute = room.path("mine/p.yaml").display().to_string();
    for folder in ["/", "mine"] {
        let out = run_in(&room, folder, &["diff", "--out", "target", &absolute]).ended(1);
        once(&out);
        assert!(!out.stderr.contains("evil"), "{}", out.stderr);
    }
    let out = room.run(["diff", "mine/p.yaml"]).ended(1);
    once(&out);
    assert!(out.stderr.contains("p.yaml: deploy is behind"), "{}", out.stderr);
    once(&room.run(["access", "--diff", "mine/p.yaml", "mine/p.yaml"]).ended(0));
    let out = room.run(["validate"]).ended(2);
    assert!(out.stderr.contains("there is no redisgen.toml in this folder or above"), "{}", out.stderr);
    let out = room.run(["validate", "--format", "json", "mine/child.yaml"]).ended(1);
    assert!(out.rules().contains(&"extends-unreadable".to_owned()), "{}", out.stdout);
    room.file("redisgen.toml", "version = 3\n");
    room.run(["validate", "mine/p.yaml"]).ended(0);
    // Nor is a stranger's link to a file of ours.
    room.file("ours.toml", list);
    std::fs::remove_file(room.path("redisgen.toml")).expect("removed");
    symlink("ours.toml", room.path("redisgen.toml")).expect("link");
    own("redisgen.toml", NOBODY);
    once(&room.run(["validate", "mine/p.yaml"]).ended(0));

    // The controls: the same file of root's counts.
    own("redisgen.toml", Some(0));
    room.run(["validate", "mine/p.yaml"]).ended(2);
    std::fs::remove_file(room.path("redisgen.toml")).expect("removed");
    room.file("redisgen.toml", list);
    let out = room.run(["diff", "mine/p.yaml"]).ended(1);
    assert!(out.stderr.contains("evil is behind") && !out.stderr.contains("another user"), "{}", out.stderr);
    room.run(["validate"]).ended(0);
    room.run(["validate", "mine/child.yaml"]).ended(0);
    // One further in that is a stranger's does not narrow what may be extended.
    room.file("mine/redisgen.toml", "version = 1\n");
    room.run(["validate", "mine/child.yaml"]).ended(1);
    own("mine/redisgen.toml", NOBODY);
    room.run(["validate", "mine/child.yaml"]).ended(0);
    room.file("redisgen.toml", "version = 3\n");
    room.run(["validate", "mine/p.yaml"]).ended(2);
}

/// In a container, who runs the program and who checked out are often two.
#[test]
fn a_project_file_of_the_folder_s_owner_counts() {
    let room = project(WARNED, &policy("deny = \"warning\""));
    let own = |name: &str, user| lchown(room.path(name), user, None).expect("the tests run as root");
    let named = ["validate", "--deny", "error", "profiles/prod.yaml"];
    own("redisgen.toml", NOBODY);
    room.run(named).ended(0);
    own("profiles", NOBODY);
    room.run(named).ended(1);
    // The whole project is that of the working directory, whoever owns a folder further in.
    let whole = ["validate", "--deny", "error"];
    room.run(whole).ended(2);
    own("", NOBODY);
    room.run(whole).ended(1);
    own("profiles", Some(0));
    let out = room.run(whole).ended(1);
    assert!(out.stderr.contains("which redisgen.toml:3 demands"), "{}", out.stderr);
    // So it is of two folders that are compared.
    let folder = room.path("").display().to_string();
    let out = run_in(&room, "/", &["access", "--diff", &folder, &folder]);
    assert!(out.stderr.contains("redisgen.toml:3 demands"), "{}", out.stderr);
}

#[test]
fn a_verdict_says_that_its_reason_is_not_shown() {
    let room = project(WARNED, ONE);
    let out = room.run(["validate", "--only", "backups-off"]).ended(1);
    assert!(out.stderr.contains("refused at --deny warning, by findings that are not shown, 1 info"), "{}", out.stderr);
    for arguments in [&["validate"][..], &["validate", "--only", RULE]] {
        let out = room.run(arguments).ended(1);
        assert!(out.stderr.contains("refused at") && !out.stderr.contains("not shown"), "{}", out.stderr);
    }
}

#[test]
fn a_project_file_that_cannot_be_used_ends_every_command() {
    let room = project(PROD, ONE);
    room.file("sub/prod.yaml", PROD);
    let second = "[[profiles]]\nenvironment = \"production\"\n";
    for (name, text, wanted) in [
        ("syntax", "version = 1\n[policy\n".to_owned(), "redisgen.toml:2: "),
        ("version", ONE.replace("= 1", "= 2"), "redisgen.toml:1: another redisgen wrote this"),
        ("no version", ONE.replace("version = 1\n", ""), "missing field `version`"),
        ("key", policy("denyy = \"info\""), "redisgen.toml:3: there is no such key here; did you mean `deny`?"),
        (
            "top key",
            format!("profile = []\n{ONE}"),
            "redisgen.toml:1: there is no such key here; did you mean `profiles`?",
        ),
        (
            "profile key",
            format!("{ONE}enviroment = \"x\"\n"),
            "redisgen.toml:5: there is no such key here; did you mean `environment`?",
        ),
        ("severity", policy("deny = \"fatal\""), "redisgen.toml:3: expected error, warning or info"),
        ("type", policy("deny = 3"), "redisgen.toml:3: expected a string"),
        (
            "rule",
            policy("waivable = [\"tls-disabeld\"]"),
            "redisgen.toml:3: there is no such rule; did you mean `tls-disabled`?",
        ),
        (
            "unwaivable",
            policy("waivable = [\"unknown-key\"]"),
            "redisgen.toml:3: `unknown-key` cannot be waived by anybody",
        ),
        ("no environment", ONE.replace("environment = \"production\"\n", ""), "`environment` is missing"),
        ("environment", ONE.replace("production", "prod"), "redisgen.toml:4: expected development or production"),
        (
            "milder",
            format!("{}deny = \"error\"\n", policy("deny = \"warning\"")),
            "redisgen.toml:7: this `deny` is milder",
        ),
        (
            "twice",
            format!("{ONE}{second}path = \"profiles/prod.yaml\"\nout = \"b\"\n"),
            "redisgen.toml:7: this profile is listed twice",
        ),
        (
            "one out",
            format!("{ONE}{second}path = \"sub/prod.yaml\"\n"),
            "redisgen.toml:7: two profiles would be written to one folder",
        ),
        (
            "nested out",
            format!(
                "{ONE}out = \"a-b\"\n{second}path = \"sub/prod.yaml\"\nout = \"a\"\n[[profiles]]\nenvironment = \"production\"\npath = \"x.yaml\"\nout = \"a/b\"\n"
            ),
            "redisgen.toml:13: this folder would be inside another profile's",
        ),
        (
            "upwards",
            ONE.replace("profiles/prod", "../prod"),
            "redisgen.toml:3: `path`: expected a path below the folder",
        ),
        ("through", ONE.replace("profiles/prod", "profiles/../profiles/prod"), "redisgen.toml:3: `path`"),
        ("absolute", ONE.replace("profiles/prod", "/etc/prod"), "redisgen.toml:3: `path`"),
        ("out of it", format!("{ONE}out = \"../out\"\n"), "redisgen.toml:5: `out`"),
        ("the folder", format!("{ONE}out = \".\"\n"), "redisgen.toml:5: `out`"),
        ("odd signs", format!("{ONE}out = \"a;b\"\n"), "redisgen.toml:5: `out`"),
    ] {
        room.file("redisgen.toml", &text);
        let before = room.tree("");
        for arguments in [
            &["validate"][..],
            &["build"],
            &["diff", "profiles/prod.yaml"],
            &["access", "sub/prod.yaml"],
            &["explain", "profiles/prod.yaml"],
        ] {
            let out = room.run(arguments).ended(2);
            assert!(
                out.stderr.starts_with("redisgen: ") && out.stderr.contains(wanted),
                "{name}, {arguments:?}: {}",
                out.stderr
            );
            assert!(out.stdout.is_empty(), "{name}: {}", out.stdout);
        }
        assert_eq!(before, room.tree(""), "{name}");
    }
    // The last check that these would have passed.
    room.file("redisgen.toml", ONE);
    room.run(["validate"]).ended(0);
}

#[test]
fn a_project_file_is_a_plain_file_of_the_project() {
    let room = project(PROD, ONE);
    let file = room.path("redisgen.toml");
    let replaced = |make: &dyn Fn()| {
        if file.is_dir() { std::fs::remove_dir(&file) } else { std::fs::remove_file(&file) }.expect("removed");
        make();
        for arguments in [&["validate"][..], &["validate", "profiles/prod.yaml"], &["explain", "profiles/prod.yaml"]] {
            let out = room.run(arguments).ended(2);
            assert!(out.stderr.starts_with("redisgen: redisgen.toml:"), "{}", out.stderr);
            assert!(!out.stderr.contains("root:") && out.stdout.is_empty(), "{} {}", out.stderr, out.stdout);
        }
    };
    room.file("whole.toml", ONE);
    replaced(&|| symlink(room.path("whole.toml"), &file).expect("symlink"));
    replaced(&|| symlink("/etc/passwd", &file).expect("symlink"));
    replaced(&|| symlink("nowhere", &file).expect("symlink"));
    replaced(&|| std::fs::create_dir(&file).expect("folder"));
    replaced(&|| assert!(std::process::Command::new("mkfifo").arg(&file).status().expect("mkfifo").success()));
    replaced(&|| std::fs::write(&file, b"version = 1\n# \xff\n").expect("written"));
    replaced(&|| std::fs::write(&file, format!("{ONE}#{}", "x".repeat(1 << 20))).expect("written"));
    replaced(&|| std::fs::write(&file, "\"\\u001b[31m\" = 1\nversion = 1\n\u{1b}[31m").expect("written"));
    assert!(!room.run(["validate"]).ended(2).stderr.contains('\u{1b}'));
    room.file("redisgen.toml", "\"a\\u001b[31m\" = 1\nversion = 1\n");
    assert!(!room.run(["validate"]).ended(2).stderr.contains('\u{1b}'));

    // Links lead neither profiles nor artefacts out of the project's folder.
    let outside = Room::with(PROD);
    room.file("redisgen.toml", ONE);
    std::fs::remove_file(room.path("profiles/prod.yaml")).expect("removed");
    symlink(outside.path("p.yaml"), room.path("profiles/prod.yaml")).expect("symlink");
    let out = room.run(["validate"]).ended(2);
    assert!(out.stderr.contains("a link leads `profiles/prod.yaml` out of the project's folder"), "{}", out.stderr);
    std::fs::remove_file(room.path("profiles/prod.yaml")).expect("removed");
    room.file("profiles/prod.yaml", PROD);
    symlink(outside.path(""), room.path("deploy")).expect("symlink");
    for arguments in [&["build"][..], &["build", "profiles/prod.yaml"], &["diff"]] {
        let out = room.run(arguments).ended(2);
        assert!(out.stderr.contains("a link leads `deploy/prod` out of the project's folder"), "{}", out.stderr);
    }
    assert!(!outside.path("prod").exists());
    std::fs::remove_file(room.path("deploy")).expect("removed");
    room.run(["build", "--no-secrets"]).ended(0);
    // Two names of one file are one profile.
    symlink("prod.yaml", room.path("profiles/same.yaml")).expect("symlink");
    room.file(
        "redisgen.toml",
        format!("{ONE}[[profiles]]\npath = \"profiles/same.yaml\"\nenvironment = \"production\"\n"),
    );
    let out = room.run(["validate"]).ended(2);
    assert!(out.stderr.contains("redisgen.toml:6: this profile is listed twice, by a link"), "{}", out.stderr);
}

#[test]
fn a_large_project_file_costs_little() {
    let room = Room::new();
    room.file("profiles/prod.yaml", PROD);
    let mut text = ONE.to_owned();
    for place in 0..12_000 {
        text.push_str(&format!("[[profiles]]\npath = \"p/{place}.yaml\"\nenvironment = \"production\"\n"));
    }
    assert!(text.len() < 1 << 20);
    room.file("redisgen.toml", &text);
    let (out, usage) = room.measure(&["validate", "profiles/prod.yaml"]);
    out.ended(0);
    assert!(usage.cpu < 1.0 && usage.memory < 128.0, "{usage:?}");
    for hostile in [
        "a.".repeat(400_000),
        "[".repeat(900_000),
        format!("x = {}", "[".repeat(900_000)),
        format!("x = {}", "{a=".repeat(300_000)),
    ] {
        room.file("redisgen.toml", hostile);
        let (out, usage) = room.measure(&["validate", "profiles/prod.yaml"]);
        out.ended(2);
        assert!(usage.cpu < 1.0 && usage.memory < 128.0, "{usage:?}");
    }
}
