//! Where the server finds its files and listens: the paths inside its container, or those of a proof outside of one.

/// Paths and addresses of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Folder of redis.conf and what belongs to it.
    pub conf: String,
    /// Folder of `secrets/server`.
    pub secrets: String,
    /// Folder of the data.
    pub data: String,
    /// Addresses that the server listens on.
    pub bind: Vec<String>,
    /// Port that it listens on.
    pub port: u16,
}

impl Layout {
    /// Folder of the configuration inside the container.
    pub const CONF: &'static str = "/usr/local/etc/redis";
    /// Folder of `secrets/server` inside the container. Mounted as one folder: a single-file mount keeps
    /// showing the old file after a rename on the host (measured), so that a reload would read stale data.
    pub const SECRETS: &'static str = "/run/redis";
    /// Port of the server inside the container.
    pub const PORT: u16 = 6379;

    /// As the compose file mounts it.
    pub fn container() -> Layout {
        Layout {
            conf: Layout::CONF.to_owned(),
            secrets: Layout::SECRETS.to_owned(),
            data: "/data".to_owned(),
            bind: vec!["*".to_owned(), "-::*".to_owned()],
            port: Layout::PORT,
        }
    }
}
