//! redisgen: one security profile in, a complete hardened Redis deployment out.
//!
//! ```text
//! load ─► resolve ─► check ─► plan ─► render ─► write          provision
//! YAML    Profile    findings  list of  bytes    tree on disk   secrets, certificates
//! tree  → Model                artefacts                        (random, dated)
//! ```
//!
//! Each step is one file or folder of its name. [`load`] reads YAML into a tree whose every node knows its file and
//! span, lays the profile over its parents and its environment's defaults, and checks the tree against [`schema`].
//! [`resolve`] makes the [`model`]: roles become ACL rules ([`acl`]), limits become numbers. [`check`] runs the
//! [`rules`], which name profile paths and never spans, and asks for what a [`project`] file demands. [`artefact`] is
//! the plan: a table of what can come out; [`render`] turns it into bytes. [`provision`] makes missing secrets in
//! memory, [`write`](mod@write) puts everything on disk. `verify` starts the real consumers on the result and reports what
//! held.
//!
//! Five invariants, held by tests:
//! 1. The core does no I/O and cannot fail once a profile is checked.
//! 2. Templates lay out; decisions and version gates are taken in Rust before rendering.
//! 3. On an error before files get their names, nothing is changed. If the process ends later, every file is the old or
//!    the new one, whole; the lock is written last, so that a mix shows as drift and the next build completes it.
//! 4. Same profile, same bytes, whatever the date. No secret, nor anything derived from one, is in the deterministic
//!    tree.
//! 5. Everything fails closed: an unreadable secret, an unknown version, a missing default user never opens a server.

#![forbid(unsafe_code)]

pub mod access;
pub mod acl;
pub mod advisories;
pub mod alert;
pub mod allowlist;
pub mod artefact;
pub mod certificate;
pub mod check;
pub mod cli;
pub mod cloud;
pub mod command;
pub mod console;
pub mod control;
pub mod encode;
pub mod engine;
pub mod exporter;
pub mod finding;
pub mod firewall;
pub mod folder;
pub mod format;
pub mod input;
pub mod layout;
#[cfg(feature = "verify")]
pub mod live;
pub mod load;
pub mod lock;
pub mod mend;
pub mod model;
pub mod needs;
pub mod output;
pub mod parallel;
pub mod path;
pub mod profile;
pub mod project;
pub mod provision;
pub mod rename;
pub mod render;
pub mod report;
pub mod resolve;
pub mod rotation;
pub mod rules;
pub mod schema;
pub mod session;
pub mod source;
pub mod topic;
pub mod tree;
#[cfg(feature = "verify")]
pub mod verify;
pub mod write;
pub mod yaml;

/// Fills this with random bytes from the system.
///
/// # Errors
/// The system gives none.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), String> {
    getrandom::fill(bytes).map_err(|error| format!("no random numbers: {error}"))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        text
    })
}
