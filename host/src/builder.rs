//! The builder of a host.

mod bounds;
mod host_keys;
mod source_schemes;

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail, ensure};

use self::host_keys::{flow_key, new_key};
pub use self::source_schemes::SOURCE_SCHEMES;
use self::source_schemes::scheme_list;
use crate::auth::attempts::Attempts;
use crate::auth::cookies::Cookies;
use crate::auth::once::OnceLink;
use crate::auth::origin::Origins;
use crate::auth::session::Sessions;
use crate::auth::sign_in::SignIn;
use crate::auth::upload_token::UploadTokens;
use crate::forge::cache::CachedForge;
use crate::forge::local::LocalForge;
use crate::forge::oauth::OauthClient;
use crate::forge::{Forge, OauthOptions};
use crate::host::audit::AuditLog;
use crate::host::{Host, HostConfig};
use crate::http::client_address::TrustedProxies;
use crate::http::ui_files::UiFiles;
use crate::limits::Limits;
use crate::limits::descriptors;
use crate::runtime::commit_statuses::CommitStatuses;
use crate::runtime::component::Plugin;
use crate::runtime::environment::{Clock, Rng};
use crate::runtime::forge_rest::ForgeRest;
use crate::runtime::retry_locks::RetryLocks;
use crate::runtime::services::HostServices;
use crate::runtime::threads::Threads;
use crate::storage::postgres::{PostgresAddress, SharedState};
use crate::storage::{Blobs, Records};

/// Collects the parts of a [`Host`]. Component, records, blobs and forge are required, and the rest has
/// defaults.
#[must_use]
pub struct HostBuilder {
    component: Option<Component>,
    compiled_cache: Option<PathBuf>,
    records: Option<Arc<dyn Records>>,
    blobs: Option<Arc<dyn Blobs>>,
    forge: Option<Arc<dyn Forge>>,
    limits: Limits,
    isolate: bool,
    background_maintenance: bool,
    source_schemes: Vec<String>,
    external_url: Option<String>,
    public_metrics: bool,
    commit_statuses: bool,
    host_names: Vec<String>,
    audit_kept_for: Option<Duration>,
    traces_kept_for: Option<Duration>,
    trusted_proxies: Vec<IpAddr>,
    mlflow_ui: Option<PathBuf>,
    upload_token_key: Option<[u8; 32]>,
    sessions: Option<PathBuf>,
    database: Option<PostgresAddress>,
    oauth: Option<OauthOptions>,
    forge_sign_in: Option<String>,
    local: Option<Arc<LocalForge>>,
    clock: Clock,
    randomness: Rng,
}

enum Component {
    Bytes(Cow<'static, [u8]>),
    Compiled(Plugin),
}

impl Host {
    /// Creates a builder.
    pub fn builder() -> HostBuilder {
        HostBuilder::new()
    }
}

impl HostBuilder {
    fn new() -> Self {
        Self {
            component: None,
            compiled_cache: None,
            records: None,
            blobs: None,
            forge: None,
            limits: Limits::default(),
            isolate: false,
            background_maintenance: true,
            source_schemes: SOURCE_SCHEMES.map(str::to_owned).to_vec(),
            external_url: None,
            public_metrics: false,
            commit_statuses: false,
            host_names: Vec::new(),
            audit_kept_for: None,
            traces_kept_for: None,
            trusted_proxies: Vec::new(),
            mlflow_ui: None,
            upload_token_key: None,
            sessions: None,
            database: None,
            oauth: None,
            forge_sign_in: None,
            local: None,
            clock: Arc::new(SystemTime::now),
            randomness: Rng::System,
        }
    }

    /// Sets the component to serve, as its bytes.
    pub fn component(mut self, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        self.component = Some(Component::Bytes(bytes.into()));
        self
    }

    /// Sets the component to serve, already compiled.
    pub fn plugin(mut self, plugin: Plugin) -> Self {
        self.component = Some(Component::Compiled(plugin));
        self
    }

    /// Sets a directory for the compiled component, so that the next start need not compile it. By default
    /// every start compiles. Files in the directory are run as machine code, so it is made private to this
    /// user.
    pub fn compiled_cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.compiled_cache = Some(directory.into());
        self
    }

    /// Sets the storage of the component's records.
    pub fn records(mut self, records: Arc<impl Records>) -> Self {
        self.records = Some(records);
        self
    }

    /// Sets the storage of the component's files.
    pub fn blobs(mut self, blobs: Arc<impl Blobs>) -> Self {
        self.blobs = Some(blobs);
        self
    }

    /// Sets the forge, which identifies callers.
    pub fn forge(mut self, forge: Arc<dyn Forge>) -> Self {
        self.forge = Some(forge);
        self.local = None;
        self
    }

    /// Sets the forge of the server's own users, which they also manage on the server's pages: their tokens at `/-/tokens`, and
    /// the members of projects that they own at `/-/members`.
    pub fn local_forge(mut self, forge: Arc<LocalForge>) -> Self {
        self.forge = Some(Arc::<LocalForge>::clone(&forge));
        self.local = Some(forge);
        self
    }

    /// Sets the limits; by default [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// If true, gives every request an instance of its own. By default a project's instances are reused.
    pub fn isolate(mut self, isolate: bool) -> Self {
        self.isolate = isolate;
        self
    }

    /// If true, runs compaction in the background, as is the default. If false, only
    /// [`Host::run_maintenance`] does.
    pub fn background_maintenance(mut self, background_maintenance: bool) -> Self {
        self.background_maintenance = background_maintenance;
        self
    }

    /// Sets the schemes, for example `s3`, by which the source of a model version may point outside its
    /// project; by default [`SOURCE_SCHEMES`]. A client that loads such a version follows its source, and
    /// MLflow's clients send their token along to an `https` one. So omit schemes to which no client should
    /// be sent.
    pub fn source_schemes(mut self, schemes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.source_schemes = schemes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the URL by which clients reach the host, for example `https://ml.example.org`, without
    /// `/api/v4/projects/…`. By default it is the address to which each request was sent. Behind a proxy that
    /// is unknown, and clients cannot send a file in parts.
    pub fn external_url(mut self, url: impl Into<String>) -> Self {
        self.external_url = Some(url.into());
        self
    }

    /// If true, a run that ends and names a commit sets a status of that commit on the forge, with a link to the
    /// run; by default none is set. The forge must implement [`Forge::set_commit_status`], and `external_url` be
    /// given, below which the links lead.
    pub fn commit_statuses(mut self, commit_statuses: bool) -> Self {
        self.commit_statuses = commit_statuses;
        self
    }

    /// If true, [`Host::handle`] answers `/-/metrics` to everybody; by default it is not found there. See
    /// [`Host::serve_monitoring`].
    pub fn public_metrics(mut self, public_metrics: bool) -> Self {
        self.public_metrics = public_metrics;
        self
    }

    /// Adds names by which browsers know the host, without ports, for example `ml.example.org`.
    ///
    /// The host of `external_url`, the loopback names (`localhost`, `127.0.0.1`, `[::1]`) and the address
    /// that a request came to are known already. A request with a password or a cookie under any other name
    /// is refused (403), since any page could have made a browser send it. Tokens in separate headers are
    /// accepted under any name.
    pub fn host_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.host_names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the secret key that seals upload tokens and sign-ins under way; by default a new one, so that no upload in parts
    /// continues after a restart. The key and an upload token together reveal the credential of the token's
    /// owner.
    pub fn upload_token_key(mut self, key: [u8; 32]) -> Self {
        self.upload_token_key = Some(key);
        self
    }

    /// Sets the file of the browsers' sessions, which is made when absent; by default they end with the process. The file has
    /// no credential that can be used: each is sealed under a key that only the browser has.
    pub fn sessions(mut self, file: impl Into<PathBuf>) -> Self {
        self.sessions = Some(file.into());
        self
    }

    /// Sets the database that hosts share, in which the tables exist: [`PostgresRecords::open`] has created them. The sessions
    /// of browsers are there, whatever [`Self::sessions`] says. Hosts tell each other there of webhooks and of maintenance.
    ///
    /// [`PostgresRecords::open`]: crate::storage::postgres::PostgresRecords::open
    pub fn database(mut self, address: PostgresAddress) -> Self {
        self.database = Some(address);
        self
    }

    /// Lets browsers sign in on the forge with OAuth. It needs `external_url`: the forge leads back to
    /// `/-/oauth/callback` below it.
    pub fn oauth(mut self, options: OauthOptions) -> Self {
        self.oauth = Some(options);
        self
    }

    /// Sets the page on which the forge signs in its users, for a forge whose cookie this host takes. The host's own page
    /// links to it.
    pub fn forge_sign_in(mut self, url: impl Into<String>) -> Self {
        self.forge_sign_in = Some(url.into());
        self
    }

    /// Keeps an audit log of each project, and each record for this time; by default there is none. Maintainers and
    /// owners of a project read it at `/-/ml/audit` below the project's address.
    pub fn audit_log(mut self, kept_for: Duration) -> Self {
        self.audit_kept_for = Some(kept_for);
        self
    }

    /// Removes traces that began this long ago; by default they stay. It happens after a request of the project, at most
    /// once an hour.
    pub fn trace_retention(mut self, kept_for: Duration) -> Self {
        self.traces_kept_for = Some(kept_for);
        self
    }

    /// Sets the proxies whose header `x-forwarded-for` names the client in the audit log; by default none is
    /// believed.
    pub fn trusted_proxies(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.trusted_proxies = addresses.into_iter().collect();
        self
    }

    /// Serves MLflow's own web pages at `/-/ml/mlflow-ui/` below a project's path; by default they are not served. The
    /// directory is the static build in an installed MLflow, `…/mlflow/server/js/build`. Its scripts act with the rights
    /// of those who open the pages.
    pub fn mlflow_ui(mut self, directory: impl Into<PathBuf>) -> Self {
        self.mlflow_ui = Some(directory.into());
        self
    }

    /// Sets the clock that the component sees, and by which decisions of the forge grow old; by default the
    /// system's.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// Makes the component's random bytes the same in every run: for tests only. By default they are the
    /// system's.
    pub fn random_seed(mut self, seed: u64) -> Self {
        self.randomness = Rng::seeded(seed);
        self
    }

    /// Builds the host. Fails when a part is missing or the component cannot be used.
    pub fn build(mut self) -> anyhow::Result<Host> {
        if let Some(descriptors) = descriptors::limit() {
            // Each connection may need a second descriptor, for a file.
            self.limits.connections_max = self.limits.connections_max.min(descriptors / 2).max(1);
        }
        let plugin = match self.component.context("a host needs a component")? {
            Component::Bytes(bytes) => Plugin::compile(&bytes, self.compiled_cache.as_deref(), &self.limits)?,
            Component::Compiled(plugin) => plugin,
        };
        let blobs = self.blobs.context("a host needs blobs")?;
        let quota = bounds::file_quota(&self.limits, &blobs);
        let records = self.records.context("a host needs records")?;
        let records = bounds::bounded_records(&self.limits, records, self.database.is_some());
        let external_url = self
            .external_url
            .as_ref()
            .map(|url| url.trim_end_matches('/').to_owned());
        let shared = self.database.as_ref().map(SharedState::open).transpose()?.map(Arc::new);
        let services = HostServices {
            commit_statuses: commit_statuses(self.commit_statuses, external_url.as_deref())?,
            file_bytes_max: self.limits.file_bytes_max,
            upload_tokens: UploadTokens::new(&self.upload_token_key.map_or_else(new_key, Ok)?),
            turns: RetryLocks::default(),
            forge_rest: ForgeRest::default(),
            records,
            blobs: quota.clone().map_or(blobs, |quota| Arc::new(quota)),
            quota,
            forge: CachedForge::new(
                self.forge.context("a host needs a forge")?,
                self.limits.forge_timeout,
                Arc::clone(&self.clock),
            )
            .shared_by(shared.clone()),
            shared,
            clock: self.clock,
            randomness: self.randomness,
        };
        ensure!(
            self.oauth.is_none() || self.external_url.is_some(),
            "sign-in on the forge needs the external URL, to which the forge leads back"
        );
        let sign_in = SignIn {
            sessions: match &self.database {
                Some(address) => Sessions::open_database(address)?,
                None => Sessions::open(self.sessions.as_deref())?,
            },
            attempts: Attempts::new(),
            once: OnceLink::default(),
            cookies: Cookies::new(self.external_url.as_deref()),
            oauth: self.oauth.map(OauthClient::new).transpose()?,
            forge_page: self.forge_sign_in,
            local: self.local,
            flow_key: self.upload_token_key.map_or_else(new_key, |key| Ok(flow_key(&key)))?,
        };
        let origins = Origins::new(&self.host_names, self.external_url.as_deref())?;
        let config = HostConfig {
            origins,
            traces_kept_for: self.traces_kept_for,
            audit: AuditLog {
                kept_for: self.audit_kept_for,
                trusted_proxies: TrustedProxies::new(self.trusted_proxies),
            },
            mlflow_ui: self.mlflow_ui.as_deref().map(UiFiles::open).transpose()?,
            isolate: self.isolate,
            background_maintenance: self.background_maintenance,
            source_schemes: scheme_list(&self.source_schemes)?,
            external_url,
            public_metrics: self.public_metrics,
        };
        let threads = Threads::start().context("cannot start threads of lower priority")?;
        Ok(Host::new(plugin, services, self.limits, threads, sign_in, config))
    }
}

fn commit_statuses(is_on: bool, external_url: Option<&str>) -> anyhow::Result<Option<CommitStatuses>> {
    match (is_on, external_url) {
        (false, _) => Ok(None),
        (true, Some(url)) => Ok(Some(CommitStatuses::new(url.to_owned()))),
        (true, None) => bail!("commit statuses need the external URL, below which their links lead"),
    }
}

#[cfg(test)]
mod tests;
