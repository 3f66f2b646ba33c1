//! The forge of a server: its flags, its secrets, and the data directory that belongs to it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use async_trait::async_trait;
use clap::Args;
use mlforge::forge::gitea::{Flavor, GiteaForge, GiteaOptions};
use mlforge::forge::gitlab::{GitlabForge, GitlabOptions};
use mlforge::forge::http::{HttpForge, HttpOptions};
use mlforge::forge::local::LocalForge;
use mlforge::forge::{Credential, Decision, Forge, ForgeAddress, ForgeError, ProjectRef};
use mlforge::storage::ProjectId;
use mlforge::storage::postgres::PostgresRecords;

pub(super) use self::owner::{LOCAL, LOCAL_FILE, OWNER_FILE, SETTING as OWNER_SETTING, owner};
use self::owner::{claim, claim_database, owner_of_database};
use super::place::Place;
use super::storage::OpenRecords;

mod owner;

/// The environment variable of the service token.
const TOKEN_VARIABLE: &str = "MLFORGE_FORGE_TOKEN";
/// The environment variable of the secret with which the forge signs its webhooks.
const WEBHOOK_SECRET_VARIABLE: &str = "MLFORGE_FORGE_WEBHOOK_SECRET";

/// Options for the forge that knows users, projects and roles.
#[derive(Debug, Args)]
pub(super) struct ForgeArgs {
    /// The forge that decides who may do what: local (users of this server), gitea=URL (Forgejo too), gogs=URL,
    /// gitlab=URL, or http=URL (any other, see docs/forge-protocol.md)
    #[arg(long, value_name = "FORGE", default_value = "local")]
    pub(super) forge: ForgeChoice,

    /// Certificates in PEM of authorities that are trusted for the forge besides the system's
    #[arg(long, value_name = "FILE")]
    forge_ca: Option<PathBuf>,

    /// File with a token of the forge for what callers may not ask themselves, such as CI jobs
    /// [default: MLFORGE_FORGE_TOKEN]
    #[arg(long, value_name = "FILE")]
    forge_token_file: Option<PathBuf>,

    /// File with the secret of the forge's webhooks, which go to /-/webhook
    /// [default: MLFORGE_FORGE_WEBHOOK_SECRET]
    #[arg(long, value_name = "FILE")]
    forge_webhook_secret_file: Option<PathBuf>,

    /// Audience (`aud`) that ID tokens of CI jobs must name; may be repeated [default: the external URL]
    #[arg(long, value_name = "NAME")]
    forge_audience: Vec<String>,

    /// Let a run that ends set a status of the commit that it names, with a link to the run (gitea, gitlab)
    #[arg(long)]
    pub(super) commit_statuses: bool,

    /// Name of the cookie with which an http forge signs in its users
    #[arg(long, value_name = "NAME")]
    forge_cookie: Option<String>,
}

/// The kind of a forge, and its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ForgeChoice {
    Local,
    Gitea(String),
    Gogs(String),
    Gitlab(String),
    Http(String),
}

/// A forge that is ready to be asked.
#[derive(Clone)]
pub(super) enum OpenForge {
    /// The users and projects of the data directory.
    Local(Arc<LocalForge>),
    /// A forge elsewhere.
    Remote(Arc<dyn Forge>),
}

impl FromStr for ForgeChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "local" {
            return Ok(Self::Local);
        }
        let (kind, url) = text.split_once('=').unwrap_or((text, ""));
        let make = match kind {
            "gitea" | "forgejo" => Self::Gitea,
            "gogs" => Self::Gogs,
            "gitlab" => Self::Gitlab,
            "http" => Self::Http,
            "local" => return Err("the local forge has no URL".to_owned()),
            _ => return Err("a forge is one of local, gitea=URL, gogs=URL, gitlab=URL and http=URL".to_owned()),
        };
        super::parse_base_url(url)
            .map(make)
            .map_err(|error| format!("the URL after `{kind}=` is {error}"))
    }
}

impl fmt::Display for ForgeChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Gitea(url) => write!(f, "gitea={url}"),
            Self::Gogs(url) => write!(f, "gogs={url}"),
            Self::Gitlab(url) => write!(f, "gitlab={url}"),
            Self::Http(url) => write!(f, "http={url}"),
        }
    }
}

impl OpenForge {
    pub(super) fn forge(&self) -> Arc<dyn Forge> {
        match self {
            Self::Local(forge) => Arc::<LocalForge>::clone(forge),
            Self::Remote(forge) => Arc::clone(forge),
        }
    }

    /// The local forge. `None`: another one is asked.
    pub(super) fn local(&self) -> Option<&Arc<LocalForge>> {
        match self {
            Self::Local(forge) => Some(forge),
            Self::Remote(_) => None,
        }
    }
}

impl ForgeArgs {
    /// Opens the forge. `external_url` is the default audience of ID tokens.
    pub(super) async fn open(
        &self,
        place: &Place,
        records: &OpenRecords,
        external_url: Option<&str>,
    ) -> anyhow::Result<OpenForge> {
        self.refuse_unused()?;
        match records {
            OpenRecords::Database(records) => claim_database(records, &self.forge).await?,
            OpenRecords::Directory(_) => claim(place.data(), &self.forge)?,
        }
        let url = match &self.forge {
            ForgeChoice::Local => return Ok(OpenForge::Local(Arc::new(open_local(place)?))),
            ForgeChoice::Gitea(url) | ForgeChoice::Gogs(url) | ForgeChoice::Gitlab(url) | ForgeChoice::Http(url) => url,
        };
        let address = self.address(url)?;
        let service_token = secret(self.forge_token_file.as_deref(), TOKEN_VARIABLE)?;
        self.check_commit_statuses(external_url, service_token.as_deref())?;
        let webhook_secret = secret(self.forge_webhook_secret_file.as_deref(), WEBHOOK_SECRET_VARIABLE)?;
        let audience = match external_url {
            Some(url) if self.forge_audience.is_empty() => vec![url.to_owned()],
            _ => self.forge_audience.clone(),
        };
        let gitea = |flavor, audience| GiteaOptions {
            address: address.clone(),
            flavor,
            service_token: service_token.clone(),
            webhook_secret: webhook_secret.clone(),
            audience,
        };
        let forge: Arc<dyn Forge> = match &self.forge {
            ForgeChoice::Gogs(_) => Arc::new(GiteaForge::new(gitea(Flavor::Gogs, audience))?),
            ForgeChoice::Gitlab(_) => Arc::new(GitlabForge::new(GitlabOptions {
                address,
                service_token,
                webhook_secret,
                audience,
            })?),
            ForgeChoice::Http(_) => Arc::new(HttpForge::new(HttpOptions {
                address,
                service_token,
                webhook_secret,
                session_cookie: self.forge_cookie.clone(),
            })?),
            ForgeChoice::Gitea(_) | ForgeChoice::Local => Arc::new(GiteaForge::new(gitea(Flavor::Gitea, audience))?),
        };
        Ok(OpenForge::Remote(forge))
    }

    /// Refuses commit statuses without a token that sets them, or an address to which they lead.
    fn check_commit_statuses(&self, external_url: Option<&str>, service_token: Option<&str>) -> anyhow::Result<()> {
        let needs = |what: &str| format!("--commit-statuses needs {what}");
        if self.commit_statuses {
            ensure!(
                service_token.is_some(),
                needs("a token that may set them: --forge-token-file")
            );
            ensure!(
                external_url.is_some(),
                needs("--external-url, below which their links lead")
            );
        }
        Ok(())
    }

    /// The location of a forge at this URL.
    pub(super) fn address(&self, url: &str) -> anyhow::Result<ForgeAddress> {
        Ok(ForgeAddress {
            url: url.to_owned(),
            authorities: self.forge_ca.as_deref().map(read).transpose()?,
        })
    }

    /// Refuses options that the forge would not use: the administrator meant something else.
    fn refuse_unused(&self) -> anyhow::Result<()> {
        let is_local = self.forge == ForgeChoice::Local;
        let takes_id_tokens = matches!(self.forge, ForgeChoice::Gitea(_) | ForgeChoice::Gitlab(_));
        let takes_cookie = matches!(self.forge, ForgeChoice::Http(_));
        let unused = [
            ("--forge-ca", self.forge_ca.is_some() && is_local),
            ("--forge-token-file", self.forge_token_file.is_some() && is_local),
            (
                "--forge-webhook-secret-file",
                self.forge_webhook_secret_file.is_some() && is_local,
            ),
            ("--forge-audience", !self.forge_audience.is_empty() && !takes_id_tokens),
            // The same forges take commit statuses.
            ("--commit-statuses", self.commit_statuses && !takes_id_tokens),
            ("--forge-cookie", self.forge_cookie.is_some() && !takes_cookie),
        ];
        match unused.iter().find(|(_, is_unused)| *is_unused) {
            Some((flag, _)) => bail!("{flag} has no use with --forge {}", self.forge),
            None => Ok(()),
        }
    }
}

/// Opens the local forge of a data directory for a command that manages users.
pub(super) fn open_managed(place: &Place) -> anyhow::Result<LocalForge> {
    if let Some(address) = &place.database {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // This creates the tables if there are none yet.
        let records = runtime.block_on(PostgresRecords::open(address))?;
        let claimed = runtime.block_on(claim_database(&records, &ForgeChoice::Local));
        claimed.context("only the local forge is managed here")?;
    } else if let Some(owner) = owner(place.data())? {
        bail!(
            "{} belongs to the forge {owner}, which manages users, projects and tokens itself",
            place.data().display()
        );
    }
    open_local(place)
}

/// Opens the forge to which a data directory belongs, for a command that asks it nothing of callers.
pub(super) async fn open_owned(place: &Place, records: &OpenRecords) -> anyhow::Result<OpenForge> {
    let is_local = match records {
        OpenRecords::Database(records) => owner_of_database(records, &ForgeChoice::Local).await? == LOCAL,
        OpenRecords::Directory(_) => owner(place.data())?.is_none(),
    };
    Ok(if is_local {
        OpenForge::Local(Arc::new(open_local(place)?))
    } else {
        OpenForge::Remote(Arc::new(NoCallers))
    })
}

/// The project that the user named. Other forges than the local one are not asked, so there it is named by number.
pub(super) fn named(forge: &OpenForge, project: &ProjectRef) -> anyhow::Result<ProjectId> {
    let Some(local) = forge.local() else {
        return match project {
            ProjectRef::Id(id) => Ok(ProjectId(*id)),
            ProjectRef::Path(path) => bail!("`{path}`: name the project by its number on the forge"),
        };
    };
    local
        .find_project(project)?
        .map(|project| project.id)
        .with_context(|| format!("there is no project `{project}`: mlforge project create makes one"))
}

/// A forge that knows nobody, for hosts that serve no requests.
struct NoCallers;

#[async_trait]
impl Forge for NoCallers {
    async fn resolve(&self, _: &ProjectRef, _: &Credential) -> Result<Decision, ForgeError> {
        Ok(Decision::Unauthenticated)
    }
}

fn open_local(place: &Place) -> anyhow::Result<LocalForge> {
    match &place.database {
        Some(address) => LocalForge::open_database(address),
        None => LocalForge::open(&place.data().join(LOCAL_FILE)),
    }
}

/// Reads a file that an option names.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Reads a secret from its file, else from the environment. Line breaks at its end do not count.
pub(super) fn secret(file: Option<&Path>, variable: &str) -> anyhow::Result<Option<String>> {
    let (secret, from) = match (file, std::env::var(variable)) {
        (Some(file), Ok(_)) => bail!(
            "both {} and the variable {variable} are given: leave one out",
            file.display()
        ),
        (Some(file), Err(_)) => {
            let text = String::from_utf8(read(file)?).with_context(|| format!("{} is no text", file.display()))?;
            (text, file.display().to_string())
        }
        (None, Ok(text)) => (text, format!("the variable {variable}")),
        (None, Err(_)) => return Ok(None),
    };
    let secret = secret.trim();
    ensure!(!secret.is_empty(), "{from} is empty, and should have a secret");
    Ok(Some(secret.to_owned()))
}

#[cfg(test)]
mod tests;
