//! The certificate of a server, and the authority that signs it, made with openssl.

use std::path::Path;

use anyhow::{Context, Result};

use crate::programs::{Programs, run};

/// The file of the authority's certificate.
pub(crate) const AUTHORITY: &str = "authority.pem";
/// The file of the certificate of another authority.
pub(crate) const OTHER_AUTHORITY: &str = "other-authority.pem";

/// The arguments of a new key.
const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/// Makes the certificate of a cluster in this folder, whose data is in `data`.
pub(crate) fn make(programs: &Programs, dir: &Path) -> Result<()> {
    let openssl = |args: &[&str]| {
        let mut openssl = programs.any(Path::new("openssl"), dir);
        run(openssl.args(args)).context("cannot make a certificate")
    };
    for (name, key, file) in [
        ("/CN=authority", "authority.key", AUTHORITY),
        ("/CN=other authority", "other-authority.key", OTHER_AUTHORITY),
    ] {
        let out = ["-days", "2", "-subj", name, "-keyout", key, "-out", file];
        openssl(&[&["req", "-x509"][..], &NEW_KEY, &out].concat())?;
    }
    let names = ["-subj", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1"];
    let out = ["-keyout", "data/server.key", "-out", "server.csr"];
    openssl(&[&["req"][..], &NEW_KEY, &names, &out].concat())?;
    let signed = [
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-days",
        "2",
        "-copy_extensions",
        "copy",
    ];
    let by = [
        "-CA",
        AUTHORITY,
        "-CAkey",
        "authority.key",
        "-CAcreateserial",
        "-out",
        "data/server.crt",
    ];
    openssl(&[&signed[..], &by].concat())
}
