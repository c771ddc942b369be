//! The development tree: nothing in the way.

use crate::deployment::{Deployment, development_profile};
use crate::engine;
use crate::sandbox::{Server, succeeded};

#[test]
fn development_answers_everybody_everything() {
    let deployment = Deployment::build(&development_profile());
    let server = Server::boot(&deployment, &engine::debian());
    let anybody = server.stranger();
    assert_eq!(
        anybody.replies(&["PING", "SET a:1 x", "KEYS a:*", "FLUSHDB", "DBSIZE"]),
        ["PONG", "OK", "a:1", "OK", "0"]
    );
    succeeded(&server.health_check().output().expect("health check runs"));
}

#[test]
fn development_health_check_is_red_without_a_pong() {
    let deployment = Deployment::build(&development_profile());
    let server = Server::boot(&deployment, &engine::debian());
    // LOADING, MISCONF and NOPERM are replies too; only PONG is health.
    server.stranger().replies(&["ACL SETUSER default -ping"]);
    assert!(!server.health_check().output().expect("health check runs").status.success());
}
