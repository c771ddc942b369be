//! In: the sheet. Out: text for a terminal.

use std::borrow::Cow;

use super::sheet::{Set, Sheet};

/// Text for a terminal.
pub fn sheet(sheet: &Sheet) -> String {
    let mut out = format!("{}, subcommands counted. {SWITCHES}\n", sheet.engine);
    if !sheet.renamed.is_empty() {
        out.push_str(&format!("Renamed away for everybody by redis.conf: {}\n", sheet.renamed.join(", ")));
    }
    out.push('\n');
    for user in &sheet.users {
        let login = match user.login {
            "never" => "cannot log in",
            "anything" => "needs no password",
            _ => "logs in with a password",
        };
        out.push_str(&format!("{}: {login}\n", shown(&user.name)));
        if user.replays {
            out.push_str("  The server reads its append-only file as this user, and drops what that may not write.\n");
        }
        if user.unchecked {
            out.push_str("  RESTORE does not check what this user hands in (skip-sanitize-payload).\n");
        }
        for (place, set) in user.sets.iter().enumerate() {
            if place > 0 {
                out.push_str(&format!("  or, by selector {place}:\n"));
            }
            human_set(set, &mut out);
        }
        out.push('\n');
    }
    for meaning in &sheet.legend {
        out.push_str(&format!("To {}: {}\n", meaning.can, meaning.why));
    }
    out
}

const SWITCHES: &str = "What redis.conf switches off besides, as DEBUG and MODULE, is listed all the same.";

fn human_set(set: &Set, out: &mut String) {
    out.push_str(&format!("  commands   {}\n", set.sentence()));
    for group in &set.groups {
        out.push_str(&format!("    {:<14} {}\n", group.category, shown(&group.names.join(", "))));
    }
    let keys: Vec<String> = set.keys.iter().map(|key| format!("{} ({})", shown(&key.pattern), key.used())).collect();
    out.push_str(&format!("  keys       {}\n", if set.all_keys { "all".to_owned() } else { listed(&keys) }));
    let channels: Vec<String> = set.channels.iter().map(|channel| shown(channel).into_owned()).collect();
    out.push_str(&format!("  channels   {}\n", if channels == ["*"] { "all".to_owned() } else { listed(&channels) }));
    if let Some(databases) = &set.databases {
        let numbers: Vec<String> = databases.iter().map(ToString::to_string).collect();
        out.push_str(&format!("  databases  {}\n", listed(&numbers)));
    }
    for danger in &set.dangers {
        out.push_str(&format!("  dangerous  can {}\n", danger.can));
        for granted in &danger.by {
            out.push_str(&format!("    {:<14} {}\n", shown(&granted.rule), shown(&granted.names.join(", "))));
        }
    }
}

fn listed(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

/// A text that may hold anything, for a terminal: what a terminal might obey or hide is written out.
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        if crate::yaml::is_forbidden(sign) || sign.is_control() {
            out.extend(sign.escape_unicode());
        } else {
            out.push(sign);
        }
    }
    Cow::Owned(out)
}

impl Set {
    /// How many commands, and which list follows.
    fn sentence(&self) -> String {
        let Set { count, total, .. } = self;
        match (&self.as_user, self.but, self.groups.is_empty()) {
            (Some(user), ..) => format!("{count} of {total}, the same as {}", shown(user)),
            (None, true, true) => format!("every one of {total}"),
            (None, true, false) => format!("{count} of {total}, every one but"),
            (None, false, _) => format!("{count} of {total}"),
        }
    }
}
