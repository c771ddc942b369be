//! What stands below the options in the long help and in the manual pages; no line is longer than the help is wide.

/// Of every command.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  fine; `explain` whatever it finds
  1  findings at or above `--deny`, drift, access that was gained, or a proof that failed
  2  the command could not do its work: usage, a path that cannot be opened or written";

/// Of `report --format json`.
pub(super) const REPORT: &str = "\
The JSON of `--format json` is one object, for a whole project {profiles: {NAME: object}}:
  version      1
  name, environment, engine, exposure
  counts       {held, not_held, outside}
  checklist    [{title, items: [{id, text, state, word, note, evidence, controls}]}]
               state: held, not-held or outside; evidence: [{file, line, test}]
  attacks      [{title, what, mitigations: [{id, text, state, word, note}], remains, code}]
               id: an item of the checklist, or null for what is the application's
  regimes      of the profile's `compliance`:
               [{name, controls: [{id, asks, items: [{id, text, state, word}]}]}]
  waivers      [{rule, reason, until}]";

/// Of `verify --format json`.
#[cfg(feature = "verify")]
pub(super) const VERIFY: &str = "\
The JSON of `--format json` and `--evidence` is one object:
  version    1
  generator  the version of redisgen
  profiles   [{profile, digest, engine, dir, own_secrets, started, ended, passed, interrupted,
             required, judges, checks, artefacts}]
             digest: SHA-256 of the resolved profile
             dir: the tree that was proven, or null if it was built for the proof
             own_secrets: true if passwords and certificates were made for the proof
             judges: {PROGRAM: VERSION}, what judged
             checks: [{level, id, title, state, seen, remedy, millis}]
               state: held, failed, not-run or advice
             artefacts: {PATH: SHA-256}, what was judged
  refused    [{profile, verdict}], profiles that cannot be built: nothing was started then";

/// Of `certs status --format json`.
pub(super) const CERTS: &str = "\
The JSON of `--format json` is one object:
  version   1
  profiles  [{profile, dir, certificates}]
            certificates: [{file, subject, names, not_before, not_after, days, problems}]
              days: whole ones until the end; negative after it
              problems: in words; none if all is well";

/// Of `diff --format json`.
pub(super) const DIFF: &str = "\
The JSON of `--format json` is that of `validate`, and one key more:
  needs     [{profile, out, steps: [{need, subject, what}]}], of each profile that is not refused
            need: acl-deluser, acl-setuser, config-set (`apply` does these), tls-reload (after
              `certs renew`), restart (of the container as it is), recreate (docker compose up),
              firewall (firewall/apply.sh); no steps: nothing";

/// Of `apply --format json`.
#[cfg(feature = "verify")]
pub(super) const APPLY: &str = "\
The JSON of `--format json` is one object:
  version   1
  profile   as it was named
  dry_run   true if nothing was to be changed
  steps     [{need, subject, what, state}], in order
            need: acl-deluser, acl-setuser, client-kill, config-set, tls-reload,
              restart (of the container as it is), recreate (docker compose up)
            state: done, left";

/// Of `secrets status --format json`.
pub(super) const STATUS: &str = "\
The JSON of `--format json` is one object:
  version   1
  profiles  [{profile, out, rotation, problems, users}]
            rotation: {phase, began, users}, or null if none is pending
            problems: [{id, what}], of the folder and the sealed file
            users: [{name, file, age_days, problems}]
              age_days: since the last change of the file; null if it is missing";

/// Of `validate --format json`.
pub(super) const FINDINGS: &str = "\
The JSON of `--format json` is one object, for all profiles:
  version   1
  findings  [{rule, severity, message, path, file, line, column, end_line, end_column, help,
            related, fix}]
            severity: error, warning or info
            path: of the value in the profile, as network.allow[0].source; empty for the whole file
            line, column: from 1; columns count characters; the end is the first that is outside
            help: what to write, or null
            related: [{file, line, message}], as where a default stands
            fix: {line, column, end_line, end_column, text}, an edit that is certain, or null
  omitted   {error, warning, info, exact}: findings that are not listed, since there are many
            exact: false if nobody looked for more
  waived    how many findings `waivers` of the profiles accept";

/// Of `advisories --format json`.
pub(super) const ADVISORIES: &str = "\
The JSON of `--format json` is one object:
  version     1
  date        day of the newest source
  engine      what --engine named, else null
  lines       [{engine, line, safe_build, end_of_life, note, caution, sources}]
              safe_build: from it on nothing is known; null if the line has none
              end_of_life: null if no source says
  advisories  [{id, also, what, who, only, fixed, held_by, held_by_inferred, conflict, sources}]
              who: anyone, user or local
              only: builds that are not the official images, else null
              fixed: [{engine, line, status, build, inferred}]
                status: fixed, none (never) or unknown (not stated); build: null unless fixed
              held_by: any one of these keeps it out of reach: {deny: [...]},
                {deny_to_key_limited: [...]}, {setting, value}, {exposure: true}, {mutual_tls: true}
  not_stated  ids of which no source says whether the line of --engine has them";

/// Of `access --format json`.
pub(super) const ACCESS: &str = "\
The JSON of `--format json` is one object:
  engine   the line that the file was read for
  renamed  commands that redis.conf renames away, if there are any
  users    {NAME: {enabled, login, sanitize_payload, commands, keys, channels, databases, dangers,
           selectors}}
           login: never, password or anything
           sanitize_payload: false if RESTORE does not check what this user hands in
           commands: what can be run; subcommands as config|get, first arguments as select|0
           keys: [{pattern, read, write}]
           databases: where a user is limited to some (Valkey from 9.1)
           dangers: [{can, by: [{rule, names}]}]
           selectors: [{commands, keys, channels, databases, dangers}]
With --diff it is {old, new, users: {NAME: {gained, lost, new_passwords}}}. Gained and lost have
login, can: [{what, commands}], flags, commands, keys, channels, databases and selectors, where
there are any; keys and channels in the words of an ACL file.
Of a whole project, or of two folders, it is {profiles: {NAME: the object above}}.";
