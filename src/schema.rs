//! The JSON Schema of a profile: generated from the types by a test, committed for editors
//! (`schema/profile.schema.json`), embedded, and compiled once per process for the walk.

mod fix;
mod nearest;
mod types;
mod walk;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Map, Value};

use crate::format::{FORMATS, Format};
use crate::profile::Profile;

pub use nearest::nearest;
pub use walk::{check, describe};

/// The published schema, draft-07, as `redisgen schema` prints it.
pub const PUBLISHED: &str = include_str!("../schema/profile.schema.json");

/// Our keyword for keys that must exist after defaults and parents were merged. JSON Schema's own
/// `required` keeps what an author has to write, so that editors do not ask for what has a default.
const REQUIRED_MERGED: &str = "x-required-after-merge";

/// The compiled schema of a merged profile.
pub static PROFILE: LazyLock<Result<Compiled, String>> = LazyLock::new(|| {
    serde_json::from_str(PUBLISHED).map_err(|error| error.to_string()).and_then(|json| compile(&json))
});

/// Generates the schema of a merged profile: every `required` means "after merging".
pub fn merged() -> Value {
    let mut settings = SchemaSettings::draft07();
    settings.transforms.push(Box::new(RecursiveTransform(|schema: &mut schemars::Schema| {
        if let Some(object) = schema.as_object_mut() {
            forbid_null(object);
        }
    })));
    settings.into_generator().into_root_schema_for::<Profile>().to_value()
}

/// Generates the published schema. `defaults` are the profiles of all environments: what each of them
/// states need not be written.
pub fn published(defaults: &[Value]) -> Value {
    let mut schema = merged();
    let definitions = schema.get("definitions").cloned().unwrap_or_default();
    let mut relaxed = BTreeMap::new();
    relax(&mut schema, defaults, &definitions, &mut relaxed);
    if let Some(root) = schema.as_object_mut() {
        // `name` and `environment` may come from a profile that `extends` names.
        root.insert("required".to_owned(), Value::from(vec!["version"]));
    }
    for (name, definition) in relaxed {
        if let Some(slot) = schema.pointer_mut(&format!("/definitions/{name}")) {
            *slot = definition;
        }
    }
    let mut keep = RecursiveTransform(|schema: &mut schemars::Schema| {
        if let Some(object) = schema.as_object_mut()
            && let Some(required) = object.get("required").cloned()
        {
            object.entry(REQUIRED_MERGED).or_insert(required);
        }
    });
    if let Ok(schema) = <&mut schemars::Schema>::try_from(&mut schema) {
        keep.transform(schema);
    }
    schema
}

/// Takes from `required` what all `defaults` state, in this object and the sections below it.
fn relax(object: &mut Value, defaults: &[Value], definitions: &Value, relaxed: &mut BTreeMap<String, Value>) {
    let Some(map) = object.as_object_mut() else { return };
    if let Some(required) = map.get("required").cloned() {
        map.insert(REQUIRED_MERGED.to_owned(), required);
    }
    if let Some(Value::Array(required)) = map.get_mut("required") {
        required.retain(|key| !defaults.iter().all(|tree| key.as_str().is_some_and(|key| tree.get(key).is_some())));
        if required.is_empty() {
            map.remove("required");
        }
    }
    let Some(Value::Object(properties)) = map.get("properties") else { return };
    for (key, property) in properties {
        let below: Vec<Value> =
            defaults.iter().filter_map(|tree| tree.get(key)).filter(|tree| tree.is_object()).cloned().collect();
        let name = property.pointer("/allOf/0/$ref").or_else(|| property.get("$ref")).and_then(Value::as_str);
        let name = name.and_then(|name| name.strip_prefix("#/definitions/"));
        if let (Some(name), true) = (name, below.len() == defaults.len())
            && let Some(definition) = definitions.get(name)
        {
            let mut definition = definition.clone();
            relax(&mut definition, &below, definitions, relaxed);
            relaxed.insert(name.to_owned(), definition);
        }
    }
}

/// A profile has no nulls: an absent key is how a value is left out. Numbers need no `format`.
fn forbid_null(schema: &mut Map<String, Value>) {
    let null = |schema: &Value| schema.get("type").and_then(Value::as_str) == Some("null");
    if let Some(Value::Array(mut any)) = schema.remove("anyOf") {
        any.retain(|branch| !null(branch));
        schema.insert("allOf".to_owned(), Value::Array(any));
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [single] = types.as_slice() {
            let single = single.clone();
            schema.insert("type".to_owned(), single);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if matches!(schema.get("type").and_then(Value::as_str), Some("integer" | "number")) {
        schema.remove("format");
    }
}

/// A JSON type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// One schema object, ready to walk.
#[derive(Default)]
struct Rules {
    types: Vec<Type>,
    reference: Option<String>,
    all_of: Vec<Rules>,
    properties: BTreeMap<String, Rules>,
    required: Vec<String>,
    closed: bool,
    additional: Option<Box<Rules>>,
    items: Option<Box<Rules>>,
    words: Vec<Value>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    min_items: usize,
    max_items: Option<usize>,
    max_properties: Option<usize>,
    min_length: usize,
    max_length: Option<usize>,
    format: Option<&'static Format>,
    description: Option<String>,
}

/// A schema that [`check`] can walk.
pub struct Compiled {
    root: Rules,
    definitions: BTreeMap<String, Rules>,
}

/// Compiles a schema.
///
/// # Errors
/// The first keyword or format that the walk does not implement: it would be ignored otherwise.
pub fn compile(schema: &Value) -> Result<Compiled, String> {
    let mut definitions = BTreeMap::new();
    if let Some(Value::Object(map)) = schema.get("definitions") {
        for (name, definition) in map {
            definitions.insert(format!("#/definitions/{name}"), compile_rules(definition)?);
        }
    }
    Ok(Compiled { root: compile_rules(schema)?, definitions })
}

fn compile_rules(schema: &Value) -> Result<Rules, String> {
    let mut rules = Rules::default();
    let Some(map) = schema.as_object() else { return Err(format!("schema {schema} is no object")) };
    for (keyword, value) in map {
        let number = || value.as_f64().ok_or_else(|| format!("{keyword}: {value}"));
        let count = || {
            value.as_u64().and_then(|count| usize::try_from(count).ok()).ok_or_else(|| format!("{keyword}: {value}"))
        };
        match keyword.as_str() {
            "type" => rules.types = compile_types(value)?,
            "$ref" => rules.reference = value.as_str().map(str::to_owned),
            "allOf" => rules.all_of = compile_each(value)?,
            "properties" => {
                for (key, property) in value.as_object().into_iter().flatten() {
                    rules.properties.insert(key.clone(), compile_rules(property)?);
                }
            }
            // Where both stand, ours is the stricter one; both are strings in a list.
            "required" if map.contains_key(REQUIRED_MERGED) => {}
            "required" | REQUIRED_MERGED => {
                rules.required =
                    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            }
            "additionalProperties" if value == false => rules.closed = true,
            "additionalProperties" => rules.additional = Some(Box::new(compile_rules(value)?)),
            "items" => rules.items = Some(Box::new(compile_rules(value)?)),
            "enum" => rules.words = value.as_array().cloned().unwrap_or_default(),
            "minimum" => rules.minimum = Some(number()?),
            "maximum" => rules.maximum = Some(number()?),
            "minItems" => rules.min_items = count()?,
            "maxProperties" => rules.max_properties = Some(count()?),
            "maxItems" => rules.max_items = Some(count()?),
            "minLength" => rules.min_length = count()?,
            "maxLength" => rules.max_length = Some(count()?),
            "format" => {
                let format = FORMATS.iter().find(|format| value == format.name);
                rules.format = Some(format.ok_or_else(|| format!("unknown format {value}"))?);
            }
            "description" => rules.description = value.as_str().map(str::to_owned),
            // `pattern` is for editors: the parser behind `format` decides, and a property test ties the two.
            "pattern" | "title" | "default" | "examples" | "definitions" | "$schema" => {}
            other => return Err(format!("the walk does not implement the keyword {other}")),
        }
    }
    Ok(rules)
}

fn compile_each(schemas: &Value) -> Result<Vec<Rules>, String> {
    schemas.as_array().into_iter().flatten().map(compile_rules).collect()
}

fn compile_types(value: &Value) -> Result<Vec<Type>, String> {
    let names: Vec<&Value> = value.as_array().map_or_else(|| vec![value], |names| names.iter().collect());
    names
        .into_iter()
        .map(|name| match name.as_str() {
            Some("boolean") => Ok(Type::Boolean),
            Some("integer") => Ok(Type::Integer),
            Some("number") => Ok(Type::Number),
            Some("string") => Ok(Type::String),
            Some("array") => Ok(Type::Array),
            Some("object") => Ok(Type::Object),
            _ => Err(format!("unknown type {name}")),
        })
        .collect()
}
