//! Levels `compose` and `host` of `redisgen verify`: they hold for what the program builds, and each protection that is
//! taken out of the tree makes exactly its check fail. The engine, the image and Compose are those of tests/docker.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::wildcard_imports,
    reason = "a test may fail, and tells why; modules of tests/containers are shared"
)]

#[path = "../containers/deployment.rs"]
mod deployment;
#[path = "../containers/engine.rs"]
mod engine;
#[path = "../containers/program.rs"]
mod program;

mod host;
mod proofs;
mod refused;
mod weak;
mod work;

use engine::Engine;
use work::*;

/// A part of the proof.
type Work = fn(&Docker);

/// One engine for all: each test of its own would start one.
#[test]
fn compose() {
    let engine = Engine::start();
    let docker = Docker::new(&engine);
    let work: [Work; 12] = [
        proofs::production_holds,
        proofs::a_tree_built_for_the_proof_holds,
        weak::a_weak_container,
        proofs::development_holds,
        proofs::fixtures_hold,
        weak::weak_limits,
        weak::weak_behaviour,
        weak::weak_development,
        weak::a_sick_server,
        weak::a_weak_engine,
        proofs::an_interrupt_leaves_nothing,
        refused::nothing_harmful_starts,
    ];
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(prove) = work.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    prove(&docker);
                }
            });
        }
    });
    docker.nothing_is_left("");
}
