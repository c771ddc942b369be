//! What a deployment is, with every open question answered: roles are rules, limits are numbers, names are
//! fixed. Rules judge it, artefacts are made from it.

use crate::acl::Permissions;
use crate::acl::account::Account;
use crate::allowlist::Allowlist;
use crate::engine::{CommandSet, Line};
use crate::exporter::Exporter;
use crate::firewall::Firewall;
use crate::format::{Address, Size};
use crate::layout::Layout;
use crate::profile::{Environment, Luks, Profile, Role, TlsMode};
use crate::rename::Renames;

/// A resolved profile.
pub struct Model {
    /// The profile itself.
    pub profile: Profile,
    /// Base name of its file, for headers.
    pub source: String,
    /// SHA-256 of the resolved profile, in hex.
    pub digest: String,
    /// What the engine's line knows.
    pub line: &'static Line,
    /// Every user of the ACL file, sorted as ACL SAVE sorts them.
    pub users: Vec<AclUser>,
    /// What the server holds of each user, in the order of `users`.
    pub accounts: Vec<Account>,
    /// What only role `admin` may run.
    pub denied: CommandSet,
    /// What is taken from everybody, role `admin` included.
    pub renames: Renames,
    /// Limit for data in bytes, if there is one.
    pub maxmemory: Option<Size>,
    /// Name of the compose project; development has its own, so that it never shares production's data.
    pub project: String,
    /// Image that runs.
    pub image: String,
    /// Addresses of the host that publish the port; empty if nothing is published.
    pub published: Vec<Address>,
    /// Networks that may connect; empty unless the exposure is an allow list.
    pub allowed: Allowlist,
    /// The packet filter in front of the port, if one is written.
    pub firewall: Option<Firewall>,
    /// Subject alternative names of the server's certificate: DNS names, then addresses.
    pub server_names: Vec<String>,
    /// Name of the network that applications share with the server.
    pub app_bridge: String,
    /// Name of the network that publishes the port.
    pub edge_bridge: String,
    /// The exporter for Prometheus, if one runs.
    pub exporter: Option<Exporter>,
    /// Where the server finds its files and listens.
    pub layout: Layout,
}

/// A user of the ACL file.
#[derive(Clone, Debug)]
pub struct AclUser {
    /// Name to log in with.
    pub name: String,
    /// False: nobody can log in.
    pub enabled: bool,
    /// How it proves itself.
    pub login: Login,
    /// Its own permissions.
    pub permissions: Permissions,
    /// Further sets of permissions.
    pub selectors: Vec<Permissions>,
    /// Its place in the profile's `users`, unless it is one of ours.
    pub place: Option<usize>,
    /// Its role, unless it is one of ours.
    pub role: Option<Role>,
}

/// Where below `secrets/` what a user proves itself with is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep<'name> {
    /// Folders below `secrets/`, outermost first.
    pub folders: [Option<&'name str>; 2],
    /// File that holds its password.
    pub password: &'static str,
    /// Name of its certificate and its key, without `.crt` and `.key`.
    pub stem: &'static str,
}

impl<'name> Keep<'name> {
    /// Folders below `secrets/`, outermost first.
    pub fn chain(&self) -> Vec<&'name str> {
        self.folders.iter().flatten().copied().collect()
    }

    /// Path of a file in its folder, below `secrets/`.
    pub fn path(&self, file: &str) -> String {
        self.chain().into_iter().chain([file]).collect::<Vec<_>>().join("/")
    }
}

impl AclUser {
    /// Where what it proves itself with is kept: the health check's in the folder that the server mounts, a service's in
    /// its own, everybody else's below `clients/`.
    pub fn keep(&self) -> Keep<'_> {
        keep(&self.name)
    }
}

/// [`AclUser::keep`], by name: those of [`RESERVED`] are ours.
pub fn keep(user: &str) -> Keep<'_> {
    let client = |folders| Keep { folders, password: "password", stem: "client" };
    match user {
        HEALTH => Keep { folders: [Some("server"), None], password: "health.password", stem: HEALTH },
        EXPORTER | BACKUP => client([Some(user), None]),
        _ => client([Some("clients"), Some(user)]),
    }
}

/// How a user proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// By a password, which the sealed file holds as a digest.
    Password,
    /// Any password, or none: development's `default` only.
    Anything,
    /// Not at all.
    Never,
}

impl Model {
    /// True in production.
    pub fn production(&self) -> bool {
        self.profile.environment == Environment::Production
    }

    /// True if connections are encrypted.
    pub fn tls(&self) -> bool {
        self.profile.tls.mode != TlsMode::Disabled
    }

    /// True if clients must show a certificate.
    pub fn mutual(&self) -> bool {
        self.profile.tls.mode == TlsMode::Mutual
    }

    /// True if anyone logs in with a password; then `health` does too.
    pub fn passwords(&self) -> bool {
        self.logins().next().is_some()
    }

    /// True if there is anything to keep secret.
    pub fn has_secrets(&self) -> bool {
        self.passwords() || self.tls()
    }

    /// Everybody who logs in with a password, ours included.
    pub fn logins(&self) -> impl Iterator<Item = &AclUser> {
        self.users.iter().filter(|user| user.login == Login::Password)
    }

    /// Users whose passwords and certificates belong to applications and people.
    pub fn clients(&self) -> impl Iterator<Item = &AclUser> {
        self.logins().filter(|user| user.place.is_some())
    }

    /// Who the application of the examples and of `client/` is: the first enabled one, else `default` if it needs no
    /// password.
    pub fn application(&self) -> Option<&AclUser> {
        let application = |user: &&AclUser| user.enabled && user.role == Some(Role::Application);
        let listed = self.clients().filter(application).min_by_key(|user| user.place);
        listed.or_else(|| self.users.iter().find(|user| user.login == Login::Anything))
    }

    /// The encrypted volume on the host, if the data lies on one.
    pub fn luks(&self) -> Option<&Luks> {
        self.profile.encryption_at_rest.as_ref()?.luks.as_ref()
    }

    /// Name of its mapping below /dev/mapper, also its LUKS2 label. Without `-`, which systemd escapes in names
    /// of units; at most 42 characters, of 47 in a label.
    pub fn mapping(&self) -> String {
        format!("redis_{}", self.project.replace('-', "_"))
    }

    /// `prod` or `dev`, in names of files.
    pub fn environment_suffix(&self) -> &'static str {
        if self.production() { "prod" } else { "dev" }
    }
}

/// The user of the health check.
pub const HEALTH: &str = "health";
/// The user of the exporter for Prometheus.
pub const EXPORTER: &str = "exporter";
/// The user that starts a save for a backup.
pub const BACKUP: &str = "backup";

/// Names that services of ours use.
pub const RESERVED: &[&str] = &[HEALTH, EXPORTER, BACKUP];
