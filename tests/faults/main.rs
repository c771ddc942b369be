//! What goes wrong outside of redisgen: calls that fail, a process that is killed, a full disk, a folder that cannot be
//! written, two at once, a clock that was set back. Needs root, and what `tests/run.sh` installs.

#![allow(
    unreachable_pub,
    clippy::case_sensitive_file_extension_comparisons,
    clippy::verbose_bit_mask,
    clippy::doc_markdown,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail, and tells why"
)]

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod clock;
mod disk;
mod inject;
mod places;
mod several;
mod state;
mod together;
