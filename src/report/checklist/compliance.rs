//! What a regime asks of people.

use super::{Item, Verdict};
use crate::model::Model;
use crate::topic;

pub(super) const ITEMS: &[&Item] = &[
    &Item { id: "residency", text: "Data residency requirements met", topic: topic::RESIDENCY, judge: residency },
    &Item {
        id: "personal-data",
        text: "PII handling compliant with regulations",
        topic: topic::PERSONAL_DATA,
        judge: |_| {
            Verdict::outside(
                "Whoever answers for the data decides what may be stored, for what purpose and how long; the application gives keys with personal data an expiry.",
            )
        },
    },
    &Item {
        id: "assessment",
        text: "Security assessment completed",
        topic: topic::ASSESSMENT,
        judge: |_| {
            Verdict::outside(
                "Somebody who did not build it looks at it. This page, docs/ACCESS.md and the findings of `redisgen validate` are where to start; they replace no assessment.",
            )
        },
    },
    &Item {
        id: "incident-plan",
        text: "Incident response plan documented",
        topic: topic::INCIDENTS,
        judge: |_| {
            Verdict::outside(
                "docs/RUNBOOK.md has the commands for this deployment. Who is called, who decides, and whom the law wants told, is for whoever operates it.",
            )
        },
    },
];

fn residency(model: &Model) -> Verdict {
    let mut places: Vec<String> = Vec::new();
    if let Some(asked) = &model.profile.encryption_at_rest {
        places.extend(asked.aws.iter().map(|volume| format!("AWS `{}`", volume.region)));
        places.extend(asked.gcp.iter().map(|volume| format!("Google Cloud `{}`", volume.zone)));
        places.extend(asked.azure.iter().map(|volume| format!("Azure `{}`", volume.location)));
    }
    let known = if places.is_empty() {
        "The profile does not say where the host is.".to_owned()
    } else {
        format!("Volumes lie in {}.", places.join(", "))
    };
    Verdict::outside(format!("{known} Whoever answers for the data checks that it and its backups may be there."))
}
