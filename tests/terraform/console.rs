//! Strings of HCL, read by terraform itself.

use std::io::Write;
use std::process::Stdio;

use redisgen::encode;

use crate::nasty::{batches, same, taken};
use crate::provider::terraform;

#[test]
fn terraform_reads_its_strings() {
    let folder = tempfile::tempdir().expect("a folder");
    batches(|texts| {
        let ascii = |text: &&String| text.is_ascii();
        for text in texts.iter().filter(ascii) {
            proptest::prop_assert!(encode::hcl(text).is_ok(), "{:?} is refused", text);
        }
        let pairs = taken(texts, encode::hcl)?;
        let all: Vec<&str> = pairs.iter().map(|(_, written)| written.as_str()).collect();
        // In Base64 the console has nothing to quote again.
        let expression = format!("base64encode(jsonencode([{}]))\n", all.join(", "));
        let mut command = terraform(folder.path());
        command.arg("console").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("terraform starts");
        child.stdin.take().expect("piped").write_all(expression.as_bytes()).expect("read");
        let out = child.wait_with_output().expect("ends");
        let printed = String::from_utf8_lossy(&out.stdout).trim().trim_matches('"').to_owned();
        proptest::prop_assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let json = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &printed);
        let read: Vec<String> = json.ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        same(&pairs, &read)
    });
}
