//! redisgen: one security profile in, a complete hardened Redis deployment out.
//!
//! ```text
//! load ─► resolve ─► check ─► plan ─► render ─► write          provision
//! YAML    Profile    findings  list of  bytes    tree on disk   secrets, certificates
//! tree  → Model                artefacts                        (random, dated)
//! ```

#![forbid(unsafe_code)]

pub mod acl;
pub mod artefact;
pub mod certificate;
pub mod check;
pub mod cli;
pub mod command;
pub mod console;
pub mod encode;
pub mod engine;
pub mod finding;
pub mod folder;
pub mod format;
pub mod input;
pub mod load;
pub mod lock;
pub mod model;
pub mod output;
pub mod path;
pub mod profile;
pub mod provision;
pub mod render;
pub mod resolve;
pub mod rules;
pub mod schema;
pub mod source;
pub mod tree;
pub mod write;
pub mod yaml;

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        text
    })
}
