//! The ways in which browsers sign in: their flags, and the link that is printed at the start.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use mlforge::forge::local::{LocalForge, NewToken};
use mlforge::forge::{Credential, OauthOptions, OauthProvider, Scope};
use mlforge::{Host, HostBuilder};
use time::{Duration, OffsetDateTime};

use super::forge::{ForgeArgs, ForgeChoice, OpenForge, secret};

/// The environment variable of the secret of the application by which browsers sign in on the forge.
const OAUTH_SECRET_VARIABLE: &str = "MLFORGE_OAUTH_CLIENT_SECRET";
/// Days for which the token of a link works: as long as a session, and the day on which that ends.
const TOKEN_DAYS: i64 = 31;

/// Options for the sign-in of browsers.
#[derive(Debug, Args)]
pub(super) struct SignInArgs {
    /// Page on which an http forge signs in its users
    #[arg(long, value_name = "URL", requires = "forge_cookie", value_parser = super::parse_base_url)]
    forge_sign_in: Option<String>,

    /// Id of an OAuth application of Gitea, Forgejo or GitLab, with which browsers sign in there; its redirect URI is
    /// the external URL and /-/oauth/callback
    #[arg(long, value_name = "ID", requires = "external_url")]
    oauth_client_id: Option<String>,

    /// File with the secret of that application; a public one has none
    /// [default: MLFORGE_OAUTH_CLIENT_SECRET]
    #[arg(long, value_name = "FILE", requires = "oauth_client_id")]
    oauth_client_secret_file: Option<PathBuf>,

    /// Print no link that signs in a browser once; one is only printed on a terminal, with the local forge
    #[arg(long, conflicts_with = "link_user")]
    no_link: bool,

    /// User whom that link signs in [default: the owner of projects, if there is exactly one]
    #[arg(long, value_name = "NAME")]
    link_user: Option<String>,
}

impl SignInArgs {
    /// Adds the ways in which browsers sign in on the forge, and the pages on which users of the local one manage.
    pub(super) fn lend(
        &self,
        builder: HostBuilder,
        forge: &ForgeArgs,
        open: &OpenForge,
    ) -> anyhow::Result<HostBuilder> {
        let builder = match open.local() {
            Some(local) => builder.local_forge(Arc::clone(local)),
            None => builder,
        };
        let builder = match &self.forge_sign_in {
            Some(page) => builder.forge_sign_in(page),
            None => builder,
        };
        let Some(client_id) = &self.oauth_client_id else {
            return Ok(builder);
        };
        let provider = match &forge.forge {
            ForgeChoice::Gitea(url) => Some((OauthProvider::Gitea, url)),
            ForgeChoice::Gitlab(url) => Some((OauthProvider::Gitlab, url)),
            ForgeChoice::Local | ForgeChoice::Gogs(_) | ForgeChoice::Http(_) => None,
        };
        ensure!(
            provider.is_some(),
            "--oauth-client-id has no use with --forge {}",
            forge.forge
        );
        let Some((provider, url)) = provider else {
            return Ok(builder);
        };
        Ok(builder.oauth(OauthOptions {
            address: forge.address(url)?,
            provider,
            client_id: client_id.clone(),
            client_secret: secret(self.oauth_client_secret_file.as_deref(), OAUTH_SECRET_VARIABLE)?,
        }))
    }

    /// The line with a link that signs in a browser once. Empty: none is wanted, the forge is not local, or no user is the one
    /// whom it may sign in.
    pub(super) fn link(&self, forge: &OpenForge, host: &Host, base: &str) -> anyhow::Result<String> {
        let Some(forge) = forge.local().filter(|_| !self.no_link) else {
            return Ok(String::new());
        };
        let user = match (&self.link_user, forge.list_owners()?.as_slice()) {
            (Some(named), _) => forge
                .find_user(named)?
                .with_context(|| format!("--link-user {named}: there is no such user"))?,
            (None, [owner]) => owner.clone(),
            (None, _) => return Ok(String::new()),
        };
        let forge = Arc::clone(forge);
        let path = host.sign_in_link(move || token_of(&forge, user));
        let path = path.context("no random bytes for a link")?;
        Ok(format!(
            "Open {base}{path} in a browser: it signs in once, within 10 minutes\n"
        ))
    }
}

/// Makes the token of a session that a link begins. It lives as long as the session.
fn token_of(forge: &LocalForge, user: String) -> anyhow::Result<Credential> {
    let today = OffsetDateTime::now_utc().date();
    let token = forge.create_token(&NewToken {
        user,
        project: None,
        scope: Scope::Api,
        expires: today.checked_add(Duration::days(TOKEN_DAYS)),
    })?;
    Ok(Credential::Bearer(token))
}
