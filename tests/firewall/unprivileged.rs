//! What needs no root: whoever may make a user namespace can run these tests.

use crate::lab;

#[test]
fn nobody_can_run_these_tests() {
    lab::as_nobody(&[
        "sources::nftables::only_listed_sources_connect",
        "sources::iptables::only_listed_sources_connect",
        "sources::nftables::connections_follow_the_list",
        "sources::iptables::connections_follow_the_list",
        "confirm::nftables::an_older_version_comes_back",
        "confirm::iptables::an_older_version_comes_back",
    ]);
}
