//! monitoring/certificates.sh and its units.

use std::fs;
use std::process::{Command, Output};

use crate::common::{MUTUAL, Room, check_script};

fn run(room: &Room, words: &[&str]) -> Output {
    let script = room.path("deploy/monitoring/certificates.sh");
    Command::new(script).current_dir(room.path("")).args(words).output().expect("the script runs")
}

#[test]
fn tells_when_each_certificate_ends() {
    let room = Room::built(MUTUAL);
    check_script(&room.path("deploy/monitoring/certificates.sh"));
    fs::create_dir(room.path("text")).expect("folder");
    for _ in 0..2 {
        let output = run(&room, &["deploy/secrets", "text"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let names: Vec<_> =
        fs::read_dir(room.path("text")).expect("folder").map(|entry| entry.expect("entry").file_name()).collect();
    assert_eq!(names, ["redisgen-certificates-demo.prom"], "nothing is left over");
    let text = room.read("text/redisgen-certificates-demo.prom");
    for file in
        ["server/ca.crt", "server/redis.crt", "server/health.crt", "exporter/client.crt", "clients/app/client.crt"]
    {
        let start = format!("redisgen_certificate_expiry_timestamp_seconds{{deployment=\"demo\",file=\"{file}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{file}:\n{text}"));
        let end: u64 = line.parse().expect("a number");
        let path = room.path("deploy/secrets").join(file);
        // openssl's own word: it ends after a second less, and not after one more.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
        for (within, code) in [(end - now - 60, 0), (end - now + 60, 1)] {
            let openssl = Command::new("openssl")
                .args(["x509", "-noout", "-checkend", &within.to_string(), "-in"])
                .arg(&path)
                .output()
                .expect("openssl runs");
            assert_eq!(openssl.status.code(), Some(code), "{file} {line}");
        }
    }
    // promtool reads the exposition format.
    let lint = Command::new("sh")
        .args(["-c", "promtool check metrics <text/redisgen-certificates-demo.prom"])
        .current_dir(room.path(""))
        .output();
    let lint = lint.expect("promtool runs: install the package prometheus");
    assert!(lint.status.success(), "{lint:?}");
}

#[test]
fn says_what_it_could_not_read() {
    let room = Room::built(MUTUAL);
    fs::create_dir(room.path("text")).expect("folder");
    room.file("deploy/secrets/server/redis.crt", "nonsense");
    room.file("deploy/secrets/clients/a\"b/client.crt", "odd");
    let output = run(&room, &["deploy/secrets", "text"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot read deploy/secrets/server/redis.crt") && said.contains("odd name"), "{said}");
    // What can be read is told, so that the other alert on it stays right; what cannot is absent, and an alert says so.
    let text = room.read("text/redisgen-certificates-demo.prom");
    assert!(text.contains("server/ca.crt") && !text.contains("server/redis.crt") && !text.contains("a\"b"), "{text}");
    for (words, code) in
        [(&["deploy/secrets", "nowhere"][..], 2), (&["nowhere", "text"], 2), (&["a", "b", "c"], 2), (&["--help"], 0)]
    {
        assert_eq!(run(&room, words).status.code(), Some(code), "{words:?}");
    }
}

#[test]
fn systemd_takes_the_units() {
    let room = Room::built(MUTUAL);
    let units = ["service", "timer"].map(|kind| {
        let text = room.read(&format!("deploy/monitoring/redisgen-certificates.{kind}"));
        // systemd looks for the program; here it is in the room.
        let script = room.path("deploy/monitoring/certificates.sh").display().to_string();
        let text = text.replace("/etc/redisgen/demo/certificates.sh", &script);
        room.file(&format!("units/redisgen-certificates-demo.{kind}"), text)
    });
    let output = Command::new("systemd-analyze").arg("verify").args(&units).output();
    let output = output.expect("systemd-analyze runs: install the package systemd");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("redisgen-certificates"), "{said}");
    let broken = fs::read_to_string(&units[0]).expect("unit").replace("Type=oneshot", "Type=never");
    fs::write(&units[0], broken).expect("written");
    let output = Command::new("systemd-analyze").arg("verify").args(&units).output().expect("systemd-analyze");
    assert!(String::from_utf8_lossy(&output.stderr).contains("redisgen-certificates"), "a wrong unit is seen");
}
