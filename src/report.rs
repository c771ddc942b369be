//! What holds in a deployment, and what does not: the checklist, the attacks, the controls. In: a model and the files that
//! were made from it. Out: the data of `docs/SECURITY.md`, of `redisgen report` and of its page. Whatever the date: the same.

pub mod attacks;
pub mod checklist;
pub mod page;
pub mod topology;
pub mod verdict;

use serde::Serialize;

use crate::control::{self, Framework};
use crate::model::Model;
use crate::profile::Exposure;
use crate::render::File;
use crate::topic::Topic;
use attacks::{ATTACKS, Attack, Mitigation};
use checklist::{Item, SECTIONS};
use verdict::{Evidence, Lines, State};

/// The report on a deployment; its fields are the JSON of `redisgen report --format json`.
#[derive(Debug, Serialize)]
pub struct SecurityReport {
    /// Version of this form.
    pub version: u8,
    /// The deployment.
    pub name: String,
    /// `development` or `production`.
    pub environment: &'static str,
    /// As `redis 7.4.11`.
    pub engine: String,
    /// Who reaches it, in a few words.
    pub exposure: String,
    /// How many items of the checklist stand how.
    pub counts: Counts,
    /// The checklist.
    pub checklist: Vec<Section>,
    /// The six attacks.
    pub attacks: Vec<AttackReport>,
    /// Controls of the regimes that the profile names.
    pub regimes: Vec<Regime>,
    /// Findings that the profile accepts.
    pub waivers: Vec<Waiver>,
}

/// How many items stand how.
#[derive(Debug, Default, Serialize)]
pub struct Counts {
    held: usize,
    not_held: usize,
    outside: usize,
}

/// A part of the checklist.
#[derive(Debug, Serialize)]
pub struct Section {
    title: &'static str,
    items: Vec<Judged>,
}

/// An item, judged.
#[derive(Debug, Serialize)]
pub struct Judged {
    id: &'static str,
    text: &'static str,
    state: State,
    /// The state as people read it.
    word: &'static str,
    note: String,
    evidence: Vec<Evidence>,
    #[serde(skip)]
    topic: &'static Topic,
    /// Controls that it maps to, of every framework.
    controls: Vec<String>,
}

/// An attack, and how the deployment stands against it.
#[derive(Debug, Serialize)]
pub struct AttackReport {
    title: &'static str,
    what: &'static str,
    mitigations: Vec<Standing>,
    remains: Vec<&'static str>,
    /// Safe code in Python, if it is the application's to prevent.
    code: Option<String>,
}

/// What stands against an attack.
#[derive(Debug, Serialize)]
struct Standing {
    /// The item, or none if it is the application's.
    id: Option<&'static str>,
    text: &'static str,
    state: State,
    word: &'static str,
    note: String,
}

/// A regime.
#[derive(Debug, Serialize)]
pub struct Regime {
    name: &'static str,
    controls: Vec<Mapped>,
}

/// A control, and what maps to it.
#[derive(Debug, Serialize)]
struct Mapped {
    id: &'static str,
    asks: &'static str,
    items: Vec<Pointer>,
}

/// An item by name, as it stands.
#[derive(Debug, Serialize)]
struct Pointer {
    id: &'static str,
    text: &'static str,
    state: State,
    word: &'static str,
}

/// An accepted finding.
#[derive(Debug, Serialize)]
pub struct Waiver {
    rule: String,
    reason: String,
    until: Option<String>,
}

impl SecurityReport {
    /// Judges a model; lines are looked up in `files`.
    pub fn new(model: &Model, files: &[File]) -> SecurityReport {
        let profile = &model.profile;
        let mut lines = Lines::new(files);
        let checklist: Vec<Section> = SECTIONS
            .iter()
            .map(|section| Section {
                title: section.title,
                items: section.items.iter().map(|item| judged(item, model, &mut lines)).collect(),
            })
            .collect();
        SecurityReport {
            version: 1,
            name: profile.name.to_string(),
            environment: profile.environment.word(),
            engine: format!("{} {}", profile.engine.kind.word(), profile.engine.version),
            exposure: exposure(model),
            counts: counts(&checklist),
            regimes: profile.compliance.iter().map(|regime| mapped(Framework::Regime(*regime), &checklist)).collect(),
            attacks: ATTACKS.iter().map(|attack| standing(attack, model, &checklist)).collect(),
            checklist,
            waivers: profile
                .waivers
                .iter()
                .map(|waiver| Waiver {
                    rule: waiver.rule.clone(),
                    reason: waiver.reason.to_string(),
                    until: waiver.until.map(|until| until.to_string()),
                })
                .collect(),
        }
    }
}

fn exposure(model: &Model) -> String {
    let port = model.profile.network.port;
    match model.profile.network.exposure {
        Exposure::Internal => "applications on its Docker network and the host itself".to_owned(),
        Exposure::Localhost => format!("the host itself, on port {port}, and applications on its Docker network"),
        Exposure::Allowlist => {
            format!(
                "the networks of its allow list and the host itself, on port {port}, and applications on its Docker network"
            )
        }
        Exposure::Open => format!("everyone, on port {port}"),
    }
}

fn judged(item: &Item, model: &Model, lines: &mut Lines) -> Judged {
    let verdict = (item.judge)(model);
    Judged {
        id: item.id,
        text: item.text,
        state: verdict.state,
        word: verdict.state.word(),
        evidence: verdict.evidence(lines),
        note: verdict.note,
        topic: item.topic,
        controls: item.topic.controls.iter().map(|control| control.name()).collect(),
    }
}

fn counts(checklist: &[Section]) -> Counts {
    let mut counts = Counts::default();
    for item in checklist.iter().flat_map(|section| &section.items) {
        match item.state {
            State::Held => counts.held += 1,
            State::NotHeld => counts.not_held += 1,
            State::Outside => counts.outside += 1,
        }
    }
    counts
}

/// Items of the checklist stand as they stand there; they are judged once.
fn standing(attack: &Attack, model: &Model, checklist: &[Section]) -> AttackReport {
    let listed = |id: &str| checklist.iter().flat_map(|section| &section.items).find(|item| item.id == id);
    let mitigations = attack.mitigations.iter().map(|mitigation| match mitigation {
        Mitigation::Item(item) => {
            let (state, note) = listed(item.id).map_or_else(
                || {
                    let verdict = (item.judge)(model);
                    (verdict.state, verdict.note)
                },
                |judged| (judged.state, judged.note.clone()),
            );
            Standing { id: Some(item.id), text: item.text, state, word: state.word(), note }
        }
        Mitigation::Application(text, note) => {
            Standing { id: None, text, state: State::Outside, word: State::Outside.word(), note: (*note).to_owned() }
        }
    });
    AttackReport {
        title: attack.threat.name(),
        what: attack.what,
        mitigations: mitigations.collect(),
        remains: (attack.remains)(model),
        code: attack.code(model),
    }
}

/// The controls of a framework that something maps to.
fn mapped(framework: Framework, checklist: &[Section]) -> Regime {
    let items = |control: &control::Control| -> Vec<Pointer> {
        let judged = checklist.iter().flat_map(|section| &section.items);
        let serving = judged.filter(|item| item.topic.controls.contains(&control));
        serving.map(|item| Pointer { id: item.id, text: item.text, state: item.state, word: item.word }).collect()
    };
    let controls = control::all().filter(|control| control.framework == framework);
    let controls = controls.map(|control| Mapped { id: control.id, asks: control.asks, items: items(control) });
    Regime { name: framework.name(), controls: controls.filter(|control| !control.items.is_empty()).collect() }
}
