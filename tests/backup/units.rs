//! systemd takes the units, and promtool the metrics.

use std::fs;
use std::process::{Command, Stdio};

use crate::engine;
use crate::place::{Place, said};

#[test]
fn systemd_takes_the_units() {
    let place = Place::new(&engine::debian(), "everysec");
    let units = place.path("units");
    fs::create_dir(&units).expect("folder");
    let verify = |service: &str| {
        fs::write(units.join("redisgen-backup-kept.service"), service).expect("unit");
        let mut analyze = Command::new("systemd-analyze");
        analyze.env("SYSTEMD_UNIT_PATH", format!("{}:/usr/lib/systemd/system:", units.display()));
        analyze.args(["verify", "--man=no"]).arg(units.join("redisgen-backup-kept.timer"));
        said(
            &analyze
                .arg(units.join("redisgen-backup-kept.service"))
                .output()
                .expect("systemd-analyze: package systemd"),
        )
    };
    let service = fs::read_to_string(place.path("out/backup/redisgen-backup.service")).expect("unit");
    let timer = fs::read_to_string(place.path("out/backup/redisgen-backup.timer")).expect("unit");
    fs::write(units.join("redisgen-backup-kept.timer"), &timer).expect("unit");
    let installed = "/etc/redisgen/kept/deployment";
    assert!(service.contains(&format!("ExecStart={installed}/backup/backup.sh\n")), "{service}");
    // The place that the unit names is the operator's to make.
    let here = service.replace(installed, &place.path("out").display().to_string());
    assert_eq!(verify(&here).is(0, "").text, "");
    // The control.
    assert!(verify(&here.replace("ProtectSystem=full", "ProtectSystems=full")).text.contains("Unknown key"));
    assert!(timer.contains("OnCalendar=*-*-* 00/6:00:00\n") && timer.contains("Persistent=true\n"), "{timer}");
}

#[test]
fn prometheus_takes_the_metrics() {
    let place = Place::running(&engine::debian(), "disabled");
    place.back_up();
    let check = |text: &str| {
        let path = place.path("checked.prom");
        fs::write(&path, text).expect("metrics");
        let mut promtool = Command::new("promtool");
        promtool.args(["check", "metrics"]).stdin(Stdio::from(fs::File::open(path).expect("metrics")));
        said(&promtool.output().expect("promtool runs: install the package prometheus"))
    };
    let text = fs::read_to_string(place.path("metrics/redisgen-backup-kept.prom")).expect("metrics");
    assert_eq!(check(&text).is(0, "").text, "");
    assert_ne!(check(&text.replace("\"} ", "} ")).code, 0, "the control");
}
