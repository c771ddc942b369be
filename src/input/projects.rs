//! In: the command line's profiles, or none for a whole project. Out: the profiles to work on, where each one's
//! artefacts are, and what the project files above it demand. Finds and reads `redisgen.toml`; [`crate::project`]
//! parses it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::owners::{Owners, Place};
use super::{ProfilePath, in_folder, profiles, read_below};
use crate::console;
use crate::project::{self, NAME, Project, Terms};

/// A profile to work on.
#[derive(Clone, Debug)]
pub struct Work {
    /// The profile.
    pub path: ProfilePath,
    /// Where a project file says that its artefacts are.
    pub out: Option<PathBuf>,
    /// What every project file that lists it demands; the strictest wins.
    pub terms: Vec<Terms>,
}

/// The project files above the working directory and above profiles, each read once.
pub struct Projects {
    /// The working directory.
    working: PathBuf,
    read: BTreeMap<PathBuf, Arc<Found>>,
    /// Files of other users that somebody was told of.
    told: BTreeSet<PathBuf>,
}

/// A project file on disk.
struct Found {
    folder: PathBuf,
    /// The file as messages name it.
    name: String,
    project: Project,
    /// Places in `project.profiles` of the profiles that exist, by their path without links.
    places: BTreeMap<PathBuf, usize>,
}

impl Projects {
    /// For commands that were started in the working directory.
    ///
    /// # Errors
    /// The working directory is gone.
    pub fn new() -> Result<Projects, String> {
        let working = Path::new(".").canonicalize().map_err(|error| format!("the working directory: {error}"))?;
        Ok(Projects { working, read: BTreeMap::new(), told: BTreeSet::new() })
    }

    /// The profiles that arguments name; without arguments, all of the project around the working directory.
    ///
    /// # Errors
    /// A path that does not exist, a project file that cannot be used, or nothing to work on.
    pub fn work(&mut self, arguments: &[String]) -> Result<Vec<Work>, String> {
        if arguments.is_empty() { self.whole() } else { self.named(arguments) }
    }

    fn named(&mut self, arguments: &[String]) -> Result<Vec<Work>, String> {
        let own = self.nearest_to_work()?.map(|found| found.folder.clone());
        profiles(arguments)?.into_iter().map(|path| self.named_one(path, own.as_deref(), None)).collect()
    }

    /// One profile. `own` is the folder of the project around the working directory; `from`, the folder whose profiles are
    /// asked for, if one is.
    fn named_one(&mut self, path: ProfilePath, own: Option<&Path>, from: Option<&Path>) -> Result<Work, String> {
        let Some(file) = &path.path else { return Ok(Work { path, out: None, terms: Vec::new() }) };
        let real = file.canonicalize().map_err(|error| format!("{}: {error}", path.name))?;
        let listing = self.listing(&real, from)?;
        // A file that a change adds further in must not choose another folder than the project's.
        let first = listing.iter().find(|found| Some(found.folder.as_path()) == own).or(listing.first());
        let out = first.map(|found| self.out(found, &real)).transpose()?.flatten();
        Ok(Work { path, out, terms: terms(&listing, &real) })
    }

    /// The profiles of a folder by their path below it: what its project file lists, else what lies there.
    ///
    /// # Errors
    /// A project file that cannot be used, or a listed profile that is missing.
    pub fn inside(&mut self, folder: &Path) -> Result<BTreeMap<String, Work>, String> {
        let real = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
        let names: Vec<String> = match self.in_folder(&real, &Owners::of(&[&real]))? {
            Some(found) => found.project.profiles.iter().map(|listed| listed.path.clone()).collect(),
            None => in_folder(folder).map(|files| files.iter().filter_map(file_name).collect())?,
        };
        let mut inside = BTreeMap::new();
        for name in names {
            let path = folder.join(&name);
            let path = ProfilePath { name: path.display().to_string(), path: Some(path) };
            inside.insert(name, self.named_one(path, None, Some(&real))?);
        }
        Ok(inside)
    }

    /// One profile, or none if there is no such file.
    ///
    /// # Errors
    /// A project file that cannot be used.
    pub fn one(&mut self, path: &Path) -> Result<Option<Work>, String> {
        // A link to nowhere is there, too: it is refused when it is opened.
        let there = path.is_symlink() || path.try_exists().map_err(|error| format!("{}: {error}", path.display()))?;
        if there { Ok(self.named(&[path.display().to_string()])?.pop()) } else { Ok(None) }
    }

    fn whole(&mut self) -> Result<Vec<Work>, String> {
        let Some(found) = self.nearest_to_work()? else {
            return Err(format!(
                "no profile is named, and there is no {NAME} in this folder or above: name a profile, a folder of \
                 profiles or `-`, or list your profiles in {NAME}"
            ));
        };
        if found.project.profiles.is_empty() {
            return Err(format!("no profile is named, and {} lists none", found.name));
        }
        let mut work = Vec::new();
        for listed in &found.project.profiles {
            let path = self.shown(&found.folder.join(&listed.path));
            let name = path.display().to_string();
            let real = path.canonicalize().map_err(|error| format!("{}: {name}: {error}", listed.terms.place))?;
            let (out, listing) = (self.out(&found, &real)?, self.listing(&real, Some(&self.working.clone()))?);
            let path = ProfilePath { name, path: Some(path) };
            work.push(Work { path, out, terms: terms(&listing, &real) });
        }
        Ok(work)
    }

    /// The project around the working directory: that of the nearest project file, in it or above.
    fn nearest_to_work(&mut self) -> Result<Option<Arc<Found>>, String> {
        let working = self.working.clone();
        let owners = Owners::of(&[&working]);
        for folder in working.ancestors() {
            if let Some(found) = self.in_folder(folder, &owners)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// All project files that list a profile, outermost first. They are looked for above the profile, wherever the
    /// program was started, and each counts: a file that a change adds can only make the judgement stricter. `from` is the
    /// folder in which the search for the profile itself started: who owns it is heard, too.
    fn listing(&mut self, real: &Path, from: Option<&Path>) -> Result<Vec<Arc<Found>>, String> {
        let starts: Vec<&Path> = real.parent().into_iter().chain(from).collect();
        let owners = Owners::of(&starts);
        let mut listing = Vec::new();
        for folder in real.ancestors().skip(1) {
            listing.extend(self.in_folder(folder, &owners)?.filter(|found| found.places.contains_key(real)));
        }
        listing.reverse();
        Ok(listing)
    }

    /// The project file of a folder, if one is there that counts.
    fn in_folder(&mut self, folder: &Path, owners: &Owners) -> Result<Option<Arc<Found>>, String> {
        let file = folder.join(NAME);
        match owners.look(&file).map_err(|error| format!("{}: {error}", self.shown(&file).display()))? {
            Place::Empty => return Ok(None),
            Place::Foreign => {
                if self.told.insert(folder.to_owned()) {
                    console::err(&format!("{} belongs to another user and is not considered\n", file.display()));
                }
                return Ok(None);
            }
            Place::Counts => {}
        }
        if let Some(known) = self.read.get(folder) {
            return Ok(Some(known.clone()));
        }
        let found = Arc::new(self.open(folder, owners)?);
        self.read.insert(folder.to_owned(), found.clone());
        Ok(Some(found))
    }

    fn open(&self, folder: &Path, owners: &Owners) -> Result<Found, String> {
        let name = self.shown(&folder.join(NAME)).display().to_string();
        let bytes = read_below(folder, &[NAME.to_owned()], project::MAX_BYTES, |user| owners.include(user))
            .map_err(|reason| format!("{name}: {reason}"))?;
        if bytes.len() > project::MAX_BYTES {
            return Err(format!("{name}: a project file has at most {} MiB", project::MAX_BYTES >> 20));
        }
        let text = String::from_utf8(bytes).map_err(|_| format!("{name}: it is not UTF-8"))?;
        let project = project::parse(&name, &text)?;
        let places = places(folder, &project)?;
        Ok(Found { folder: folder.to_owned(), name, project, places })
    }

    fn out(&self, found: &Found, real: &Path) -> Result<Option<PathBuf>, String> {
        let place = found.places.get(real);
        let Some(listed) = place.and_then(|place| found.project.profiles.get(*place)) else { return Ok(None) };
        let out = found.folder.join(&listed.out);
        // A link on the way could lead a build anywhere; the folder itself may not be there yet.
        let inside = out.ancestors().find_map(|folder| folder.canonicalize().ok());
        if !inside.is_some_and(|real| real.starts_with(&found.folder)) {
            return Err(format!("{}: a link leads `{}` out of the project's folder", listed.terms.place, listed.out));
        }
        Ok(Some(self.shown(&out)))
    }

    /// A path as people see it from the working directory.
    fn shown(&self, path: &Path) -> PathBuf {
        for (up, folder) in self.working.ancestors().enumerate() {
            if let Ok(rest) = path.strip_prefix(folder)
                && (up == 0 || folder.parent().is_some())
            {
                return std::iter::repeat_n(Path::new(".."), up).chain([rest]).collect();
            }
        }
        path.to_owned()
    }
}

fn file_name(profile: &ProfilePath) -> Option<String> {
    Some(profile.path.as_deref()?.file_name()?.to_str()?.to_owned())
}

fn terms(listing: &[Arc<Found>], real: &Path) -> Vec<Terms> {
    let listed = |found: &Arc<Found>| found.project.profiles.get(*found.places.get(real)?).map(|it| it.terms.clone());
    listing.iter().filter_map(listed).collect()
}

/// Where the listed profiles really are. One that is missing is none here, and an error where all are asked for.
fn places(folder: &Path, project: &Project) -> Result<BTreeMap<PathBuf, usize>, String> {
    let mut places = BTreeMap::new();
    for (place, listed) in project.profiles.iter().enumerate() {
        let Ok(real) = folder.join(&listed.path).canonicalize() else { continue };
        if !real.starts_with(folder) {
            return Err(format!("{}: a link leads `{}` out of the project's folder", listed.terms.place, listed.path));
        }
        if places.insert(real, place).is_some() {
            return Err(format!("{}: this profile is listed twice, by a link", listed.terms.place));
        }
    }
    Ok(places)
}
