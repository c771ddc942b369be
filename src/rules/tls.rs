//! Rules on certificates.

use super::{ERROR, INFO, Rule, WARNING, WARNING_IN_PRODUCTION};
use crate::profile::{Exposure, TlsMode};
use crate::topic;

/// One day in milliseconds.
const DAY: u64 = 86_400_000;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "tls-disabled",
        severity: WARNING_IN_PRODUCTION,
        title: "TLS is off",
        topic: topic::TLS,
        why: "Everything that crosses the wire, passwords included, can be read by whoever is on it.",
        fix: "Write `tls: { mode: server }`.",
        source: "security guide, Encryption in Transit",
        waivable: true,
        check: Some(|model, sink| {
            // Beyond the host, `exposed-without-tls` says so already.
            let inside = matches!(model.profile.network.exposure, Exposure::Internal | Exposure::Localhost);
            if model.production() && !model.tls() && inside {
                sink.report("tls.mode", "production traffic is not encrypted");
            }
        }),
    },
    Rule {
        id: "leaf-outlives-ca",
        severity: ERROR,
        title: "Certificates outlive their authority",
        topic: topic::CERTIFICATES,
        why: "They stop working when the authority ends, whatever they say.",
        fix: "Make `ca_validity` longer than `leaf_validity`.",
        source: "RFC 5280, section 6.1",
        waivable: false,
        check: Some(|model, sink| {
            let tls = &model.profile.tls;
            if model.tls() && tls.leaf_validity >= tls.ca_validity {
                sink.report("tls.leaf_validity", "this is not shorter than the authority's validity")
                    .related("tls.ca_validity", "the authority ends here");
            }
        }),
    },
    Rule {
        id: "validity-beyond-reason",
        severity: ERROR,
        title: "A validity of more than a century",
        topic: topic::CERTIFICATES,
        why: "Certificates end before the year 10000, and nobody will be there to renew them.",
        fix: "At most 36500d.",
        source: "RFC 5280, section 4.1.2.5",
        waivable: false,
        check: Some(|model, sink| {
            let tls = &model.profile.tls;
            for (path, validity) in [("tls.ca_validity", tls.ca_validity), ("tls.leaf_validity", tls.leaf_validity)] {
                if validity.0 > 36_500 * DAY {
                    sink.report(path, "this is more than a century");
                }
            }
        }),
    },
    Rule {
        id: "leaf-too-long",
        severity: WARNING,
        title: "Certificates are valid for very long",
        topic: topic::CERTIFICATES,
        why: "Redis reads no revocation list: a lost key is good until its certificate ends.",
        fix: "At most 398d.",
        source: "CA/Browser Forum Baseline Requirements 6.3.2; measured: Redis ignores CRLs",
        waivable: true,
        check: Some(|model, sink| {
            if model.tls() && model.profile.tls.leaf_validity.0 > 398 * DAY {
                sink.report("tls.leaf_validity", "a lost key stays good for longer than 398 days");
            }
        }),
    },
    Rule {
        id: "renewal-after-end",
        severity: ERROR,
        title: "Renewal starts before the certificate does",
        topic: topic::CERTIFICATES,
        why: "`renew_before` is as long as the certificate itself: it would be renewed at once and for ever.",
        fix: "Make `renew_before` shorter than `leaf_validity`.",
        source: "profile format",
        waivable: false,
        check: Some(|model, sink| {
            let tls = &model.profile.tls;
            if model.tls() && tls.renew_before >= tls.leaf_validity {
                sink.report("tls.renew_before", "this is not shorter than the certificate's validity")
                    .related("tls.leaf_validity", "the validity");
            }
        }),
    },
    Rule {
        id: "server-without-names",
        severity: ERROR,
        title: "The server's certificate names nothing",
        topic: topic::CERTIFICATES,
        why: "No client can verify whom it talks to.",
        fix: "Add `names: [redis, localhost]`.",
        source: "RFC 9525; measured: CN is ignored by current clients",
        waivable: false,
        check: Some(|model, sink| {
            if model.tls() && model.server_names.is_empty() {
                sink.report("tls.names", "the certificate needs at least one name or address");
            }
        }),
    },
    Rule {
        id: "exporter-cannot-verify-server",
        severity: ERROR,
        title: "The exporter cannot verify the server",
        topic: topic::CERTIFICATES,
        why: "It dials a name in the container network and has no option to verify another one: without a DNS name in the certificate it would have to trust whoever answers.",
        fix: "Add `redis` to `names`.",
        source: "redis_exporter 1.69: no option for the server's name; tests/monitoring",
        waivable: false,
        check: Some(|model, sink| {
            let named = crate::exporter::names(&model.server_names).next().is_some();
            if model.tls() && model.exporter.is_some() && !named && !model.server_names.is_empty() {
                sink.report("tls.names", "the certificate has addresses only, and the exporter dials a name")
                    .related("monitoring.exporter", "it would not connect");
            }
        }),
    },
    Rule {
        id: "mutual-without-users",
        severity: ERROR,
        title: "Mutual TLS without users",
        topic: topic::CERTIFICATES,
        why: "Client certificates are made per user; without users nobody has one, not even the health check.",
        fix: "List `users`, or write `mode: server`.",
        source: "profile format",
        waivable: false,
        check: Some(|model, sink| {
            if model.mutual() && !model.passwords() {
                sink.report("tls.mode", "nobody would have a client certificate");
            }
        }),
    },
    Rule {
        id: "authority-without-tls",
        severity: INFO,
        title: "An authority without TLS",
        topic: topic::CERTIFICATES,
        why: "It has no effect while `mode` is `disabled`.",
        fix: "Write `mode: server`, or remove it.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            if model.profile.tls.mode == TlsMode::Disabled && model.profile.tls.authority.is_some() {
                sink.report("tls.authority", "nothing is signed while `mode` is `disabled`");
            }
        }),
    },
];
