//! Level `alerts`: promtool reads the rules and the configuration of Prometheus.

use std::time::Duration;

use super::Bench;
use super::check::Trouble;
use super::process;

/// Files, and how promtool is asked about each.
pub(super) const FILES: [(&str, [&str; 2], &str); 3] = [
    ("monitoring/alerts.yml", ["check", "rules"], "promtool accepts monitoring/alerts.yml"),
    (
        "monitoring/alerts.test.yml",
        ["test", "rules"],
        "Each alert fires when it should, and stays quiet when it should",
    ),
    ("monitoring/prometheus.yml", ["check", "config"], "promtool accepts monitoring/prometheus.yml"),
];

/// Proves the level on what the tree has of it.
pub(super) fn prove(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let there: Vec<_> = FILES.into_iter().filter(|(path, ..)| bench.lab.file(path).is_some()).collect();
    if there.is_empty() {
        return Ok(());
    }
    let promtool = process::need("promtool", "prometheus")?;
    let limit = Duration::from_secs(30);
    let version = process::run(process::command(&promtool).arg("--version"), limit)?;
    bench.judge("promtool", version.all().split(' ').nth(2).unwrap_or_default());
    let tree = bench.lab.tree();
    for (path, words, title) in there {
        bench.prove(path, title, || {
            let mut command = process::command(&promtool);
            let said = process::run(command.current_dir(&tree).args(words).arg(path), limit)?;
            if said.well() { Ok(said.out) } else { Trouble::failed(said.all()) }
        });
    }
    Ok(())
}
