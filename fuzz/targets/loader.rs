//! The bytes of a profile from a stranger's pull request. Behind a byte 0xfe, which no text has, stands a parent; several
//! parents follow each other so.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redisgen::load::{Input, Parents};
use redisgen::source::FileId;
use redisgen::{mend, output, yaml};
use redisgen_fuzz::{Orphan, day, judge, tell};
use serde_json::Value;

/// The parents of a profile, chosen by the letters of the path that names them.
struct Parts<'data>(Vec<&'data [u8]>);

impl Parents for Parts<'_> {
    fn read(&mut self, _: &str, target: &str) -> Result<Input, String> {
        let letters: usize = target.bytes().map(usize::from).sum();
        let place = letters % self.0.len().max(1);
        let bytes = self.0.get(place).ok_or("there is no such file")?;
        Ok(Input { name: format!("parent-{place}.yaml"), bytes: bytes.to_vec() })
    }
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.split(|byte| *byte == 0xfe);
    let own = parts.next().unwrap_or_default();
    let mut parents = Parts(parts.collect());
    let (found, report) = judge(own, &mut parents, day());
    tell(&report);
    if let Some(model) = &found {
        let (again, again_told) = judge(own, &mut parents, day());
        assert_eq!(again.map(|again| again.digest).as_ref(), Some(&model.digest));
        assert_eq!(report.findings, again_told.findings);
    }
    if parents.0.is_empty() {
        second_reader(own);
    }
    mended(own);
});

/// What we take for a tree, an independent reader takes for the same, if it takes it: it follows YAML 1.1, which has fewer
/// plain scalars, and in which `{?a: b}` has the key `a`.
fn second_reader(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(tree) = yaml::parse(text, FileId(0)).ok().filter(|_| !text.contains('?')) else { return };
    if let Ok(read) = serde_yaml::from_str::<Value>(text) {
        assert!(same(&tree.to_json(), &read), "{} {read}", tree.to_json());
    }
}

/// Equal, but that `1.0` may be read as `1`.
fn same(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => one == two || one.as_f64() == two.as_f64(),
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len() && one.iter().all(|(key, one)| two.get(key).is_some_and(|two| same(one, two)))
        }
        _ => one == two,
    }
}

/// Certain edits are made once: there are none left, and they kept what needed none.
fn mended(bytes: &[u8]) {
    let mend = |bytes: &[u8]| mend::mend(Input { name: "p.yaml".to_owned(), bytes: bytes.to_vec() }, &mut Orphan);
    let Ok(once) = mend(bytes) else { return };
    if once.edits.is_empty() {
        return;
    }
    assert_ne!(once.text.as_bytes(), bytes);
    if let Ok(twice) = mend(once.text.as_bytes()) {
        assert!(twice.edits.is_empty() || once.edits.len() >= 64, "{:?} after {:?}", twice.edits, once.edits);
    }
    let (_, report) = judge(once.text.as_bytes(), &mut Orphan, day());
    let _text = output::human::findings(&report);
}
