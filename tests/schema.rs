//! The published schema is what the types generate, and `jsonschema` agrees with our walk.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail"
)]

use std::fs;

use proptest::prelude::*;
use redisgen::format::FORMATS;
use redisgen::source::FileId;
use redisgen::{load, profile::Environment, schema, yaml};
use serde_json::{Value, json};

fn defaults() -> Vec<Value> {
    [Environment::Development, Environment::Production]
        .map(|environment| {
            yaml::parse(load::defaults(environment), FileId(0)).expect("the embedded defaults parse").to_json()
        })
        .to_vec()
}

#[test]
fn published_schema_is_up_to_date() {
    let generated = serde_json::to_string_pretty(&schema::published(&defaults())).expect("JSON") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/profile.schema.json");
    if std::env::var_os("REDISGEN_BLESS").is_some() {
        fs::write(path, &generated).expect("written");
    }
    assert_eq!(
        fs::read_to_string(path).expect("readable"),
        generated,
        "run: REDISGEN_BLESS=1 cargo test --test schema"
    );
}

#[test]
fn the_walk_knows_every_keyword_and_refuses_others() {
    schema::compile(&schema::merged().to_string()).map(drop).expect("merged schema");
    schema::compile(&schema::published(&defaults()).to_string()).map(drop).expect("published schema");
    assert!(schema::compile(&json!({"dependencies": {}}).to_string()).is_err());
    assert!(schema::compile(&json!({"properties": {"a": {"uniqueItems": true}}}).to_string()).is_err());
    assert!(schema::compile(&json!({"format": "unheard-of"}).to_string()).is_err());
}

#[test]
fn published_schema_asks_only_for_what_has_no_default() {
    let published = schema::published(&defaults());
    let minimal = json!({"version": 1, "name": "a", "environment": "production", "tls": {"mode": "mutual"}});
    assert!(oracle(&published).is_valid(&minimal));
    assert!(!oracle(&published).is_valid(&json!({"version": 1, "tls": {"mdoe": "mutual"}})));
    assert!(
        !oracle(&published).is_valid(&json!({"version": 1, "backups": {"every": "24h"}})),
        "backups has no defaults"
    );
}

fn oracle(schema: &Value) -> jsonschema::Validator {
    let mut options = jsonschema::options().with_draft(jsonschema::Draft::Draft7).should_validate_formats(true);
    for format in FORMATS {
        options = options.with_format(format.name, |text: &str| (format.check)(text).is_ok());
    }
    options.build(schema).expect("a valid schema")
}

fn verdicts(oracle: &jsonschema::Validator, document: &str) -> (bool, bool) {
    let tree = yaml::parse(document, FileId(0)).expect("YAML");
    let compiled = schema::PROFILE.as_ref().expect("compiles");
    (schema::check(compiled, &tree).is_empty(), oracle.is_valid(&tree.to_json()))
}

#[test]
fn agrees_with_jsonschema_on_every_fixture() {
    let oracle = oracle(&schema::merged());
    let mut seen = 0;
    for folder in ["ok", "rules", "invalid"] {
        for entry in fs::read_dir(format!("{}/fixtures/{folder}", env!("CARGO_MANIFEST_DIR"))).expect("fixtures") {
            let path = entry.expect("entry").path();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            if path.extension().is_none_or(|extension| extension != "yaml") || yaml::parse(&text, FileId(0)).is_err() {
                continue;
            }
            let (ours, theirs) = verdicts(&oracle, &text);
            assert_eq!(ours, theirs, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} fixtures were compared");
}

/// A valid, complete profile to change one place of.
fn base(environment: Environment) -> Value {
    let mut tree = yaml::parse(load::defaults(environment), FileId(0)).expect("defaults");
    tree.replace_text("<name>", "a");
    let mut base = tree.to_json();
    base["version"] = json!(1);
    base["name"] = json!("a");
    base["environment"] = json!(environment.word());
    base["backups"] = json!({"every": "24h", "keep": "14d", "directory": "/srv/b", "encrypt_to": ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]});
    base
}

fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, below)| pointers(below, &format!("{at}/{key}"), out)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, below)| pointers(below, &format!("{at}/{index}"), out));
        }
        _ => {}
    }
}

fn replacement() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!({})),
        Just(json!([])),
        Just(json!(["a"])),
        Just(json!({"a": 1})),
        any::<i32>().prop_map(|number| json!(number)),
        (-10.0..70000.0_f64).prop_map(|number| json!(number)),
        "[ -~]{0,12}".prop_map(|text| json!(text)),
        prop::sample::select(vec![
            "512MiB",
            "30s",
            "1.2",
            "disabled",
            "mutual",
            "yes",
            "+get",
            "user:*",
            "10.0.0.0/8",
            "2027-01-31",
            "80%",
            "a"
        ])
        .prop_map(|text| json!(text)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn agrees_with_jsonschema_on_changed_documents(place in 0..1000_usize, change in replacement(), key in "[a-z_]{1,9}", production: bool) {
        static ORACLE: std::sync::LazyLock<jsonschema::Validator> = std::sync::LazyLock::new(|| oracle(&schema::merged()));
        let mut document = base(if production { Environment::Production } else { Environment::Development });
        let mut all = Vec::new();
        pointers(&document, "", &mut all);
        let pointer = &all[place % all.len()];
        if place % 3 == 0 {
            if let Some(Value::Object(map)) = document.pointer_mut(pointer) { map.insert(key, change); }
        } else if place % 7 == 1 {
            let (parent, last) = pointer.rsplit_once('/').unwrap_or(("", ""));
            if let Some(Value::Object(map)) = document.pointer_mut(parent) { map.shift_remove(last); }
        } else {
            *document.pointer_mut(pointer).expect("listed") = change;
        }
        let text = serde_json::to_string(&document).expect("JSON");
        let (ours, theirs) = verdicts(&ORACLE, &text);
        prop_assert_eq!(ours, theirs, "{}", text);
        // Schema and serde are one: what the walk accepts, serde takes.
        if ours {
            let tree = yaml::parse(&text, FileId(0)).expect("YAML");
            let typed = <redisgen::profile::Profile as serde::Deserialize>::deserialize(&tree);
            prop_assert!(typed.is_ok(), "{:?}: {}", typed.err(), text);
        }
    }

    #[test]
    fn patterns_accept_what_parsers_accept(text in "[ -~]{0,20}|[0-9]{1,4}(KiB|MiB|ms|s|d|%)|[a-z0-9-]{1,12}|[0-9./:a-f]{1,12}|[+-]@?[a-z|]{1,8}|%[RW]~[a-z*]{1,4}|/[a-z/._-]{1,12}|[0-9]{4}-[0-9]{2}-[0-9]{2}") {
        for format in FORMATS {
            if (format.check)(&text).is_ok() {
                let schema = json!({"type": "string", "pattern": format.pattern});
                prop_assert!(jsonschema::is_valid(&schema, &json!(text)), "{} refuses {text}", format.name);
            }
        }
    }
}
