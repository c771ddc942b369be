//! In: a model and a day. Out: findings, each turned from a profile path into a place in a file; waivers
//! applied.

use crate::finding::{Finding, Related};
use crate::format::Date;
use crate::load::Loaded;
use crate::model::Model;
use crate::path::Path;
use crate::project::Terms;
use crate::rules::{self, PER_RULE, Rule, Sink};
use crate::source::Span;

/// Judges a model.
pub fn check(loaded: &Loaded, model: &Model, today: Date) -> Vec<Finding> {
    check_under(&[], loaded, model, today)
}

/// Judges a model by the rules and by what project files demand of its profile.
pub fn check_under(terms: &[Terms], loaded: &Loaded, model: &Model, today: Date) -> Vec<Finding> {
    let mut findings = agreed(terms, loaded, model);
    for rule in rules::all() {
        if let Some(check) = rule.check {
            let mut sink = Sink::new(today);
            check(model, &mut sink);
            findings.extend(sink.found.into_iter().take(PER_RULE).map(|raw| finding(loaded, model, rule, raw)));
        }
    }
    waive(terms, loaded, model, today, findings)
}

/// A profile that could choose its environment could choose how mildly it is judged.
fn agreed(terms: &[Terms], loaded: &Loaded, model: &Model) -> Vec<Finding> {
    let Some(rule) = rules::find("environment-not-as-agreed") else { return Vec::new() };
    let other = terms.iter().filter(|terms| terms.environment != model.profile.environment);
    let raw = other.map(|terms| rules::Raw {
        path: "environment".to_owned(),
        message: format!("{} says that this is a {} profile", terms.place, terms.environment.word()),
        help: Some(format!("write `environment: {}`", terms.environment.word())),
        related: Vec::new(),
    });
    raw.map(|raw| finding(loaded, model, rule, raw)).collect()
}

fn finding(loaded: &Loaded, model: &Model, rule: &Rule, raw: rules::Raw) -> Finding {
    let (span, origin) = place(loaded, &raw.path);
    let [development, production] = rule.severity;
    let mut related: Vec<Related> =
        origin.into_iter().map(|span| Related { span, message: "the default that applies".to_owned() }).collect();
    for (path, message) in raw.related {
        related.push(Related { span: place(loaded, &path).0, message });
    }
    Finding {
        rule: rule.id,
        severity: if model.production() { production } else { development },
        message: raw.message,
        path: raw.path,
        span,
        help: raw.help.or_else(|| Some(rule.fix.to_owned()).filter(|fix| !fix.is_empty())),
        fix: None,
        related,
    }
}

/// Where a path stands. What comes from the defaults is shown at `environment`, which chose them, with
/// the default's own place as second.
fn place(loaded: &Loaded, path: &str) -> (Span, Option<Span>) {
    let path = Path::parse(path).unwrap_or_default();
    let located = loaded.tree.locate(&path);
    let span = if path.segments().is_empty() {
        located.node.get("name").map_or(located.span(), |entry| entry.key_span)
    } else {
        located.span()
    };
    let embedded = |span: Span| loaded.sources.get(span.file).is_some_and(|source| source.embedded);
    if !embedded(span) {
        return (span, None);
    }
    let environment = loaded.tree.locate(&Path::parse("environment").unwrap_or_default()).span();
    (environment, Some(span).filter(|_| located.complete))
}

/// Takes waived findings away, and reports waivers that are expired, unused, or not to be had.
fn waive(terms: &[Terms], loaded: &Loaded, model: &Model, today: Date, findings: Vec<Finding>) -> Vec<Finding> {
    let waivers = &model.profile.waivers;
    let refusing = |rule: &str| terms.iter().find(|terms| !terms.admits(rule));
    let mut used = vec![false; waivers.len()];
    let active = |waiver: &crate::profile::Waiver| waiver.until.is_none_or(|until| until >= today);
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let waivable = rules::find(finding.rule).is_some_and(|rule| rule.waivable) && refusing(finding.rule).is_none();
        let mut waived = false;
        for (waiver, used) in
            waivers.iter().zip(&mut used).filter(|(waiver, _)| waivable && waiver.rule == finding.rule)
        {
            *used = true;
            waived |= active(waiver);
        }
        if !waived {
            kept.push(finding);
        }
    }
    for (place, (waiver, used)) in waivers.iter().zip(&used).enumerate() {
        let path = format!("waivers[{place}].rule");
        let known = rules::find(&waiver.rule);
        let refusing = known.and_then(|rule| Some((rule, refusing(rule.id)?)));
        let (id, message) = match known {
            None => ("waiver-unknown-rule", "there is no such rule".to_owned()),
            Some(rule) if !rule.waivable => ("waiver-not-allowed", format!("`{}` cannot be waived", rule.id)),
            Some(_) if let Some((rule, terms)) = refusing => {
                ("waiver-not-allowed", format!("{} admits no waiver of `{}`", terms.place, rule.id))
            }
            Some(rule) if *used && !active(waiver) => {
                ("waiver-expired", format!("this waiver of `{}` has expired", rule.id))
            }
            Some(rule) if !used => ("waiver-unused", format!("nothing here raises `{}`", rule.id)),
            Some(_) => continue,
        };
        if let Some(rule) = rules::find(id) {
            let help = (id == "waiver-unknown-rule")
                .then(|| crate::schema::nearest(&waiver.rule, rules::all().map(|rule| rule.id)));
            let help = help.flatten().map(|meant| format!("did you mean `{meant}`?"));
            kept.push(finding(loaded, model, rule, rules::Raw { path, message, help, related: Vec::new() }));
        }
    }
    kept
}
