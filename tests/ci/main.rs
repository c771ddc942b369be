//! Git hooks, the action and CI files, by who reads them: `pre-commit` on a repository of its own, `bash` as GitHub and
//! GitLab start it, `zizmor` and the schemas of both.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    unreachable_pub,
    reason = "a test may fail"
)]

#[path = "../common/mod.rs"]
mod common;

mod action;
mod gitlab;
mod hooks;
mod installed;
mod package;
mod readers;
