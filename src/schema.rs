//! The JSON Schema of a profile: generated from the types by a test, committed for editors
//! (`schema/profile.schema.json`), embedded, and compiled once per process for the walk.

mod fix;
mod nearest;
mod types;
mod walk;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Formatter};
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
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
pub static PROFILE: LazyLock<Result<Compiled, String>> = LazyLock::new(|| compile(PUBLISHED));

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// One schema object, ready to walk. A keyword that the walk does not implement is an error: it would be ignored
/// otherwise.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Rules {
    #[serde(rename = "type", deserialize_with = "one_or_many")]
    types: Vec<Type>,
    #[serde(rename = "$ref")]
    reference: Option<String>,
    all_of: Vec<Rules>,
    properties: BTreeMap<String, Rules>,
    required: Vec<String>,
    #[serde(rename = "x-required-after-merge")]
    required_merged: Option<Vec<String>>,
    additional_properties: Additional,
    items: Option<Box<Rules>>,
    #[serde(rename = "enum")]
    words: Vec<Value>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    min_items: usize,
    max_items: Option<usize>,
    max_properties: Option<usize>,
    min_length: usize,
    max_length: Option<usize>,
    #[serde(deserialize_with = "known_format")]
    format: Option<&'static Format>,
    description: Option<String>,
    definitions: BTreeMap<String, Rules>,
    // For editors: the parser behind `format` decides, and a property test ties it to the pattern.
    #[serde(rename = "pattern")]
    _pattern: IgnoredAny,
    #[serde(rename = "title")]
    _title: IgnoredAny,
    #[serde(rename = "default")]
    _default: IgnoredAny,
    #[serde(rename = "examples")]
    _examples: IgnoredAny,
    #[serde(rename = "$schema")]
    _schema: IgnoredAny,
}

/// What keys that are not listed hold.
#[derive(Default)]
enum Additional {
    #[default]
    Anything,
    Nothing,
    Only(Box<Rules>),
}

impl Rules {
    /// Keys that must be there once parents and defaults were merged. Where both lists stand, ours is the stricter one.
    fn required(&self) -> &[String] {
        self.required_merged.as_ref().unwrap_or(&self.required)
    }

    /// Rules of a key's value, listed or not.
    fn below(&self, key: &str) -> Option<&Rules> {
        match (self.properties.get(key), &self.additional_properties) {
            (Some(listed), _) => Some(listed),
            (None, Additional::Only(rules)) => Some(rules),
            (None, _) => None,
        }
    }

    /// True if no other key may stand there.
    fn closed(&self) -> bool {
        matches!(self.additional_properties, Additional::Nothing)
    }
}

impl<'de> Deserialize<'de> for Additional {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Additional, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Additional;

            fn expecting(&self, out: &mut Formatter<'_>) -> fmt::Result {
                out.write_str("false or a schema")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Additional, E> {
                if value { Err(E::invalid_value(de::Unexpected::Bool(true), &self)) } else { Ok(Additional::Nothing) }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Additional, A::Error> {
                Rules::deserialize(MapAccessDeserializer::new(map)).map(Box::new).map(Additional::Only)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Type>, D::Error> {
    struct Types;
    impl<'de> Visitor<'de> for Types {
        type Value = Vec<Type>;

        fn expecting(&self, out: &mut Formatter<'_>) -> fmt::Result {
            out.write_str("a type or a list of types")
        }

        fn visit_str<E: de::Error>(self, name: &str) -> Result<Vec<Type>, E> {
            Type::deserialize(name.into_deserializer()).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<Vec<Type>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(names))
        }
    }
    deserializer.deserialize_any(Types)
}

fn known_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'static Format>, D::Error> {
    let name = Cow::<str>::deserialize(deserializer)?;
    let format = FORMATS.iter().find(|format| format.name == name);
    format.map(Some).ok_or_else(|| de::Error::custom(format!("unknown format {name}")))
}

/// A schema that [`check`] can walk.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Compiled {
    root: Rules,
}

/// Compiles a schema.
///
/// # Errors
/// The first keyword or format that the walk does not implement.
pub fn compile(schema: &str) -> Result<Compiled, String> {
    serde_json::from_str(schema).map_err(|error| error.to_string())
}
