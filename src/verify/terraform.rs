//! Level `terraform`: terraform formats, initialises, validates and tests each module. It fetches nothing: providers come
//! from a folder on this machine.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::Bench;
use super::check::{Outcome, Trouble};
use super::process::{self, Said};

/// Initialising and testing start providers, which are large.
const LIMIT: Duration = Duration::from_mins(5);
/// Providers that a parent process serves, as `terraform` calls it.
const SERVED: &str = "TF_REATTACH_PROVIDERS";

/// The terraform program and where its providers are.
struct Terraform {
    program: PathBuf,
    settings: PathBuf,
    providers: bool,
    tree: PathBuf,
}

/// What is asked of each module, in this order: each needs the ones before it.
const STEPS: [(&str, &str, &[&str]); 4] = [
    ("fmt", "is formatted", &["fmt", "-check", "-diff", "-recursive"]),
    ("init", "finds its providers", &["init", "-backend=false", "-input=false"]),
    ("validate", "is valid", &["validate"]),
    ("test", "passes its own tests", &["test"]),
];

/// Proves the level on the modules that the tree has.
pub(super) fn prove(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let modules: BTreeSet<String> = bench
        .lab
        .files
        .iter()
        .filter_map(|file| Some(file.path.strip_prefix("terraform/")?.split('/').next()?.to_owned()))
        .collect();
    if modules.is_empty() {
        return Ok(());
    }
    let terraform = Terraform::new(bench)?;
    for module in modules {
        for (id, title, words) in STEPS {
            let held = bench.prove(&format!("{module}/{id}"), &format!("Module {module} {title}"), || {
                terraform.step(&module, id, words)
            });
            // Without providers nothing further can be said; an unformatted module may still be valid.
            if !held && id != "fmt" {
                break;
            }
        }
    }
    Ok(())
}

impl Terraform {
    fn new(bench: &mut Bench<'_>) -> Result<Terraform, Trouble> {
        let program = process::find("terraform").ok_or_else(|| {
            Trouble::missing(
                "no `terraform` on PATH",
                "install Terraform 1.11 or later from its maker; Debian has none",
            )
        })?;
        let version = process::run(process::command(&program).arg("version"), LIMIT)?;
        let number = version.out.lines().next().and_then(|line| line.strip_prefix("Terraform v")).unwrap_or_default();
        bench.judge("terraform", number);
        #[expect(clippy::disallowed_methods, reason = "terraform's own way to be given providers")]
        let served = std::env::var_os(SERVED).is_some();
        // Only what is named here: without a mirror, terraform would ask its registry.
        let mirror = match &bench.options.providers {
            Some(folder) => folder.canonicalize().map_err(|error| Trouble::Failed(format!("--providers: {error}")))?,
            None => bench.lab.subfolder("terraform/none").map_err(Trouble::Failed)?,
        };
        let path = crate::encode::hcl(&mirror.display().to_string()).map_err(Trouble::Failed)?;
        let text = format!(
            "disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{\n    path = {path}\n  }}\n}}\n"
        );
        let settings = bench.lab.write("terraform/settings.tfrc", text.as_bytes(), 0o600).map_err(Trouble::Failed)?;
        let providers = served || bench.options.providers.is_some();
        Ok(Terraform { program, settings, providers, tree: bench.lab.tree() })
    }

    fn step(&self, module: &str, id: &str, words: &[&str]) -> Outcome {
        if id != "fmt" && !self.providers {
            return Err(Trouble::missing(
                "no folder of providers, and this command fetches nothing",
                format!("terraform -chdir=DIR/terraform/{module} providers mirror FOLDER, then --providers FOLDER"),
            ));
        }
        let said = self.run(module, words)?;
        let nothing_tested =
            id == "test" && (!said.out.contains(" passed, 0 failed") || said.out.contains(" 0 passed"));
        if said.well() && !nothing_tested { Ok(last(&said.out)) } else { Trouble::failed(said.all()) }
    }

    fn run(&self, module: &str, words: &[&str]) -> Result<Said, Trouble> {
        let mut command = process::command(&self.program);
        process::keep(&mut command, &[SERVED]);
        command.current_dir(self.tree.join("terraform").join(module)).args(words).arg("-no-color");
        command.env("TF_CLI_CONFIG_FILE", &self.settings).env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1");
        process::run(&mut command, LIMIT)
    }
}

/// The last line that says something.
fn last(text: &str) -> String {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}
