//! In: a model. Out: the bytes of every artefact. The only code that calls the template engine: strict about
//! what is undefined, and every value passes the encoder of its file's format.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use crate::artefact::{self, users_acl::Words};
use crate::encode;
use crate::model::Model;

/// A file to write; all of them are text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path below the output folder, with `/`.
    pub path: String,
    /// File mode.
    pub mode: u32,
    /// Content.
    pub bytes: Vec<u8>,
}

impl File {
    /// The content.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or("")
    }
}

macro_rules! templates {
    ($($name:literal)*) => {
        const TEMPLATES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../templates/", $name)))),*];
    };
}

templates! {
    "docker-compose.yml"
    "docker-compose.app.yml"
    "redis/redis.conf"
    "redis/users.acl"
    "redis/healthcheck.sh"
    "firewall/redisgen.nft"
    "firewall/iptables.rules"
    "firewall/ufw.sh"
    "firewall/apply.sh"
    "firewall/remove.sh"
    "firewall/redisgen-firewall.service"
    "access/ssh_config"
    "access/tunnel.sh"
    "client/via-bastion.sh"
    "client/config.yaml"
    "client/environment"
    "client/redis-cli.sh"
    "client/python/redis_client.py"
    "client/python/redis_sessions.py"
    "client/node/redis_client.mjs"
    "client/node/redis_sessions.mjs"
    "client/go/settings.go"
    "client/go/redis_client.go"
    "client/rust/redis_client.rs"
    "terraform/allowed_cidrs.tf"
    "terraform/aws/versions.tf"
    "terraform/aws/variables.tf"
    "terraform/aws/main.tf"
    "terraform/aws/outputs.tf"
    "terraform/aws/tests/redis.tftest.hcl"
    "terraform/gcp/versions.tf"
    "terraform/gcp/variables.tf"
    "terraform/gcp/main.tf"
    "terraform/gcp/outputs.tf"
    "terraform/gcp/tests/redis.tftest.hcl"
    "terraform/azure/versions.tf"
    "terraform/azure/variables.tf"
    "terraform/azure/main.tf"
    "terraform/azure/outputs.tf"
    "terraform/azure/tests/redis.tftest.hcl"
    "terraform/vault/versions.tf"
    "terraform/vault/variables.tf"
    "terraform/vault/main.tf"
    "terraform/vault/outputs.tf"
    "terraform/vault/tests/redis.tftest.hcl"
    "secret-store/closed.sh"
    "secret-store/fetch.sh"
    "secret-store/approle.sh"
    "secret-store/agent.vault"
    "secret-store/policy.vault"
    "storage/luks.sh"
    "backup/snapshot.sh"
    "backup/replace.sh"
    "backup/backup.sh"
    "backup/restore.sh"
    "backup/redisgen-backup.service"
    "backup/redisgen-backup.timer"
    "monitoring/prometheus.yaml"
    "monitoring/alerts.yaml"
    "monitoring/alerts.test.yaml"
    "monitoring/dashboard.json"
    "monitoring/certificates.sh"
    "monitoring/redisgen-certificates.service"
    "monitoring/redisgen-certificates.timer"
    "tests/security-test.sh"
    "scripts/contain.sh"
    "scripts/admin.sh"
    "docs/ACCESS.md"
    "docs/RUNBOOK.md"
    "docs/SECURITY.md"
    "report.html"
}

static ENVIRONMENT: LazyLock<Result<Environment<'static>, String>> =
    LazyLock::new(|| environment().map_err(|error| format!("{error:#}")));

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    environment
        .set_auto_escape_callback(|name| AutoEscape::Custom(name.rsplit('.').next().unwrap_or("").to_owned().into()));
    environment.set_formatter(format_value);
    // `safe` would let a value pass unencoded.
    environment.remove_filter("safe");
    environment.add_filter("comment", |text: &str| encode::comment(text).map(Value::from_safe_string).map_err(refused));
    environment.add_filter("prose", |text: &str| Value::from_safe_string(encode::prose(text)));
    // Text of ours that stands in a code block as it is.
    environment.add_filter("ours", |text: &str| Value::from_safe_string(text.to_owned()));
    // A word of a shell in a code block, which a line break could end.
    environment.add_filter("word", |text: &str| {
        encode::comment(text).map(|_| Value::from_safe_string(encode::shell(text))).map_err(refused)
    });
    // A user's line of an ACL file has dozens of words, and there may be thousands of users.
    environment.add_filter("words", |line: &Value| {
        let line =
            line.downcast_object_ref::<Words>().ok_or_else(|| refused("not a line of an ACL file".to_owned()))?;
        encode::acl_line(line.iter()).map(Value::from_safe_string).map_err(refused)
    });
    // Each of a list as it would be written alone, with a blank between two: a file lists thousands of commands.
    environment.add_filter("listed", |state: &State, items: &Value| {
        let each = |item: Value| match item.as_str() {
            Some(text) => encoded_for(state, text),
            None => Err(refused("a list of texts has something else in it".to_owned())),
        };
        let texts: Vec<String> = items.try_iter()?.map(each).collect::<Result<_, _>>()?;
        Ok::<_, Error>(Value::from_safe_string(texts.join(" ")))
    });
    environment.add_filter("page_prose", |text: &str| Value::from_safe_string(encode::page_prose(text)));
    // A word of a script inside a compose file: quoted for the shell, then kept from compose's own `$`.
    environment.add_filter("in_shell", |text: &str| Value::from_safe_string(encode::shell(text).replace('$', "$$")));
    // Compiled when first used: no profile asks for all of them.
    environment.set_loader(|name| Ok(TEMPLATES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)));
    Ok(environment)
}

fn refused(reason: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}

fn format_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let encoded = match value.as_str() {
        Some(text) if value.is_safe() => return Ok(out.write_str(text)?),
        Some(text) => encoded_for(state, text)?,
        None if value.is_integer() => value.to_string(),
        None => return Err(refused(format!("a value of kind {} has no place in a file", value.kind()))),
    };
    out.write_str(&encoded)?;
    Ok(())
}

fn encoded_for(state: &State, text: &str) -> Result<String, Error> {
    match state.auto_escape() {
        AutoEscape::Custom(extension) => encoded(extension, text).map_err(refused),
        _ => Err(refused("a file without an encoder".to_owned())),
    }
}

/// The encoder of a file format, by the template's extension.
fn encoded(extension: &str, text: &str) -> Result<String, String> {
    match extension {
        "conf" => Ok(encode::redis_conf(text)),
        "acl" => encode::acl(text),
        "yml" => Ok(encode::compose(text)),
        "yaml" => Ok(encode::yaml(text)),
        "sh" => Ok(encode::shell(text)),
        "nft" => encode::nft(text),
        "rules" => encode::iptables(text),
        "service" | "timer" => encode::unit(text),
        // ssh gives its files no extension.
        "access/ssh_config" => encode::ssh_config(text),
        // Nor has a file of settings that `*.env` in a .gitignore must not hide.
        "client/environment" => encode::environment(text),
        "py" => Ok(encode::python(text)),
        "go" => Ok(encode::go(text)),
        "mjs" => Ok(encode::javascript(text)),
        "rs" => Ok(encode::rust(text)),
        "json" => Ok(encode::json(text)),
        "tf" | "hcl" => encode::hcl(text),
        // Vault writes `.hcl`, too, and reads another one.
        "vault" => encode::vault(text),
        "md" => Ok(encode::markdown(text)),
        "html" => Ok(encode::html(text)),
        other => Err(format!("no encoder for .{other}")),
    }
}

/// Renders one template.
///
/// # Errors
/// The template and its data disagree, which is a bug.
pub fn one(template: &str, data: Value) -> Result<String, String> {
    let environment = ENVIRONMENT.as_ref().map_err(Clone::clone)?;
    let found = environment.get_template(template).map_err(|error| format!("{error:#}"))?;
    found.render(data).map_err(|error| format!("{template}: {error:#}"))
}

/// Renders every artefact of the model, sorted by path.
///
/// # Errors
/// A template and its data disagree, which is a bug: nothing is written then.
pub fn render(model: &Model) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    for artefact in artefact::plan(model) {
        let text = one(artefact.template, (artefact.context)(model))?;
        files.push(File { path: (artefact.path)(model), mode: artefact.mode, bytes: text.into_bytes() });
    }
    for document in artefact::DOCUMENTS {
        let text = one(document.template, (document.context)(model, &files))?;
        files.push(File { path: document.path.to_owned(), mode: 0o644, bytes: text.into_bytes() });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_compiles() {
        let environment = environment().expect("an environment");
        for (name, _) in TEMPLATES {
            environment.get_template(name).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
    }
}
