//! In: a model and its tree. Out: every certificate that there should be, and what is wrong with it. Only reads.

use time::OffsetDateTime;

use super::authority::{KEY, brought};
use super::certificates::AUTHORITY;
use super::file_mode;
use super::leaf::{self, Problem};
use crate::certificate::{self, Certificate};
use crate::folder::Folder;
use crate::model::{BACKUP, EXPORTER, Model, keep};
use crate::write;

/// A certificate.
pub struct Entry {
    /// Path below the output folder.
    pub file: String,
    /// Who it is; empty if nobody can tell.
    pub subject: String,
    /// Names and addresses of the server, sorted.
    pub names: Vec<String>,
    /// From when to when it is valid, if it is one.
    pub valid: Option<(OffsetDateTime, OffsetDateTime)>,
    /// What is wrong, the gravest first.
    pub problems: Vec<Problem>,
}

/// All certificates, the authority's first.
///
/// # Errors
/// Something cannot be read.
pub fn inventory(out: &Folder, model: &Model, now: OffsetDateTime) -> Result<Vec<Entry>, String> {
    let reader = Reader { out };
    let mut entries = Vec::new();
    let authority = reader.text("server", AUTHORITY)?;
    let bundle = authority.as_ref().map(|(text, _)| Certificate::parse_all(text));
    let mut trusted = Vec::new();
    match bundle {
        None => entries.push(Entry::lacking(AUTHORITY, Problem::Missing)),
        Some(Err(reason)) => entries.push(Entry::lacking(AUTHORITY, Problem::Unreadable(reason))),
        Some(Ok(bundle)) => trusted = bundle.into_iter().map(|(certificate, _)| certificate).collect(),
    }
    for (place, certificate) in trusted.iter().enumerate() {
        let mut problems = age(model, certificate, now);
        if !certificate.is_authority {
            problems.insert(0, Problem::NoAuthority);
        }
        if place == 0 {
            problems.extend(authority.as_ref().and_then(|(_, mode)| wrong_mode(&["server"], *mode)));
            problems.extend(key_of_authority(&reader, model, &trusted)?);
        }
        entries.push(Entry::of("secrets/server/ca.crt".to_owned(), certificate, problems));
    }
    // During a change of authorities either may have signed; `certs rollover finish` asks for more.
    for leaf in leaf::all(model) {
        entries.push(one(&reader, model, &leaf, &trusted, now)?);
    }
    let runs =
        |name: &&str| (*name == EXPORTER && model.exporter.is_some()) || model.logins().any(|user| user.name == **name);
    for service in [EXPORTER, BACKUP].into_iter().filter(runs) {
        let path = keep(service).path(AUTHORITY);
        let copy = reader.read(&path)?;
        let same = copy.as_ref().map(|(text, _)| text) == authority.as_ref().map(|(text, _)| text);
        if !same {
            let problem = if copy.is_some() { Problem::Copy } else { Problem::Missing };
            entries.push(Entry { file: format!("secrets/{path}"), ..Entry::lacking(AUTHORITY, problem) });
        }
    }
    Ok(entries)
}

impl Entry {
    fn of(file: String, certificate: &Certificate, problems: Vec<Problem>) -> Entry {
        Entry {
            file,
            subject: certificate.subject.clone(),
            names: certificate.names.clone(),
            valid: Some((certificate.not_before, certificate.not_after)),
            problems,
        }
    }

    fn lacking(name: &str, problem: Problem) -> Entry {
        Entry {
            file: format!("secrets/server/{name}"),
            subject: String::new(),
            names: Vec::new(),
            valid: None,
            problems: vec![problem],
        }
    }
}

struct Reader<'out> {
    out: &'out Folder,
}

type Text = (zeroize::Zeroizing<String>, u32);

impl Reader<'_> {
    fn read(&self, path: &str) -> Result<Option<Text>, String> {
        let Some((bytes, mode)) = write::read(self.out, &format!("secrets/{path}"))? else { return Ok(None) };
        let bytes = zeroize::Zeroizing::new(bytes);
        Ok(Some((zeroize::Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()), mode)))
    }

    fn text(&self, folder: &str, name: &str) -> Result<Option<Text>, String> {
        self.read(&format!("{folder}/{name}"))
    }
}

fn one(
    reader: &Reader<'_>,
    model: &Model,
    leaf: &leaf::Leaf<'_>,
    trusted: &[Certificate],
    now: OffsetDateTime,
) -> Result<Entry, String> {
    let (file, key) = (leaf.path("crt"), reader.read(&leaf.path("key"))?);
    let Some((text, mode)) = reader.read(&file)? else {
        return Ok(Entry {
            file: format!("secrets/{file}"),
            subject: leaf.subject.clone(),
            ..Entry::lacking(AUTHORITY, Problem::Missing)
        });
    };
    let key_text = key.as_ref().map(|(text, _)| text.as_str());
    let mut problems: Option<Vec<Problem>> = None;
    for authority in trusted {
        let found = leaf::problems(model, leaf, &text, key_text, authority, now);
        let signed = !found.contains(&Problem::Authority);
        if problems.is_none() || signed {
            problems = Some(found);
        }
        if signed {
            break;
        }
    }
    let mut problems = problems.unwrap_or_else(|| vec![Problem::Authority]);
    problems.extend(wrong_mode(&leaf.folders, mode));
    problems.extend(key.and_then(|(_, mode)| wrong_mode(&leaf.folders, mode)));
    problems.dedup();
    Ok(match Certificate::parse(&text) {
        Ok(certificate) => Entry::of(format!("secrets/{file}"), &certificate, problems),
        Err(_) => Entry {
            file: format!("secrets/{file}"),
            subject: leaf.subject.clone(),
            names: Vec::new(),
            valid: None,
            problems,
        },
    })
}

fn age(model: &Model, certificate: &Certificate, now: OffsetDateTime) -> Vec<Problem> {
    if certificate.not_before > now {
        vec![Problem::Early]
    } else if certificate.not_after < now {
        vec![Problem::Expired]
    } else if certificate.not_after < now + leaf::renewal_window(model) {
        vec![Problem::Due]
    } else {
        Vec::new()
    }
}

fn wrong_mode(folders: &[&str], mode: u32) -> Option<Problem> {
    let wanted = file_mode(folders);
    (mode != wanted).then_some(Problem::Mode { is: mode, wanted })
}

/// What is wrong with the key that signs; one that is elsewhere is fine.
fn key_of_authority(reader: &Reader<'_>, model: &Model, trusted: &[Certificate]) -> Result<Vec<Problem>, String> {
    // Reading it checks it.
    if brought(model)?.is_some() {
        return Ok(Vec::new());
    }
    let Some((key, mode)) = reader.text("ca", KEY)? else { return Ok(Vec::new()) };
    let mut problems = Vec::new();
    match certificate::read_key(&key) {
        Err(reason) => problems.push(Problem::Key(reason)),
        Ok(key) if !trusted.iter().any(|certificate| certificate.belongs_to(&key)) => {
            problems.push(Problem::ForeignKey);
        }
        Ok(_) => {}
    }
    problems.extend(wrong_mode(&["ca"], mode));
    Ok(problems)
}
