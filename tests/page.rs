//! The page of `redisgen report --html`, opened in a real headless Chromium without any network: what it shows, that it
//! asks for nothing, that no error is on its console, and what axe-core says of it in light and in dark.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::Room;
use serde_json::Value;

/// What the browser needs to run as root, and to leave the network alone by itself.
const QUIET: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--enable-logging=stderr",
    "--log-level=0",
];

/// A browser of its own, in a network namespace without a way out.
struct Browser {
    folder: tempfile::TempDir,
}

impl Browser {
    fn new() -> Browser {
        Browser { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn open(&self, page: &Path, arguments: &[&str]) -> Output {
        let profile = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let output = Command::new("unshare")
            .args(["--net", "timeout", "120", "chromium"])
            .args(QUIET)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(arguments)
            .arg(format!("file://{}", page.display()))
            .output()
            .expect("unshare starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "chromium (package chromium): {}: {stderr}", output.status);
        output
    }

    /// The document as the browser understood it, what it wrote to its console, and the hosts that it asked for.
    fn read(&self, page: &Path) -> (String, Vec<String>, BTreeSet<String>) {
        let log = self.folder.path().join("net.json");
        let output = self.open(page, &["--dump-dom", &format!("--log-net-log={}", log.display())]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let console = stderr.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
        let log = fs::read_to_string(&log).expect("the log of the network");
        let hosts = log.split('"').filter_map(|text| text.strip_prefix("http://").or(text.strip_prefix("https://")));
        let hosts = hosts.map(|rest| rest.split(['/', ' ']).next().unwrap_or("").to_owned()).collect();
        (String::from_utf8_lossy(&output.stdout).into_owned(), console, hosts)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    }
}

fn page(profile: &str) -> (Room, PathBuf) {
    let room = Room::new();
    let path = fs::canonicalize(profile).expect("a profile");
    room.run(["report", path.to_str().expect("UTF-8"), "--html", "page.html"]).ended(0);
    let page = room.path("page.html");
    (room, page)
}

#[test]
fn shows_what_it_should_and_asks_for_nothing() {
    let browser = Browser::new();
    let (_, _, own) = browser.read(&browser.file("empty.html", "<!DOCTYPE html><title>empty</title>"));
    // What a page with errors and with pictures from elsewhere looks like.
    let noisy =
        "<!DOCTYPE html><title>x</title><img src=\"http://192.0.2.1/x.png\"><script>nothing_of_this_name()</script>";
    let (_, console, hosts) = browser.read(&browser.file("noisy.html", noisy));
    assert!(console.iter().any(|line| line.contains("ReferenceError")), "{console:?}");
    assert!(hosts.contains("192.0.2.1"), "{hosts:?}");

    let (_room, path) = page("fixtures/ok/prod.yaml");
    let (document, console, hosts) = browser.read(&path);
    assert_eq!(console, Vec::<String>::new());
    let asked: Vec<&String> = hosts.difference(&own).collect();
    assert!(asked.is_empty(), "{asked:?}");
    for text in [
        "<h1>Security of api-forge</h1>",
        "SSH through bastion.example.com",
        "TLS, client certificate",
        "<th scope=\"row\">sessionapp</th>",
        "<code>migrate</code>",
        "Strong password set (32+ characters, random)",
        "<code>redis/users.acl:3</code>",
        "6. Man in the middle",
        "None is known of redis 7.4.11.",
        "<th scope=\"row\">164.312(d)</th>",
    ] {
        assert!(document.contains(text), "{text}");
    }
    // Each link within the page leads somewhere.
    let targets = document.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
    for target in targets {
        assert!(document.contains(&format!("id=\"{target}\"")), "{target}");
    }
}

#[test]
fn what_is_open_and_what_is_vulnerable_shows() {
    let browser = Browser::new();
    let room = Room::with(
        "version: 1\nname: demo\nenvironment: production\nengine: { kind: redis, version: \"7.4.1\" }\nwaivers:\n  - { rule: version-vulnerable, reason: \"<script>alert(1)</script> & \\\"quotes\\\"\", until: \"2026-12-31\" }\n",
    );
    room.run(["report", "p.yaml", "--html", "page.html"]).ended(0);
    let (document, console, _) = browser.read(&room.path("page.html"));
    assert_eq!(console, Vec::<String>::new());
    for text in [
        "CVE-2025-49844",
        "within reach",
        "Nearest build without any: <strong>7.4.11</strong>",
        "&lt;script&gt;alert(1)&lt;/script&gt; &amp; \"quotes\"",
        "until 2026-12-31",
    ] {
        assert!(document.contains(text), "{text}");
    }
    assert!(!document.contains("<script"));
    // The host reaches its containers; UFW guards nothing that Docker publishes.
    for (network, there, absent) in [
        ("{ exposure: internal }", "by the container's address", "packet filter"),
        (
            "{ exposure: allowlist, allow: [{ source: 10.0.0.1 }], firewall: { backends: [ufw] } }\nwaivers: [{ rule: firewall-missing, reason: x }]",
            "<span>no packet filter</span>",
            "<span>packet filter</span>",
        ),
        (
            "{ exposure: internal, docker: { network: shared } }",
            "containers in the Docker network shared",
            "network app",
        ),
    ] {
        room.file("p.yaml", format!("version: 1\nname: demo\nenvironment: production\nnetwork: {network}\n"));
        room.run(["report", "p.yaml", "--html", "page.html"]).ended(0);
        let text = fs::read_to_string(room.path("page.html")).expect("a page");
        let topology = text.split("id=\"access\"").next().expect("a part");
        assert!(topology.contains(there) || topology.contains(&there.replace('\'', "&#39;")), "{network}: {there}");
        assert!(!topology.contains(absent), "{network}: {absent}");
    }
    let (_room, dev) = page("fixtures/ok/dev-minimal.yaml");
    let (document, _, _) = browser.read(&dev);
    for text in ["no encryption", "no password", "no ACL", "class=\"weak\""] {
        assert!(document.contains(text), "{text}");
    }
}

/// Runs a script in a copy of the page, whose own policy permits none, and reads what it left in the title.
fn judge(browser: &Browser, page: &Path, dark: bool, width: u32) -> Value {
    let axe = Command::new("sh").arg("tests/axe.sh").output().expect("sh starts");
    assert!(axe.status.success(), "{}", String::from_utf8_lossy(&axe.stderr));
    let axe = fs::read_to_string(String::from_utf8_lossy(&axe.stdout).trim()).expect("axe-core");
    let text = fs::read_to_string(page).expect("the page");
    let (start, end) = text.split_once("<meta http-equiv=\"Content-Security-Policy\"").expect("a policy");
    let end = end.split_once('>').expect("its end").1;
    let script = "axe.run(document, { resultTypes: ['violations'] }).then(found => {\n\
        const bad = found.violations.map(rule => rule.id + ': ' + rule.nodes.map(node => node.html.slice(0, 90)).join(' | '));\n\
        document.title = 'RESULT' + JSON.stringify({ bad, background: getComputedStyle(document.body).backgroundColor,\n\
          wide: document.documentElement.scrollWidth - innerWidth, rules: found.passes.length }) + 'END'; });";
    let copy =
        format!("{start}{end}<script>{axe}</script><script>addEventListener('load', () => {{ {script} }})</script>");
    let copy = browser.file("judged.html", &copy);
    let size = format!("--window-size={width},1000");
    let mut arguments = vec!["--dump-dom", "--virtual-time-budget=20000", size.as_str()];
    if dark {
        arguments.push("--blink-settings=preferredColorScheme=0");
    }
    let output = browser.open(&copy, &arguments);
    let document = String::from_utf8_lossy(&output.stdout);
    let result = document.split("RESULT").nth(1).and_then(|rest| rest.split("END").next()).unwrap_or_default();
    let result = result.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&result).unwrap_or_else(|error| panic!("{error}: {result}"))
}

#[test]
fn axe_finds_nothing_in_light_and_in_dark() {
    let browser = Browser::new();
    let mut grounds = BTreeSet::new();
    for profile in ["fixtures/ok/prod.yaml", "fixtures/ok/dev-minimal.yaml"] {
        let (_room, path) = page(profile);
        for (dark, width) in [(false, 1300), (true, 1300), (false, 500)] {
            let result = judge(&browser, &path, dark, width);
            assert_eq!(result["bad"], Value::Array(Vec::new()), "{profile}, dark: {dark}, width: {width}");
            assert!(
                result["wide"].as_i64().expect("pixels") <= 0,
                "{profile} is {} px too wide at {width}",
                result["wide"]
            );
            assert!(result["rules"].as_u64().expect("a number") > 10, "{result}");
            grounds.insert(result["background"].as_str().expect("a colour").to_owned());
        }
    }
    assert_eq!(grounds.len(), 2, "dark is as light: {grounds:?}");
    // A page that nobody can read is seen to be one.
    let (_room, path) = page("fixtures/ok/dev-minimal.yaml");
    let pale = fs::read_to_string(&path).expect("the page").replace("--soft: #57606a", "--soft: #dddddd");
    let pale = browser.file("pale.html", &pale.replace(" lang=\"en\"", ""));
    let result = judge(&browser, &pale, false, 1300).to_string();
    assert!(result.contains("color-contrast") && result.contains("html-has-lang"), "{result}");
}

#[test]
fn pictures_and_prints() {
    let browser = Browser::new();
    let (_room, path) = page("fixtures/ok/prod.yaml");
    let picture = browser.folder.path().join("page.png");
    browser.open(&path, &["--window-size=1300,1800", &format!("--screenshot={}", picture.display())]);
    let empty = browser.file("empty.html", "<!DOCTYPE html><title>empty</title>");
    let blank = browser.folder.path().join("empty.png");
    browser.open(&empty, &["--window-size=1300,1800", &format!("--screenshot={}", blank.display())]);
    let size = |path: &Path| fs::metadata(path).expect("a picture").len();
    assert!(size(&picture) > 10 * size(&blank), "{} and {} bytes", size(&picture), size(&blank));
    // In print everything that is folded on the screen is there: the printed text is the document's.
    let print = browser.folder.path().join("page.pdf");
    browser.open(&path, &[&format!("--print-to-pdf={}", print.display())]);
    let text =
        Command::new("pdftotext").args([&print, Path::new("-")]).output().expect("pdftotext (package poppler-utils)");
    let text = String::from_utf8_lossy(&text.stdout);
    for word in ["Security of api-forge", "What remains", "PCI DSS 4.0.1", "migrate"] {
        assert!(text.contains(word), "{word}:\n{text}");
    }
    assert!(!text.contains("Skip to the report"));
}
