//! Compilation of the component in a separate process, whose memory is freed when it ends. A server that
//! compiles would keep 70 MiB for good, because allocators rarely return small blocks that several threads
//! allocated.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use mlforge::{Limits, Plugin};
use sha2::{Digest, Sha256};

/// Name of the marker file beside the compiled component. The marker identifies the component.
const MARK: &str = "compiled";

/// The directory of the compiled component.
pub(super) fn cache(data: &Path) -> PathBuf {
    data.join("cache")
}

/// The component that the user names, else the built-in one.
pub(super) fn component(plugin: Option<&Path>) -> anyhow::Result<Cow<'static, [u8]>> {
    match plugin {
        Some(file) => Ok(Cow::Owned(
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?,
        )),
        None => Ok(Cow::Borrowed(mlforge_component::COMPONENT)),
    }
}

/// Compiles the component in another process, unless the marker says that it is compiled. A failure is only
/// logged: a later use of the component compiles it in this process, and reports the cause.
pub(super) fn ahead(data: &Path, plugin: Option<&Path>, component: &[u8]) {
    let is_marked = fs::read_to_string(cache(data).join(MARK)).is_ok_and(|found| found == mark(component));
    if is_marked {
        return;
    }
    if let Err(error) = compile_apart(data, plugin) {
        tracing::debug!(
            reason = format!("{error:#}"),
            "the server has to compile the component itself"
        );
    }
}

/// Compiles the component and writes the marker. This runs in the other process.
pub(super) fn compile(data: &Path, plugin: Option<&Path>) -> anyhow::Result<()> {
    let component = component(plugin)?;
    let cache = cache(data);
    // The limits of a server do not change the compiled code.
    Plugin::compile(&component, Some(&cache), &Limits::default())?;
    fs::write(cache.join(MARK), mark(&component)).context("cannot mark the component as compiled")
}

fn compile_apart(data: &Path, plugin: Option<&Path>) -> anyhow::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("compile").arg("--data").arg(data);
    if let Some(plugin) = plugin {
        command.arg("--plugin").arg(plugin);
    }
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = quiet.status()?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}

/// The text of the marker. It includes the version of mlforge, because another version may compile
/// differently.
fn mark(component: &[u8]) -> String {
    let hash = Sha256::digest(component);
    format!("{} {hash:x}\n", env!("CARGO_PKG_VERSION"))
}
