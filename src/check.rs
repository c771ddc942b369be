//! In: a model and a day. Out: findings, each turned from a profile path into a place in a file; waivers
//! applied.

use std::collections::BTreeSet;

use crate::finding::{Finding, Found, Related, Severity, Unlisted};
use crate::format::Date;
use crate::load::Loaded;
use crate::model::Model;
use crate::path::Path;
use crate::profile::Waiver;
use crate::project::Terms;
use crate::rules::{self, PER_RULE, Rule, Sink};
use crate::source::Span;

/// Judges a model.
pub fn check(loaded: &Loaded, model: &Model, today: Date) -> Found {
    check_under(&[], loaded, model, today)
}

/// Judges a model by the rules and by what project files demand of its profile.
pub fn check_under(terms: &[Terms], loaded: &Loaded, model: &Model, today: Date) -> Found {
    let mut found = Found { findings: agreed(terms, loaded, model), ..Found::default() };
    for rule in rules::all() {
        if let Some(check) = rule.check {
            let mut sink = Sink::new(today);
            check(model, &mut sink);
            let rest = sink.found.len().saturating_sub(PER_RULE) + sink.beyond;
            if rest > 0 {
                let severity = severity(model, rule);
                found.beyond.push(Unlisted { rule: rule.id, severity, count: rest, at_least: sink.stopped });
            }
            let listed = sink.found.into_iter().take(PER_RULE);
            found.findings.extend(listed.map(|raw| finding(loaded, model, rule, raw)));
        }
    }
    waive(terms, loaded, model, today, found)
}

/// A profile that could choose its environment could choose how mildly it is judged.
fn agreed(terms: &[Terms], loaded: &Loaded, model: &Model) -> Vec<Finding> {
    let Some(rule) = rules::find("environment-not-as-agreed") else { return Vec::new() };
    let other = terms.iter().map(|terms| &terms.environment);
    let other = other.filter(|(environment, _)| *environment != model.profile.environment);
    let raw = other.map(|(environment, place)| rules::Raw {
        path: "environment".to_owned(),
        message: format!("{place} says that this is a {} profile", environment.word()),
        help: Some(format!("write `environment: {}`", environment.word())),
        related: Vec::new(),
    });
    raw.map(|raw| finding(loaded, model, rule, raw)).collect()
}

fn severity(model: &Model, rule: &Rule) -> Severity {
    let [development, production] = rule.severity;
    if model.production() { production } else { development }
}

fn finding(loaded: &Loaded, model: &Model, rule: &Rule, raw: rules::Raw) -> Finding {
    let (span, origin) = place(loaded, &raw.path);
    let mut related: Vec<Related> =
        origin.into_iter().map(|span| Related { span, message: "the default that applies".to_owned() }).collect();
    for (path, message) in raw.related {
        related.push(Related { span: place(loaded, &path).0, message });
    }
    Finding {
        rule: rule.id,
        severity: severity(model, rule),
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
fn waive(terms: &[Terms], loaded: &Loaded, model: &Model, today: Date, found: Found) -> Found {
    let waivers = &model.profile.waivers;
    let refusing = |rule: &str| terms.iter().find_map(|terms| terms.refuses(rule));
    let active = |waiver: &Waiver| waiver.until.is_none_or(|until| until >= today);
    // A waiver silences all that its rule finds.
    let silenced: BTreeSet<&str> =
        waivers.iter().filter(|waiver| active(waiver)).map(|waiver| waiver.rule.as_str()).collect();
    let waivable = |id: &str| rules::find(id).is_some_and(|rule| rule.waivable) && refusing(id).is_none();
    let silenced = |id: &str| silenced.contains(id) && waivable(id);
    let raised: BTreeSet<&str> = found.findings.iter().map(|finding| finding.rule).collect();
    let (waived, findings): (Vec<Finding>, Vec<Finding>) =
        found.findings.into_iter().partition(|finding| silenced(finding.rule));
    let (mut silent, beyond): (Vec<Unlisted>, Vec<Unlisted>) =
        found.beyond.into_iter().partition(|unlisted| silenced(unlisted.rule));
    silent.extend(waived.iter().map(|Finding { rule, severity, .. }| Unlisted {
        rule,
        severity: *severity,
        count: 1,
        at_least: false,
    }));
    let mut kept = Found { findings, beyond, waived: silent };
    for (place, waiver) in waivers.iter().enumerate() {
        let known = rules::find(&waiver.rule);
        let refusing = known.and_then(|rule| Some((rule, refusing(rule.id)?)));
        let (id, message) = match known {
            None => ("waiver-unknown-rule", "there is no such rule".to_owned()),
            Some(rule) if !rule.waivable => ("waiver-not-allowed", format!("`{}` cannot be waived", rule.id)),
            Some(_) if let Some((rule, place)) = refusing => {
                ("waiver-not-allowed", format!("{place} admits no waiver of `{}`", rule.id))
            }
            Some(rule) if !raised.contains(rule.id) => ("waiver-unused", format!("nothing here raises `{}`", rule.id)),
            Some(rule) if !active(waiver) => ("waiver-expired", format!("this waiver of `{}` has expired", rule.id)),
            Some(_) => continue,
        };
        if let Some(rule) = rules::find(id) {
            let path = format!("waivers[{place}].rule");
            let help = (id == "waiver-unknown-rule")
                .then(|| crate::schema::nearest(&waiver.rule, rules::all().map(|rule| rule.id)));
            let help = help.flatten().map(|meant| format!("did you mean `{meant}`?"));
            kept.findings.push(finding(loaded, model, rule, rules::Raw { path, message, help, related: Vec::new() }));
        }
    }
    kept
}
