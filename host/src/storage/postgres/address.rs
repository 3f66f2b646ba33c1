//! The address of a database: hosts, name, user and the use of TLS, without the password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail, ensure};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// The address of a PostgreSQL database, for example `postgres://mlforge@db1,db2/mlforge`.
///
/// Of several hosts, the one that takes writes is used. The certificate of a server is always verified, against the
/// certificates of the operating system or against those in the file that `sslrootcert` names. TLS is used unless all
/// hosts are this machine, or the address says `sslmode=disable`.
#[derive(Clone)]
pub struct PostgresAddress {
    pub(super) config: Config,
    pub(super) root_certificates: Option<PathBuf>,
}

impl PostgresAddress {
    /// Sets the password.
    #[must_use]
    pub fn with_password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.config.password(password);
        self
    }
}

/// Parses an address. A password in it is refused: other users of the machine see the arguments of a process.
impl FromStr for PostgresAddress {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        ensure!(
            text.starts_with("postgres://") || text.starts_with("postgresql://"),
            "an address of a database begins with postgres://"
        );
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut mode, mut root_certificates, mut kept) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", word)) => mode = Some(ssl_mode(word)?),
                Some(("sslrootcert", file)) => root_certificates = Some(decoded(file)?),
                _ => kept.push(pair),
            }
        }
        let address = format!("{base}?{}", kept.join("&"));
        // The parser's error may quote the address, which may have a password.
        let Ok(mut config) = address.trim_end_matches('?').parse::<Config>() else {
            bail!("not of the form postgres://USER@HOST[:PORT][,HOST…]/DATABASE[?sslmode=…&sslrootcert=…]");
        };
        ensure!(
            config.get_password().is_none(),
            "no password in the address: put it into the environment as PGPASSWORD, or name a file of it"
        );
        ensure!(!config.get_hosts().is_empty(), "the address names no host");
        let local = config.get_hosts().iter().all(is_this_machine);
        // Debian's server offers TLS with a certificate that nobody has signed. On this machine nobody listens.
        config.ssl_mode(mode.unwrap_or(if local { SslMode::Disable } else { SslMode::Require }));
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(Self {
            config,
            root_certificates,
        })
    }
}

/// The hosts and the name of the database. The user is left out.
impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.config.get_hosts().iter().map(host_name).collect();
        let name = self.config.get_dbname().unwrap_or_default();
        write!(f, "postgres://{}/{name}", hosts.join(","))
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The use of TLS. Every mode with TLS verifies, so the weaker modes mean the strongest.
fn ssl_mode(word: &str) -> anyhow::Result<SslMode> {
    match word {
        "disable" => Ok(SslMode::Disable),
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        other => bail!("sslmode={other}: it is disable, require or verify-full"),
    }
}

fn decoded(text: &str) -> anyhow::Result<PathBuf> {
    let path = percent_encoding::percent_decode_str(text).decode_utf8();
    Ok(PathBuf::from(path.context("sslrootcert is no path")?.into_owned()))
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(directory) => directory.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> PostgresAddress {
        text.parse().unwrap()
    }

    #[test]
    fn tls_is_required_unless_the_database_is_on_this_machine() {
        for (address, mode) in [
            ("postgres://me@db.example.org/x", SslMode::Require),
            ("postgres://me@db.example.org/x?sslmode=verify-full", SslMode::Require),
            ("postgres://me@db.example.org/x?sslmode=disable", SslMode::Disable),
            ("postgres://me@127.0.0.1:5433/x", SslMode::Disable),
            ("postgres://me@127.0.0.1,db.example.org/x", SslMode::Require),
            ("postgresql://me@localhost/x?sslmode=require", SslMode::Require),
        ] {
            assert_eq!(parsed(address).config.get_ssl_mode(), mode, "{address}");
        }
        let own = parsed("postgres://me@db/x?sslrootcert=/etc/own%20ca.pem&connect_timeout=3");
        assert_eq!(own.root_certificates, Some(PathBuf::from("/etc/own ca.pem")));
    }

    #[test]
    fn an_address_with_a_password_or_a_mistake_is_refused_without_repeating_it() {
        for bad in [
            "postgres://me:secret@db/x",
            "postgres://me@db/x?password=secret",
            "postgres://me@db/x?sslmode=secret-less",
            "postgres://me@db:secret/x",
            "mysql://me:secret@db/x",
            "postgres:///x",
        ] {
            let error = PostgresAddress::from_str(bad).unwrap_err().to_string();
            assert!(
                !error.contains("secret@") && !error.contains("=secret&"),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let address = parsed("postgres://me@db/x").with_password("secret");
        let shown = format!("{address} {address:?} {:?}", address.config);
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(address.to_string(), "postgres://db/x");
        assert_eq!(address.config.get_password(), Some(&b"secret"[..]));
    }
}
